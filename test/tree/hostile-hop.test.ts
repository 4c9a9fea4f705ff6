/**
 * What a hostile hop cannot do: a hop may refuse to carry, and lie about its own children, but it
 * reaches nothing else, and cannot make the master grow, wait for ever, or believe what it says of
 * others. The hop is a puppet (../faults/puppet.ts), which gets real orders for its switch.
 */
import { describe, expect, test } from "bun:test";
import type { Context } from "../../src/index.ts";
import { HANDLES } from "../../src/protocol/handles.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { failure, frame, growth, Stage, unharmed } from "../faults/puppet.ts";
import { SOON_MS } from "../helpers/soon.ts";
import { type Order, type Start, startsOf } from "./orders.ts";

const TEXT = new TextEncoder();

/** A hostile hop, a context that is opened through it, and an honest one beside the hop. */
async function scene(stage: Stage, deadline = 20_000) {
  const victim = await stage.victim();
  const hop = await stage.puppet();
  await hop.ready();
  const child = await hop.connect("local", { name: "child", deadline });
  const call = child.call("os.getpid");
  call.catch(() => {});
  return { victim, hop, child, call, start: await nextStart(hop) };
}

/** The next child that the hop is to start. */
async function nextStart(hop: Context): Promise<Start> {
  const orders: Order[] = [];
  for (;;) {
    orders.push(...((await hop.call("orders")) as Order[]));
    const [start] = startsOf(orders);
    if (start !== undefined) return start;
  }
}

/** An event, or anything else in its place. */
function say(hop: Context, handle: number, body: unknown, src = hop.id): Promise<unknown> {
  const bytes = body instanceof Uint8Array ? body : TEXT.encode(JSON.stringify(body));
  return hop.call("message", { handle, src, auth: src }, bytes);
}

/** Long enough for a flood to be noticed, short enough for a test. */
const FLOOD_MS = 1000;

describe("events", () => {
  test.each([
    ["no value", TEXT.encode("{")],
    ["no text", Uint8Array.of(0xff, 0xfe)],
    ["nothing", new Uint8Array(0)],
    ["no list", { kind: "marked" }],
    ["an empty list", []],
    ["an unknown event", ["exploded"]],
    ["an event of the prototype", ["__proto__", 1]],
    ["a number for text", ["noise", 7]],
    ["text for a count", ["wrote", "7"]],
    ["less than nothing", ["wrote", -1]],
    ["a fraction", ["wrote", 0.5]],
    ["more than there is", ["wrote", 1e300]],
    ["a failure without a text", ["failed"]],
    ["nesting without end", TEXT.encode("[".repeat(200_000))],
  ])("a malformed one ends the hop, and says so: %s", async (_name, body) => {
    await using stage = new Stage();
    const { victim, hop, call, start } = await scene(stage);
    await say(hop, start.reply, body).catch(() => {});
    const error = await failure(call);
    expect(error.code).toMatch(/^ERR_(PROTOCOL|DISCONNECT)_/);
    expect((await failure(hop.call("pid"))).code).toStartWith("ERR_PROTOCOL_");
    await unharmed(victim);
  });

  test("those of another order than it happens change nothing", async () => {
    await using stage = new Stage();
    const { victim, hop, call, start } = await scene(stage);
    const events = [
      ["wrote", 5_000_000],
      ["wrote", Number.MAX_SAFE_INTEGER],
      ["held"],
      ["fault", start.id, "a lie"],
      ["marked"],
      ["marked"],
      ["ended", 3, null],
      ["marked"],
      ["noise", "after the end"],
      ["ended", 0, null],
      ["closed"],
      ["failed", "again"],
    ];
    for (const event of events) await say(hop, start.reply, event);
    expect((await failure(call)).code).toMatch(/^ERR_(DISCONNECT|BOOTSTRAP|TRANSPORT)_/);
    // Nothing waits on that handle any more.
    expect(await hop.call("pid")).toBeNumber();
    await unharmed(victim);
  });

  test("texts of a hop's children are shown without control characters", async () => {
    await using stage = new Stage();
    const { hop, call, start } = await scene(stage);
    const controls = "\x1b]0;owned\x07\x1b[2J\u202e";
    await say(hop, start.reply, ["noise", controls]);
    await say(hop, start.reply, ["stderr", controls]);
    await say(hop, start.reply, ["failed", `ENOENT: ${controls}`]);
    const error = await failure(call);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(error.message).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  });
});

describe("names and handles", () => {
  test("a hop cannot speak for a context that is not behind it, nor to another's handles", async () => {
    await using stage = new Stage();
    const { victim, hop, start } = await scene(stage);
    const slow = victim.call("time.sleep", 1);
    const other = await stage.puppet();
    await other.ready();
    const behind = await other.connect("local", { name: "behind another", deadline: 20_000 });
    const waiting = behind.call("os.getpid");
    waiting.catch(() => {});
    const theirs = await nextStart(other);
    // Handles of the other hop's child, and those around them, under every name.
    for (const src of [hop.id, start.id, theirs.id, other.id, victim.id, 0]) {
      for (const handle of [theirs.reply, theirs.reply - 1, theirs.reply + 1]) {
        if (src === hop.id && handle === start.reply) continue;
        await say(hop, handle, ["failed", "forged"], src);
      }
      await say(hop, HANDLES.FORWARD_LOG, [40, "forged", "forged", 1], src);
    }
    expect(await slow).toBeNull();
    const forged = stage.logs.filter(({ message }) => message === "forged");
    expect(new Set(forged.map(({ context }) => context))).toEqual(new Set(["puppet", "child"]));
    // The other child still waits for its own hop.
    await say(other, theirs.reply, ["failed", "ENOENT: its own hop says so"]);
    expect((await failure(waiting)).message).toContain("its own hop says so");
    await unharmed(victim);
    await say(hop, start.reply, ["ended", 0, null]);
  });

  test("a child's marker and its frames are the hop's word alone, and reach no sibling", async () => {
    await using stage = new Stage();
    const { victim, hop, child, call, start } = await scene(stage);
    await say(hop, start.reply, ["marked"]);
    // Before BOOT was answered: results for calls of others.
    for (let handle = 1000; handle < 1100; handle++) {
      if (handle === start.reply) continue;
      await hop.call("raw", frame(child, { src: victim.id, auth: victim.id, handle }), 1);
    }
    await unharmed(victim);
    await say(hop, start.reply, ["ended", 1, null]);
    expect((await failure(call)).code).toMatch(/^ERR_/);
  });
});

describe("memory and time", () => {
  for (const kind of ["noise", "stderr"] as const) {
    test(`${kind} without end`, async () => {
      await using stage = new Stage();
      const { victim, hop, call, start } = await scene(stage);
      const text = TEXT.encode(JSON.stringify([kind, "x".repeat(100_000)]));
      const bytes = frame(hop, { handle: start.reply }, text);
      const grown = await growth(async () => {
        const flooding = hop.call("flood", bytes).catch(() => {});
        await Promise.race([flooding, Bun.sleep(FLOOD_MS)]);
        await unharmed(victim);
        if (kind === "noise") expect((await failure(call)).code).toBe("ERR_BOOTSTRAP_NOISE");
        await hop.close();
      });
      expect(grown).toBeLessThan(100);
    });
  }

  test("events and faults by the thousand", async () => {
    await using stage = new Stage();
    const { victim, hop, start } = await scene(stage);
    const events = [
      ["wrote", 1],
      ["fault", start.id, "a lie"],
      ["fault", start.id, "x".repeat(99)],
    ];
    const frames = events.map((event) =>
      frame(hop, { handle: start.reply }, TEXT.encode(JSON.stringify(event))),
    );
    const grown = await growth(async () => {
      const flooding = hop.call("flood", Buffer.concat(frames)).catch(() => {});
      await Promise.race([flooding, Bun.sleep(FLOOD_MS)]);
      await unharmed(victim);
      await hop.close();
    });
    expect(grown).toBeLessThan(100);
    // One record for each context, or a few.
    expect(stage.logs.length).toBeLessThan(100);
  });

  test("a hop that starts nothing holds nothing up", async () => {
    await using stage = new Stage();
    const { victim, child, call } = await scene(stage, 1000);
    const data = new Uint8Array(4 * LIMITS.maxFrameBytes);
    const more = Array.from({ length: 20 }, () => failure(child.call("len", data)));
    const began = performance.now();
    expect((await failure(call)).code).toMatch(/^ERR_BOOTSTRAP_|^ERR_DEADLINE_/);
    await Promise.all(more);
    expect(performance.now() - began).toBeLessThan(SOON_MS);
    await unharmed(victim);
  });

  test("a hop that ends nothing does not keep a context, or the broker, from closing", async () => {
    await using stage = new Stage();
    const { victim, hop, child, start } = await scene(stage);
    await say(hop, start.reply, ["marked"]);
    const began = performance.now();
    await child.close();
    await unharmed(victim);
    await stage.broker.close();
    expect(performance.now() - began).toBeLessThan(SOON_MS);
  });
});
