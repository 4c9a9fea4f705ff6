/**
 * What a hostile slave cannot do to the master's memory: whatever it sends, and however long, the
 * master holds no more than the limits allow, and other contexts are served meanwhile.
 */
import { describe, expect, test } from "bun:test";
import { CallError, type Context } from "../../src/index.ts";
import { FLAGS } from "../../src/protocol/frame.ts";
import { HANDLES } from "../../src/protocol/handles.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { failure, frame, growth, retained, Stage, unharmed } from "./puppet.ts";

const TEXT = new TextEncoder();

describe("memory", () => {
  /**
   * The puppet writes `bytes` without end; the master ends that stream for `code`, without growing
   * by more than `mib`.
   */
  function flood(
    name: string,
    code: string,
    mib: number,
    make: (puppet: Context) => Uint8Array[],
  ): void {
    test(name, async () => {
      await using stage = new Stage();
      const victim = await stage.victim();
      const puppet = await stage.puppet();
      await puppet.ready();
      const [first = new Uint8Array(0), again = new Uint8Array(0)] = make(puppet);
      const grown = await growth(async () => {
        const started = puppet.call("raw", first, 1).catch(() => {});
        const error = await failure(puppet.call("flood", again));
        await started;
        expect(error.code).toBe(code);
      });
      expect(grown).toBeLessThan(mib);
      await unharmed(victim);
    });
  }

  const big = new Uint8Array(LIMITS.maxFrameBytes);
  const { MORE, CONT } = FLAGS;
  flood("a length over the limit", "ERR_PROTOCOL_FRAME", 50, (p) => [
    frame(p, { length: LIMITS.maxFrameBytes + 1 }),
    frame(p, { length: 0xffffff }),
  ]);
  flood("an unknown flag", "ERR_PROTOCOL_FRAME", 50, (p) => [
    frame(p, { flags: 32 }),
    frame(p, {}),
  ]);
  flood("a continuation of nothing", "ERR_PROTOCOL_FRAME", 50, (p) => [
    frame(p, { flags: CONT }),
    frame(p, { flags: CONT }),
  ]);
  flood("a second beginning", "ERR_PROTOCOL_FRAME", 50, (p) => [
    frame(p, { flags: MORE }),
    frame(p, { flags: MORE }),
  ]);
  flood("fragments without end", "ERR_PROTOCOL_MESSAGE_TOO_LARGE", 500, (p) => [
    frame(p, { flags: MORE }, big),
    frame(p, { flags: MORE | CONT }, big),
  ]);

  /**
   * What a puppet may do for as long as it likes, if the master does not grow: no error has to come
   * of it.
   */
  async function endless(
    stage: Stage,
    puppet: Context,
    bytes: Uint8Array,
    ms: number,
  ): Promise<number> {
    return growth(async () => {
      const flooding = puppet.call("flood", bytes).catch(() => {});
      await Promise.race([flooding, Bun.sleep(ms)]);
      await stage.broker.sever(new CallError("puppet", "Enough", "", ""));
    });
  }

  const harmless: [string, (p: Context) => Uint8Array][] = [
    [
      "empty fragments",
      (p) =>
        new Uint8Array(
          Buffer.concat([
            ...Array.from({ length: 5000 }, () => frame(p, { flags: MORE | CONT, src: p.id })),
          ]),
        ),
    ],
    [
      "tiny fragments that keep large blocks alive",
      (p) => {
        const noise = frame(p, { handle: HANDLES.PING }, new Uint8Array(60_000));
        return new Uint8Array(
          Buffer.concat([frame(p, { flags: MORE | CONT }, new Uint8Array(1)), noise]),
        );
      },
    ],
    [
      "pings that it does not hear the answers of",
      (p) => frame(p, { handle: HANDLES.PING, reply: 1 }, big),
    ],
    [
      "requests for modules that it does not hear the answers of",
      (p) => frame(p, { handle: HANDLES.GET_MODULE, reply: 1 }, TEXT.encode('"econtext.values"')),
    ],
    [
      "log records",
      (p) => frame(p, { handle: HANDLES.FORWARD_LOG }, TEXT.encode('[20,"stdout","x\\n",0]')),
    ],
    [
      "log records of empty lines",
      (p) =>
        frame(
          p,
          { handle: HANDLES.FORWARD_LOG },
          TEXT.encode(`[20,"stdout","${"\\n".repeat(130_000)}",0]`),
        ),
    ],
  ];
  for (const [name, make] of harmless) {
    test(`${name}, without end`, async () => {
      await using stage = new Stage({ onLog: () => {} });
      const puppet = await stage.puppet();
      await puppet.ready();
      // What begins a message answers no call: it is left alone.
      const begins = new Uint8Array(1);
      if (name.includes("fragments")) puppet.call("answer", MORE, begins).catch(() => {});
      expect(await endless(stage, puppet, make(puppet), 1500)).toBeLessThan(300);
    });
  }

  test("names of modules without end", async () => {
    await using stage = new Stage({ roots: ["."] });
    const victim = await stage.victim();
    const puppet = await stage.puppet();
    await puppet.ready();
    const before = retained();
    for (let i = 0; i < 100; i++) {
      const name = `m${String(i)}${"x".repeat(1 << 20)}`;
      await puppet.call("ask", HANDLES.GET_MODULE, name).catch(() => {});
    }
    expect(retained() - before).toBeLessThan(30);
    await unharmed(victim);
  });

  test("a million tiny messages, and the other context is served meanwhile", async () => {
    await using stage = new Stage();
    const victim = await stage.victim();
    const puppet = await stage.puppet();
    await puppet.ready();
    const grown = await growth(async () => {
      const sent = puppet.call("raw", frame(puppet, { handle: HANDLES.PING }), 1_000_000);
      await unharmed(victim);
      expect(await sent).toBeNull();
    });
    expect(grown).toBeLessThan(100);
  });

  test("bodies that are no values fail the stream, not the process", async () => {
    await using stage = new Stage();
    const victim = await stage.victim();
    const bodies = [
      "[".repeat(1_000_000),
      '{"a":'.repeat(50_000),
      `${"[".repeat(101)}${"]".repeat(101)}`,
      '{"!b":[0,4294967295]}',
      '{"!b":[0,1]}',
      `{"!i":"${"9".repeat(5000)}"}`,
      '{"!m":[[{"!m":[]}]]}',
      '"\\ud800"',
      "",
      "nul",
      "\0\0\0\0\u0010[]",
      '{"!x":0}',
      '{"!d":1e300}',
    ];
    for (const text of bodies) {
      const puppet = await stage.puppet();
      const error = await failure(puppet.call("answer", 0, TEXT.encode(text)));
      expect([text.slice(0, 20), error.code]).toEqual([text.slice(0, 20), "ERR_PROTOCOL_VALUE"]);
    }
    const puppet = await stage.puppet();
    const polluting = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    const value = await puppet.call("answer", 0, TEXT.encode(polluting));
    expect(Object.keys(value as object)).toEqual(["__proto__", "constructor"]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    await unharmed(victim);
  });
});
