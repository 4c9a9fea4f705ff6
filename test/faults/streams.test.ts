/**
 * Streams of every sort, broken at a random moment from either end: each end learns it, with the
 * right error, the context serves on, and nothing is kept. `ECONTEXT_BREAKS` says how often for
 * each kind; a failure names its seed, which `ECONTEXT_TEST_SEED` repeats.
 */
import { afterAll, beforeAll, expect, spyOn, test } from "bun:test";
import { Broker, Channel, type Context, type Sender } from "../../src/index.ts";
import { Router } from "../../src/mux/router.ts";
import { javascriptKind } from "../conformance/javascript.ts";
import type { Kind } from "../conformance/kind.ts";
import { pythonKind } from "../conformance/python.ts";
import { eventually, failureOf } from "../conformance/session.ts";
import { bun, nodeOf } from "../helpers/javascripts.ts";
import { pythonOf } from "../helpers/pythons.ts";
import { below, type Dice, makeDice, SEED } from "../helpers/random.ts";
import { suite } from "../helpers/skip.ts";
import { SOON_MS } from "../helpers/soon.ts";

const ROUNDS = Number(process.env["ECONTEXT_BREAKS"] ?? 40);
const MAX_MS = 40;
const CHUNK = new Uint8Array(30_000);

interface Scene {
  readonly dice: Dice;
  readonly context: Context;
  readonly other: Context;
  fn(name: string): string;
  /** A random moment later. */
  later(): Promise<void>;
}

/** Breaks one stream, and looks at both of its ends. */
type Break = (scene: Scene) => Promise<void>;

const BREAKS: Readonly<Record<string, Break>> = {
  "from there, the receiver closes": async ({ context, fn, later }) => {
    const { sender, receiver } = new Channel<Uint8Array>();
    const call = failureOf(context.call(fn("tasks.flow.blobs"), sender, 1e6, CHUNK.length));
    const reading = read(receiver);
    await later();
    receiver.close();
    expect(await reading).toBe("end");
    expect(await call).toMatchObject({ code: "ERR_CALL_FAILED" });
  },

  "from there, the sender fails": async ({ context, fn, later }) => {
    const { sender, receiver } = new Channel();
    await later();
    await context.call(fn("tasks.flow.produce_and_fail"), sender);
    expect(await read(receiver)).toBe("ERR_CALL_FAILED");
  },

  "to there, the sender closes with an error": async ({ context, fn, later }) => {
    const [sender] = (await context.call(fn("tasks.flow.open_channels"), 1)) as [Sender];
    const call = context.call(fn("tasks.flow.collect"));
    const writing = write(sender);
    await later();
    sender.close(new RangeError("broken"));
    expect(await call).toBe("RangeError: broken");
    expect(await writing).toBe("ERR_CHANNEL_CLOSED");
  },

  "to there, the receiver closes": async ({ dice, context, fn }) => {
    const [sender] = (await context.call(fn("tasks.flow.open_channels"), 1)) as [Sender];
    const call = context.call(fn("tasks.flow.take"), below(dice, 50));
    expect(await write(sender)).toBe("ERR_CHANNEL_CLOSED");
    await call;
  },

  "from there, never used, the receiver closes": async ({ context, fn, later }) => {
    const { sender, receiver } = new Channel();
    const call = context.call(fn("tasks.flow.same"), sender);
    await later();
    receiver.close();
    await call;
  },

  "to there, never used, the receiver closes": async ({ context, fn, later }) => {
    const opened = context.call(fn("tasks.flow.open_channels"), 3);
    await later();
    await context.call(fn("tasks.flow.close_all"));
    for (const sender of (await opened) as Sender[]) {
      expect(await eventually(() => sender.closed)).toBe(true);
    }
  },

  "a generator, left": async ({ dice, context, fn }) => {
    const last = below(dice, 500);
    for await (const value of context.call(fn("tasks.flow.endless"))) if (value === last) break;
  },

  "a generator, cancelled": async ({ context, fn, later }) => {
    const stop = new AbortController();
    const reading = read(context.callWith({ signal: stop.signal }, fn("tasks.flow.endless")));
    await later();
    stop.abort();
    expect(await reading).toBe("ERR_CANCELLED");
  },

  "output, not read any more": async ({ context, later }) => {
    const process = context.exec(["yes"]);
    const reading = read(process.stdout.values({ preventCancel: true }), later);
    await reading;
    await process.stdout.cancel();
    expect((await process.exited).status).toBeGreaterThan(0);
  },

  "output, the command is killed": async ({ context, later }) => {
    const process = context.exec(["yes"]);
    const reading = read(process.stdout);
    await later();
    process.kill("SIGKILL");
    expect(await reading).toBe("end");
    expect(await process.exited).toEqual({ status: 137, signal: "SIGKILL" });
  },

  "output, cancelled": async ({ context, later }) => {
    const stop = new AbortController();
    const process = context.exec(["yes"], { signal: stop.signal });
    const reading = read(process.stdout);
    await later();
    stop.abort();
    expect(await reading).toBe("ERR_CANCELLED");
    expect(await failureOf(process.exited)).toMatchObject({ code: "ERR_CANCELLED" });
  },

  "input, the command ends": async ({ context, dice }) => {
    const process = context.exec(["head", "-c", String(below(dice, 3e6))], { stdin: endless() });
    expect(await read(process.stdout)).toBe("end");
    expect((await process.exited).status).toBe(0);
  },

  "input, what is read fails": async ({ context, dice }) => {
    const process = context.exec(["cat"], { stdin: endless(below(dice, 100)) });
    expect(await read(process.stdout)).toBe("end");
    expect((await process.exited).status).toBe(0);
  },

  "between two, the receiver closes": async ({ dice, context, other, fn }) => {
    const [sender] = (await context.call(fn("tasks.flow.open_channels"), 1)) as [Sender];
    const call = failureOf(other.call(fn("tasks.flow.blobs"), sender, 1e6, 1000));
    await context.call(fn("tasks.flow.take"), below(dice, 50));
    expect(await call).toMatchObject({ code: "ERR_CALL_FAILED" });
  },

  "between two, the sender ends": async ({ dice, context, other, fn }) => {
    const count = below(dice, 100);
    const [sender] = (await context.call(fn("tasks.flow.open_channels"), 1)) as [Sender];
    const call = context.call(fn("tasks.flow.total"));
    await other.call(fn("tasks.flow.blobs"), sender, count, 1000);
    expect(await call).toEqual([count, count * 1000]);
  },
};

/** In contexts of their own, which do not survive it. */
const ENDS: Readonly<Record<string, Break>> = {
  "the far side is killed under all of them": async ({ context, other, fn, later }) => {
    const { pid } = await context.ready();
    const { sender, receiver } = new Channel<Uint8Array>();
    const [back] = (await context.call(fn("tasks.flow.open_channels"), 1)) as [Sender];
    const [over] = (await other.call(fn("tasks.flow.open_channels"), 1)) as [Sender];
    const collected = other.call(fn("tasks.flow.collect"));
    const calls = [
      failureOf(context.call(fn("tasks.flow.blobs"), over, 1e6, 1000)),
      failureOf(context.call(fn("tasks.flow.blobs"), sender, 1e6, 1000)),
      read(receiver),
      write(back),
      read(context.exec(["yes"]).stdout),
    ];
    await later();
    process.kill(pid, "SIGKILL");
    const outcomes = await Promise.all(calls);
    const codes = outcomes.map((one) => (typeof one === "string" ? one : (one as Coded).code));
    expect(codes).toEqual(Array(5).fill("ERR_DISCONNECT_LOST"));
    expect(await collected).toStartWith("DisconnectError: ");
  },

  "the context is closed under a reader": async ({ context, fn, later }) => {
    const { sender, receiver } = new Channel();
    const reading = read(receiver);
    await context.call(fn("tasks.flow.same"), sender);
    await later();
    await context.close();
    expect(await reading).toStartWith("ERR_DISCONNECT_");
  },
};

interface Coded {
  readonly code: string;
}

/** To its end: "end", or the code of the error that ended it. */
async function read(values: AsyncIterable<unknown>, until?: () => Promise<void>): Promise<string> {
  let isEnough = false;
  void until?.().then(() => {
    isEnough = true;
  });
  try {
    for await (const _ of values) if (isEnough) break;
    return "end";
  } catch (error) {
    return (error as Coded).code;
  }
}

/** Until it fails: the code of that error. */
async function write(sender: Sender): Promise<string> {
  try {
    for (;;) await sender.send(CHUNK);
  } catch (error) {
    return (error as Coded).code;
  }
}

/** What a command may read; it fails after so many. */
async function* endless(count = 1e9): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield CHUNK;
  throw new Error("no more");
}

function table(kind: Kind, path: string): void {
  const options = { kind: kind.kind, [kind.kind]: path };
  let broker: Broker;
  let router: Router;
  let contexts: [Context, Context];

  const open = async (): Promise<[Context, Context]> => {
    const pair = [await broker.connect("local", options), await broker.connect("local", options)];
    for (const context of pair) {
      await context.call(kind.fn("tasks.flow.open_channels"), 1);
      await context.call(kind.fn("tasks.flow.close_all"));
      await context.exec(["true"]).exited;
    }
    return pair as [Context, Context];
  };

  beforeAll(async () => {
    const spy = spyOn(Router.prototype, "allocateId");
    broker = new Broker({ roots: kind.roots, graceMs: SOON_MS });
    contexts = await open();
    router = spy.mock.contexts[0] as Router;
    spy.mockRestore();
  });
  afterAll(() => broker.close());

  const scene = (dice: Dice, [context, other]: [Context, Context]): Scene => ({
    dice,
    context,
    other,
    fn: (name) => kind.fn(name),
    later: () => Bun.sleep(below(dice, MAX_MS)),
  });

  test(`${ROUNDS} breaks, seed ${SEED}`, async () => {
    const dice = makeDice(SEED);
    const names = Object.keys(BREAKS);
    for (let round = 0; round < ROUNDS; round++) {
      const name = names[below(dice, names.length)] ?? "";
      try {
        await BREAKS[name]?.(scene(dice, contexts));
        for (const { id } of contexts) await eventually(() => router.pending(id) === 0);
        expect(contexts.map(({ id }) => router.pending(id))).toEqual([0, 0]);
      } catch (error) {
        throw new Error(`round ${round}, ${name}: ${(error as Error).message}`);
      }
    }
    if (kind.language === "python") {
      for (const context of contexts) {
        const kept = () => context.call(kind.fn("tasks.flow.kept"));
        // What a command printed last may still be on its way, without a receiver.
        await eventually(async () => Bun.deepEquals(await kept(), [0, 0]));
        expect(await kept()).toEqual([0, 0]);
      }
    }
  }, 120_000);

  for (const [name, work] of Object.entries(ENDS)) {
    test(name, async () => {
      const dice = makeDice(SEED);
      for (let round = 0; round < Math.max(2, ROUNDS / 20); round++) {
        const pair = await open();
        await work(scene(dice, pair));
        await Promise.all(pair.map((context) => context.close()));
        expect(pair.map(({ id }) => router.pending(id))).toEqual([0, 0]);
      }
    }, 120_000);
  }
}

for (const version of ["2.7", "3.13"] as const) {
  const { python, missing } = pythonOf(version);
  suite(`streams, python ${version}`, missing, "python", () =>
    table(pythonKind(version), python?.path ?? ""),
  );
}
suite("streams, bun", bun().missing, "bun", () =>
  table(javascriptKind("bun", process.versions.bun), bun().path),
);
for (const version of ["18", "26"] as const) {
  const { path, missing } = nodeOf(version);
  suite(`streams, node ${version}`, missing, "node", () =>
    table(javascriptKind("node", version), path),
  );
}
