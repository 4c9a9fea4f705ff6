/**
 * Calls to a context of which it is not known yet what it is: they wait, and go out in the order in
 * which they were made. And how many may.
 */
import { expect, test } from "bun:test";
import { Channel } from "../../src/channels/channel.ts";
import { Context } from "../../src/context/context.ts";
import type { Session, SlaveInfo } from "../../src/context/session.ts";
import type { EcontextError } from "../../src/errors.ts";
import type { Language, Wants } from "../../src/interpreters/kind.ts";
import type { Link } from "../../src/mux/link.ts";
import { Router } from "../../src/mux/router.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { decodeValue } from "../../src/protocol/value.ts";

/** A slave that says what it is when a test asks for it, and answers nothing. */
class Silent implements Session {
  readonly ready: Promise<SlaveInfo> = new Promise(() => {});
  readonly gone: Promise<void> = new Promise(() => {});
  readonly started: Wants[] = [];
  readonly offered: (readonly [modules: readonly string[], needs: readonly string[]])[] = [];
  #language: Language | undefined;
  readonly #known = Promise.withResolvers<void>();

  become(language: Language): void {
    this.#language = language;
    this.#known.resolve();
  }
  start(wants: Wants): void {
    this.started.push(wants);
  }
  language(): Language | undefined {
    return this.#language;
  }
  settled = () => this.#known.promise;
  async writable(): Promise<void> {}
  offer(modules: readonly string[], needs: readonly string[]): void {
    this.offered.push([modules, needs]);
  }
  isReady = () => false;
  reason = (): EcontextError | undefined => undefined;
  queuedBytes = () => 0;
  mapStack = (text: string) => text;
  sever(): void {}
}

function open() {
  const session = new Silent();
  const router = new Router(() => {});
  const sent: unknown[] = [];
  const link: Link = {
    heardAt: 0,
    forget: () => {},
    limit: () => {},
    ready: () => Promise.resolve(),
    send: (_envelope, body) => {
      const value = decodeValue(Buffer.concat(body as Uint8Array[])) as unknown[];
      if (Array.isArray(value) && Array.isArray(value[1])) sent.push(value[1][0]);
      return () => "sent";
    },
  };
  router.addRoute(1, { link, parent: 0, close: () => {} });
  const context = new Context({ id: 1, name: "web1", graceMs: 100 }, router, session);
  return { context, session, sent };
}

test("a first call says what is to be started", async () => {
  const { context, session } = open();
  for (const name of ["os.getpid", "node:os.hostname", "econtext.commands:run"]) {
    context.call(name).catch(() => {});
  }
  context.exec(["true"]);
  context.ping().catch(() => {});
  expect(session.started).toEqual(["python", "javascript", "any", "any", "any"]);
});

test("they keep their order, also with one that is made while they go out", async () => {
  const { context, session, sent } = open();
  for (let i = 0; i < 5; i++) context.call("f", i).catch(() => {});
  expect(sent).toEqual([]);
  session.become("python");
  for (let i = 5; i < 40; i++) {
    context.call("f", i).catch(() => {});
    await Promise.resolve();
  }
  await Bun.sleep(5);
  expect(sent).toEqual([...Array(40).keys()]);
});

test("what a command needs is offered when it is known for whom", async () => {
  const { context, session } = open();
  context.exec(["true"]);
  await Bun.sleep(1);
  expect(session.offered).toEqual([]);
  session.become("javascript");
  await Bun.sleep(1);
  // The senders of a command are handles: its request has no values that JSON has no type for.
  expect(session.offered.map(([, needs]) => needs)).toEqual([["commands", "channels"]]);
});

test("one of another language is refused, those behind it are not", async () => {
  const { context, session, sent } = open();
  const wrong = context.call("node:os.hostname").catch((error: unknown) => error);
  context.call("f", "right").catch(() => {});
  session.become("python");
  expect(await wrong).toMatchObject({ code: "ERR_USAGE_LANGUAGE" });
  await Bun.sleep(1);
  expect(sent).toEqual(["right"]);
});

test("a call that gives up keeps its place, and holds up no other", async () => {
  const { context, session, sent } = open();
  const late = context.callWith({ deadline: 5 }, "f", 1).catch((error: unknown) => error);
  context.call("f", 2).catch(() => {});
  expect(await late).toMatchObject({ code: "ERR_DEADLINE_CALL" });
  session.become("python");
  await Bun.sleep(1);
  context.call("f", 3).catch(() => {});
  expect(sent).toEqual([2, 3]);
});

test("open channels are no outstanding calls", async () => {
  const { context, session, sent } = open();
  session.become("python");
  const senders = Array.from({ length: LIMITS.maxPendingCalls }, () => new Channel().sender);
  context.call("f", 1, senders).catch(() => {});
  context.call("f", 2).catch(() => {});
  expect(sent).toEqual([1, 2]);
});

test("outstanding calls have a limit", async () => {
  const { context, session } = open();
  session.become("python");
  for (let i = 0; i < LIMITS.maxPendingCalls; i++) context.call("f", i).catch(() => {});
  await expect(context.call("f")).rejects.toMatchObject({ code: "ERR_USAGE_PENDING" });
});
