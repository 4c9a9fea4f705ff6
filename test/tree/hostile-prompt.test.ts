/**
 * What a hostile context cannot do about passwords: it gets the one that is asked for through it,
 * and neither another's nor one that was not asked for. The hops are puppets
 * (../faults/puppet.ts), which get real orders and answer them as sudo would, or not.
 */
import { expect, test } from "bun:test";
import type { ConnectOptions, Context } from "../../src/index.ts";
import { SWITCH } from "../../src/protocol/handles.ts";
import { failure, Stage, unharmed } from "../faults/puppet.ts";
import { SOON_MS } from "../helpers/soon.ts";
import { type Order, type Start, startsOf } from "./orders.ts";

const TEXT = new TextEncoder();
/** Longer than any question is waited for. */
const QUIET_MS = 1500;

/** A hostile hop: what it was ordered to do, and what it tells of its children. */
class Hop {
  readonly context: Context;
  readonly #orders: Order[] = [];

  constructor(context: Context) {
    this.context = context;
  }

  static async open(stage: Stage, name: string): Promise<Hop> {
    const context = await stage.puppet("", 20_000, name);
    await context.ready();
    return new Hop(context);
  }

  async orders(): Promise<readonly Order[]> {
    this.#orders.push(...((await this.context.call("orders")) as Order[]));
    return this.#orders;
  }

  /** The child that it is to start. */
  async start(): Promise<Start> {
    for (;;) {
      const [start] = startsOf(await this.orders());
      if (start !== undefined) return start;
    }
  }

  say(handle: number, ...event: unknown[]): Promise<unknown> {
    const { id } = this.context;
    const body = TEXT.encode(JSON.stringify(event));
    return this.context.call("message", { handle, src: id, auth: id }, body);
  }

  /** Tells that a child has ended: else its context waits for that as it closes. */
  async end({ reply }: Start): Promise<void> {
    await this.say(reply, "ended", 0, null);
  }

  /** What it was given to write to its children. */
  async written(): Promise<string[]> {
    const writes = (await this.orders()).filter(([operation]) => operation === SWITCH.WRITE);
    return writes.map(([, , [, bytes]]) => new TextDecoder().decode(bytes as Uint8Array));
  }

  /** Waits until it was given something to write. */
  async given(): Promise<string[]> {
    const until = performance.now() + SOON_MS;
    for (;;) {
      const written = await this.written();
      if (written.length > 0) return written;
      if (performance.now() > until) throw new Error("it was given nothing");
    }
  }
}

/** The text that sudo is to print, with an account's name where sudo puts one. */
function question({ argv }: Start, user: string): string {
  const prompt = argv.find((word) => word.startsWith("econtext-")) ?? "";
  expect(prompt).toContain("%p");
  return prompt.replace("%p", user);
}

interface Asked {
  readonly questions: string[];
  readonly options: ConnectOptions;
}

/** Answers each question by its context's name and account. */
function asked(): Asked {
  const questions: string[] = [];
  const password = ({ context, user }: { context: string; user: string }): string => {
    questions.push(`${context} ${user}`);
    return `secret of ${user} at ${context}`;
  };
  return { questions, options: { password, deadline: 20_000 } };
}

async function become(hop: Hop, options: ConnectOptions): Promise<Start> {
  const child = await hop.context.connect("sudo:root", options);
  child.ready().catch(() => {});
  return hop.start();
}

test("each hop gets its own answer, whatever account and whatever text it claims", async () => {
  await using stage = new Stage();
  const victim = await stage.victim();
  const [honest, hostile] = [await Hop.open(stage, "honest"), await Hop.open(stage, "hostile")];
  const { questions, options } = asked();
  const first = await become(honest, options);
  await honest.say(first.reply, "stderr", question(first, "ada"));
  expect(await honest.given()).toEqual(["secret of ada at honest/sudo:root\n"]);

  const second = await become(hostile, options);
  // The other's question, which it cannot know, and the other's handle.
  await hostile.say(second.reply, "stderr", question(first, "ada"));
  await hostile.say(first.reply, "stderr", question(first, "ada"));
  await Bun.sleep(QUIET_MS / 3);
  expect(await hostile.written()).toEqual([]);
  // The account that another hop was given a password for.
  await hostile.say(second.reply, "stderr", question(second, "ada"));
  expect(await hostile.given()).toEqual(["secret of ada at hostile/sudo:root\n"]);
  expect(questions).toEqual(["honest/sudo:root ada", "hostile/sudo:root ada"]);
  expect(await honest.written()).toHaveLength(1);
  await unharmed(victim);
  await honest.end(first);
  await hostile.end(second);
});

test("a child that needs no password is never given one", async () => {
  await using stage = new Stage();
  const hop = await Hop.open(stage, "hostile");
  const { questions, options } = asked();
  const child = await hop.context.connect("local", options);
  child.ready().catch(() => {});
  const start = await hop.start();
  const texts = ["[sudo] password for ada: ", "Password: ", "econtext-AAAAAAAAAAAAAAAA:root:"];
  for (const text of texts) {
    await hop.say(start.reply, "stderr", text);
    await hop.say(start.reply, "noise", text);
  }
  await Bun.sleep(QUIET_MS);
  expect([questions, await hop.written()]).toEqual([[], []]);
  await hop.end(start);
});

test("nothing is answered once the program has answered", async () => {
  await using stage = new Stage();
  const hop = await Hop.open(stage, "hostile");
  const { questions, options } = asked();
  const start = await become(hop, options);
  await hop.say(start.reply, "held");
  await hop.say(start.reply, "stderr", question(start, "ada"));
  await hop.say(start.reply, "stderr", "[sudo] password for ada: ");
  await Bun.sleep(QUIET_MS);
  expect([questions, await hop.written()]).toEqual([[], []]);
  await hop.end(start);
});

test("a hop that asks without end is given an answer a few times, and its child an error", async () => {
  await using stage = new Stage();
  const victim = await stage.victim();
  const hop = await Hop.open(stage, "hostile");
  const { questions, options } = asked();
  const child = await hop.context.connect("sudo:root", options);
  const failed = failure(child.ready());
  const start = await hop.start();
  const asking = { ends: false };
  void failed.then(() => {
    asking.ends = true;
  });
  for (let i = 0; i < 300 && !asking.ends; i++) {
    await hop.say(start.reply, "stderr", `Sorry, try again.\n${question(start, "ada")}`);
  }
  expect((await failed).message).not.toContain("secret of");
  await hop.end(start);
  expect((await hop.written()).length).toBeLessThan(10);
  expect(questions.length).toBeLessThan(10);
  await unharmed(victim);
});
