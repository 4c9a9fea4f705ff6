/**
 * Slaves: which of two slaves does a call, when the second is opened, and in which order both end.
 * The slaves are sessions that do what a test says, and links that note what they are sent.
 */
import { describe, expect, test } from "bun:test";
import { Channel } from "../../src/channels/channel.ts";
import { Context } from "../../src/context/context.ts";
import type { Session, SlaveInfo } from "../../src/context/session.ts";
import { BootstrapError, DisconnectError, type EcontextError } from "../../src/errors.ts";
import type { Language, Wants } from "../../src/interpreters/kind.ts";
import type { Link } from "../../src/mux/link.ts";
import { Router } from "../../src/mux/router.ts";
import { FLAGS } from "../../src/protocol/frame.ts";
import { HANDLES } from "../../src/protocol/handles.ts";
import { decodeValue, encodeValue } from "../../src/protocol/value.ts";
import { until } from "../helpers/fake-slave.ts";

const JS = "node:os.hostname";
const PYTHON = "pkg.mod:fn";
const LOST = new DisconnectError("ERR_DISCONNECT_LOST", "web1: the far side ended");
const report = { argv: [], phase: "", said: "" };
const LACKING = new BootstrapError("ERR_BOOTSTRAP_NO_INTERPRETER", "web1: none", report);

/** A slave that is started, answers and ends when a test says so. */
class Puppet implements Session {
  readonly #answer = Promise.withResolvers<SlaveInfo>();
  readonly #gone = Promise.withResolvers<void>();
  readonly #settled = this.#answer.promise.then(
    () => {},
    () => {},
  );
  readonly ready = this.#answer.promise;
  readonly gone = this.#gone.promise;
  readonly started: Wants[] = [];
  readonly sent: unknown[] = [];
  readonly #router: Router;
  readonly #id: number;
  readonly #link: Link;
  #reply = 0;
  #language: Language | undefined;
  #reason: EcontextError | undefined;
  #isReady = false;

  constructor(router: Router) {
    this.#router = router;
    this.#id = router.allocateId();
    const link: Link = {
      heardAt: 0,
      forget: () => {},
      ready: async () => {},
      limit: () => {},
      send: ({ handle, reply, flags }, body) => {
        const value = decodeValue(Buffer.concat(body as Uint8Array[]));
        const isCall = handle === HANDLES.CALL_FUNCTION && Array.isArray(value);
        if (isCall) this.#reply = reply;
        if (isCall) this.sent.push(...(value[1] as unknown[]));
        else if (flags & FLAGS.DEAD) this.sent.push("end");
        return () => "sent";
      },
    };
    this.#link = link;
    router.addRoute(this.#id, { link, edges: [], parent: 0, close: () => {} });
  }

  get id(): number {
    return this.#id;
  }
  start(wants: Wants): void {
    if (this.started.length === 0 && wants !== "any") this.#language = wants;
    this.started.push(wants);
  }
  boot(language: Language): void {
    this.#language = language;
    this.#isReady = true;
    this.#answer.resolve({ kind: "python", version: "", pid: 1, executable: "" });
  }
  /** Answers the last call. */
  reply(value: unknown): void {
    const from = { src: this.#id, auth: this.#id, dst: 0, handle: this.#reply };
    const body = Buffer.concat(encodeValue(value).chunks as Uint8Array[]);
    this.#router.deliver(this.#link, { ...from, reply: 0, flags: 0, body });
  }
  sever(reason: EcontextError): void {
    this.#reason ??= reason;
    this.#answer.reject(reason);
    this.#router.remove(this.#id, reason);
    this.#gone.resolve();
  }
  isReady = () => this.#isReady;
  language = () => this.#language;
  reason = () => this.#reason;
  settled = () => this.#settled;
  writable = async (): Promise<void> => {};
  queuedBytes = () => 0;
  mapStack = (text: string) => text;
  offer(): void {}
}

function open(isChosen = false) {
  const router = new Router(() => {});
  const first = new Puppet(router);
  first.ready.catch(() => {});
  const opened: { slave: Puppet; language: Language; isInstead: boolean }[] = [];
  const openBeside = (language: Language, isInstead: boolean) => {
    const slave = new Puppet(router);
    opened.push({ slave, language, isInstead });
    return { id: slave.id, session: slave };
  };
  const settings = { id: first.id, name: "web1", graceMs: 60_000, isChosen, openBeside };
  const context = new Context(settings, router, first);
  const call = (fn: string, ...args: unknown[]) => {
    const answer = context.call(fn, ...args).catch((error: EcontextError) => error.code);
    return answer;
  };
  return { router, context, first, opened, call };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("while it is not known what the first slave is", () => {
  test("calls wait, then each list of a language goes out in its order", async () => {
    const { context, first, opened, call } = open();
    context.exec(["true"]).exited.catch(() => {});
    for (const i of [1, 2, 3]) {
      void call(PYTHON, i);
      void call(JS, -i);
    }
    await turn();
    expect([first.started[0], first.sent, opened]).toEqual(["any", [], []]);
    first.boot("python");
    void call(PYTHON, 4);
    void call(JS, -4);
    await turn();
    const [second] = opened;
    expect([second?.language, second?.isInstead]).toEqual(["javascript", false]);
    expect(first.sent.filter((value) => typeof value === "number")).toEqual([1, 2, 3, 4]);
    expect(second?.slave.sent).toEqual([-1, -2, -3, -4]);
    expect(opened).toHaveLength(1);
  });

  test("arguments are those of the call; a sender among them is given to the right slave", async () => {
    const { router, context, first, opened, call } = open();
    context.exec(["true"]).exited.catch(() => {});
    await turn();
    const before = router.pending(first.id);
    const list = [1];
    void call(JS, list, new Channel().sender);
    list.push(2);
    expect(router.pending(first.id)).toBe(before + 1);
    first.boot("python");
    await turn();
    // The first slave has the command's handles; the second the call's, and the channel's.
    const [second] = opened;
    expect(second?.slave.sent[0]).toEqual([1]);
    expect(router.pending(second?.slave.id ?? 0)).toBe(2);
  });

  test("a call that was given up is sent to no slave", async () => {
    const { context, first, opened } = open();
    context.exec(["true"]).exited.catch(() => {});
    const stop = new AbortController();
    const given = context.callWith({ signal: stop.signal }, JS).catch(({ code }) => code);
    stop.abort();
    expect(await given).toBe("ERR_CANCELLED");
    first.boot("python");
    await turn();
    expect(opened).toEqual([]);
  });
});

describe("which slave does a call", () => {
  test("a name of either language is Python's, if no kind was asked for", async () => {
    const { first, opened, call } = open();
    void call(JS, 1);
    first.boot("javascript");
    void call("a.b", 2);
    await turn();
    expect([first.sent, opened.map(({ language }) => language)]).toEqual([[1], ["python"]]);
  });

  test("a name of either language is the kind's that was asked for", async () => {
    const { first, opened, call } = open(true);
    void call(JS, 1);
    first.boot("javascript");
    void call("a.b", 2);
    await turn();
    expect([first.sent, opened]).toEqual([[1, 2], []]);
  });

  test("without an interpreter for the first slave, the second takes its place", async () => {
    const { context, first, opened, call } = open();
    const failed = call(JS, 1);
    void call(PYTHON, 2);
    expect(first.started[0]).toBe("javascript");
    first.sever(LACKING);
    expect(await failed).toBe(LACKING.code);
    await turn();
    expect(opened.map(({ isInstead }) => isInstead)).toEqual([true]);
    opened[0]?.slave.boot("python");
    context.exec(["true"]).exited.catch(() => {});
    await turn();
    expect(opened[0]?.slave.sent[0]).toBe(2);
    expect(opened[0]?.slave.sent.length).toBeGreaterThan(1);
    expect(context.connected).toBe(true);
  });

  test("when the first has ended, no second is opened", async () => {
    const { first, opened, call } = open();
    void call(PYTHON, 1);
    first.boot("python");
    first.sever(LOST);
    expect(await call(JS)).toBe(LOST.code);
    expect(opened).toEqual([]);
  });

  test("a second that never answered is opened anew, one that did is not", async () => {
    const { first, opened, call } = open();
    void call(PYTHON, 1);
    first.boot("python");
    const early = call(JS, 2);
    opened[0]?.slave.sever(LOST);
    expect(await early).toBe(LOST.code);
    const late = call(JS, 3);
    expect(opened).toHaveLength(2);
    opened[1]?.slave.boot("javascript");
    opened[1]?.slave.sever(LOST);
    expect(await late).toBe(LOST.code);
    expect(await call(JS, 4)).toBe(LOST.code);
    expect(opened).toHaveLength(2);
  });
});

describe("closing", () => {
  test("refuses later calls, and opens no slave for them", async () => {
    const { context, first, opened, call } = open();
    void call("a.b", 1);
    first.boot("python");
    const closed = context.close();
    expect(await call(JS)).toBe("ERR_DISCONNECT_CLOSED");
    await until(() => first.sent.at(-1) === "end");
    first.sever(LOST);
    await closed;
    expect(context.ended?.code).toBe("ERR_DISCONNECT_CLOSED");
    expect(opened).toEqual([]);
  });

  test("ends the second slave, and then the first, which carries it", async () => {
    const { context, first, opened, call } = open();
    first.start("python");
    first.boot("python");
    const answer = call(JS, 1);
    const [{ slave } = { slave: first }] = opened;
    slave.boot("javascript");
    const closed = context.close();
    await turn();
    expect([slave.sent, first.sent]).toEqual([[1], []]);
    slave.reply(null);
    expect(await answer).toBe(null);
    await until(() => slave.sent.at(-1) === "end");
    expect(first.sent).toEqual([]);
    slave.sever(LOST);
    await until(() => first.sent.at(-1) === "end");
    first.sever(LOST);
    await closed;
  });
});
