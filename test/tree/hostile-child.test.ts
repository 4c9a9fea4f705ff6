/**
 * What a hostile context behind a hop cannot do: the hop lets pass only what may come from it, ends
 * it when it breaks the framing, and neither grows nor keeps others waiting. The child is a puppet
 * (../faults/puppet.ts), the hop a real slave of each language, with an honest child beside it.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ConnectOptions, Context } from "../../src/index.ts";
import { FLAGS } from "../../src/protocol/frame.ts";
import { HANDLES, SWITCH, SWITCH_BIT } from "../../src/protocol/handles.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { failure, frame, growth, type Header, Stage, unharmed } from "../faults/puppet.ts";
import { bun, nodeOf } from "../helpers/javascripts.ts";
import { isRunning } from "../helpers/leaks.ts";
import { pythons } from "../helpers/pythons.ts";
import { writeScript } from "../helpers/scripts.ts";
import { suite } from "../helpers/skip.ts";

const TEXT = new TextEncoder();
const SLAVE = join(import.meta.dir, "../faults/puppet-slave.ts");
const FLOOD_MS = 1500;
/** What a hop may grow by: frames of each child, and its queue of bytes for a child. */
const MAX_HOP_GROWTH_MIB = 64;

const [oldest, newest] = [pythons().at(0), pythons().at(-1)];
const HOPS: readonly (readonly [string, ConnectOptions, missing: string | undefined])[] = [
  [oldest?.label ?? "python", { python: oldest?.path ?? "" }, oldest ? undefined : "no Python"],
  [newest?.label ?? "python", { python: newest?.path ?? "" }, newest ? undefined : "no Python"],
  ["node 18", { kind: "node", node: nodeOf("18").path }, nodeOf("18").missing],
  ["bun", { kind: "bun", bun: bun().path }, bun().missing],
];

interface Scene {
  readonly hop: Context;
  /** The honest child of the same hop. */
  readonly victim: Context;
  readonly puppet: Context;
}

/** @param mode how the puppet behaves before it takes calls: see puppet-slave.ts */
async function scene(stage: Stage, options: ConnectOptions, mode = ""): Promise<Scene> {
  const hop = await stage.broker.connect("local", { ...options, name: "hop" });
  const victim = await hop.connect("local", { name: "victim", python: newest?.path ?? "" });
  await victim.ready();
  const program = join(stage.dir, "python-puppet");
  writeScript(program, `exec '${process.execPath}' '${SLAVE}' '${mode}' "$@"`);
  const puppet = await hop.connect("local", { python: program, name: "puppet", deadline: 20_000 });
  return { hop, victim, puppet };
}

/** How many MiB the process grows by at most, while `fn` runs. */
async function hopGrowth(hop: Context, fn: () => Promise<unknown>): Promise<number> {
  const { pid } = await hop.ready();
  const before = memoryMib(pid);
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, memoryMib(pid));
  }, 20);
  try {
    await fn();
  } finally {
    clearInterval(timer);
  }
  return peak - before;
}

function memoryMib(pid: number): number {
  const path = `/proc/${String(pid)}/status`;
  if (!existsSync(path)) return 0;
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(path, "utf8"))?.[1] ?? 0) / 1024;
}

for (const [label, options, missing] of HOPS) {
  suite(`behind ${label}`, missing ?? (newest ? undefined : "no Python"), "python", () => {
    test("forged senders, receivers and handles reach no other context", async () => {
      await using stage = new Stage();
      const { hop, victim, puppet } = await scene(stage, options);
      const handle = (await puppet.call("handle")) as number;
      const slow = victim.call("time.sleep", 1);
      const body = TEXT.encode('"forged"');
      const [h, v] = [hop.id, victim.id];
      const near = Array.from({ length: 30 }, (_, i) => handle - 10 + i);
      const forged: Header[] = [
        // In the name of the sibling, of the hop, of the master and of the hop's switch.
        ...[v, h, 0, h + SWITCH_BIT].flatMap((who) => [
          ...near.map((one) => ({ handle: one, src: who, auth: who })),
          ...near.map((one) => ({ handle: one, src: who })),
          ...near.map((one) => ({ handle: one, auth: who })),
          { handle: HANDLES.FORWARD_LOG, src: who, auth: who },
        ]),
        // To the sibling, the hop, its switch, itself, and no context at all.
        ...[v, v + SWITCH_BIT, h, h + SWITCH_BIT, puppet.id, 0xffff_ffff].flatMap((dst) => [
          { dst, handle: HANDLES.CALL_FUNCTION },
          { dst, handle: HANDLES.CANCEL },
          { dst, handle: SWITCH.CLOSE },
          { dst, handle: HANDLES.CALL_FUNCTION, src: 0, auth: 0 },
          { dst, handle: SWITCH.CLOSE, src: 0, auth: 0 },
        ]),
      ];
      const close = TEXT.encode(JSON.stringify([v, "KILL"]));
      const frames = forged.flatMap((header) => [
        frame(puppet, header, body),
        frame(puppet, header, close),
      ]);
      await puppet.call("raw", Buffer.concat(frames), 1).catch(() => {});
      expect(await slow).toBeNull();
      await unharmed(victim);
      expect(await hop.ping({ deadline: 5000 })).toBeNumber();
      const said = stage.logs.filter(({ message }) => message.includes("forged"));
      expect(said.filter(({ context }) => context !== "puppet")).toEqual([]);
    });

    test.each([
      ["a length over the limit", { length: LIMITS.maxFrameBytes + 1 }],
      ["the greatest length", { length: 0xffffff }],
      ["an unknown flag", { flags: 64 }],
    ])("%s ends the child alone", async (_name, header) => {
      await using stage = new Stage();
      const { hop, victim, puppet } = await scene(stage, options);
      await puppet.ready();
      const error = await failure(
        puppet.call("raw", frame(puppet, header), 1).then(() => puppet.call("stay")),
      );
      expect(error.code).toMatch(/^ERR_(PROTOCOL|DISCONNECT)_/);
      await unharmed(victim);
      expect(await hop.ping({ deadline: 5000 })).toBeNumber();
    });

    test("one that closes its output, and goes on, is ended, and keeps nothing from closing", async () => {
      await using stage = new Stage();
      const { victim, puppet } = await scene(stage, options);
      const pid = (await puppet.call("pid")) as number;
      const error = await failure(puppet.call("silence"));
      expect(error.code).toBe("ERR_DISCONNECT_LOST");
      await puppet.close();
      expect(isRunning(pid)).toBe(false);
      await unharmed(victim);
    });

    test("half a frame, and silence, hold up no other context", async () => {
      await using stage = new Stage();
      const { hop, victim, puppet } = await scene(stage, options);
      await puppet.ready();
      const big = new Uint8Array(100_000);
      const half = frame(puppet, { length: LIMITS.maxFrameBytes, handle: 1 }, big);
      void puppet.call("raw", half, 1).catch(() => {});
      void puppet.call("stay").catch(() => {});
      await unharmed(victim);
      expect(await hop.ping({ deadline: 5000 })).toBeNumber();
    });

    test("a flood of frames: neither master nor hop grows, and the sibling is served", async () => {
      await using stage = new Stage();
      const { hop, victim, puppet } = await scene(stage, options);
      await puppet.ready();
      const frames = frame(puppet, { handle: 99 }, new Uint8Array(60_000));
      const { pid } = await hop.ready();
      let hopPeak = 0;
      const grown = await growth(async () => {
        hopPeak = await hopGrowth(hop, async () => {
          void puppet.call("flood", frames).catch(() => {});
          const until = performance.now() + FLOOD_MS;
          while (performance.now() < until) await unharmed(victim);
        });
      });
      expect(pid).toBeNumber();
      expect(hopPeak).toBeLessThan(MAX_HOP_GROWTH_MIB);
      expect(grown).toBeLessThan(150);
    });

    test("a message without end ends the child alone", async () => {
      await using stage = new Stage();
      const { victim, puppet } = await scene(stage, options);
      await puppet.ready();
      const big = new Uint8Array(LIMITS.maxFrameBytes);
      const { MORE, CONT } = FLAGS;
      const first = puppet.call("raw", frame(puppet, { flags: MORE, handle: 1000 }, big), 1);
      first.catch(() => {});
      const error = await failure(
        puppet.call("flood", frame(puppet, { flags: MORE | CONT, handle: 1000 }, big)),
      );
      expect(error.code).toBe("ERR_PROTOCOL_MESSAGE_TOO_LARGE");
      await unharmed(victim);
    });

    test("a child that never reads: hop and master hold a window of bytes, no more", async () => {
      await using stage = new Stage();
      const { hop, victim, puppet } = await scene(stage, options);
      await puppet.ready();
      const deaf = puppet.call("stay");
      deaf.catch(() => {});
      const data = new Uint8Array(4 << 20);
      const grown = await hopGrowth(hop, async () => {
        for (let i = 0; i < 30; i++) void puppet.call("len", data).catch(() => {});
        const until = performance.now() + FLOOD_MS;
        while (performance.now() < until) await unharmed(victim);
      });
      expect(grown).toBeLessThan(MAX_HOP_GROWTH_MIB);
    });

    test("noise and complaints without end, before it is a context", async () => {
      await using stage = new Stage();
      const { hop, victim, puppet } = await scene(stage, options, "noise");
      const grown = await hopGrowth(hop, async () => {
        expect((await failure(puppet.call("pid"))).code).toBe("ERR_BOOTSTRAP_NOISE");
      });
      expect(grown).toBeLessThan(MAX_HOP_GROWTH_MIB);
      await unharmed(victim);
    });

    test("its last words are shown, and its escapes are not", async () => {
      await using stage = new Stage();
      const { puppet, victim } = await scene(stage, options, "last words");
      const { message } = await failure(puppet.call("pid"));
      expect(message).toContain("go on");
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      expect(message).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
      await unharmed(victim);
    });
  });
}

describe("a hop", () => {
  test.skipIf(newest === undefined)(
    "whose user code hangs still carries its children",
    async () => {
      await using stage = new Stage();
      const { hop, victim } = await scene(stage, {});
      const hung = hop.call("time.sleep", 60);
      hung.catch(() => {});
      await unharmed(victim);
      const late = await hop.connect("local", { name: "late", python: newest?.path ?? "" });
      expect(await late.call("len", "abcd")).toBe(4);
    },
  );
});
