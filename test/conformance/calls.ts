/** What a call takes and gives, and in which order. */
import { expect } from "bun:test";
import { Channel, kwargs, RemoteError } from "../../src/index.ts";
import type { Shape } from "./kind.ts";
import { type Far, failureOf } from "./session.ts";

/** Values, and what they are. */
const VALUES: readonly (readonly [value: unknown, shape: Shape])[] = [
  [null, "nothing"],
  [true, "boolean"],
  [0, "integer"],
  [-7, "integer"],
  [Number.MAX_SAFE_INTEGER, "integer"],
  [1.5, "float"],
  [1e300, "float"],
  ["", "text"],
  ["text with é, \u2603, \u{1f600}, \0 and \n", "text"],
  [[], "list"],
  [[1, ["two", [null]]], "list"],
  [{}, "object"],
  [{ a: 1, "b c": { d: [] }, "": 0, é: "\u2603" }, "object"],
  [new Uint8Array(), "bytes"],
  [Uint8Array.of(0, 1, 254, 255), "bytes"],
  [new TextEncoder().encode("looks like text"), "bytes"],
  [2n ** 53n, "big"],
  [-(2n ** 200n), "big"],
  [Number.NaN, "float"],
  [Number.POSITIVE_INFINITY, "float"],
  [Number.NEGATIVE_INFINITY, "float"],
  [-0, "float"],
  [new Date(1_700_000_000_123), "date"],
  [new Date(-1), "date"],
  [new Set(), "set"],
  [new Set([1, "two", null]), "set"],
  [new Map<unknown, unknown>([[1, "one"]]), "map"],
  [
    new Map<unknown, unknown>([
      [null, 0],
      [2.5, Uint8Array.of(1)],
    ]),
    "map",
  ],
  [new Channel().sender, "sender"],
  [{ "!b": [0, 1] }, "object"],
  [{ "!": { "!u": 0 } }, "object"],
  [[new Set([1n << 70n]), { when: new Date(0), data: Uint8Array.of(9) }], "list"],
];

export function calls(far: Far): void {
  const { test, everyVersion } = far;
  const { nothing, received, spellings, deadEnds, types } = far.values;

  everyVersion("every type of value comes back equal, and arrives as what it is", async () => {
    const echoed = await Promise.all(VALUES.map(([value]) => far.call("echo.echo", value)));
    expect(echoed).toEqual(VALUES.map(([value]) => value));
    const kinds = await Promise.all(VALUES.map(([value]) => far.call("echo.kind", value)));
    // Where a C long has 64 bits, Python 2 has an int of what is beyond 2^53.
    const arrived = kinds.map((kind) => (kind === "long" ? "int" : kind));
    expect(arrived).toEqual(VALUES.map(([, shape]) => types[shape]));
  });

  everyVersion(
    "undefined arrives as what the language has for it, an error as a value of its own",
    async () => {
      expect(await far.call("echo.echo", undefined)).toBe(nothing);
      const sent = new RemoteError("ValueError", "no \u2603", "Traceback …");
      const back = (await far.call("echo.echo", [sent])) as RemoteError[];
      expect(back[0]).toBeInstanceOf(RemoteError);
      expect([back[0]?.type, back[0]?.message, back[0]?.traceback]).toEqual([
        "ValueError",
        "no \u2603",
        "Traceback …",
      ]);
    },
  );

  everyVersion("what arrives is the thing, not its digits", async () => {
    expect(await far.call("echo.arithmetic", 2n ** 80n, 1)).toBe(2n ** 80n + 1n);
    expect(await far.call("echo.arithmetic", Number.MAX_SAFE_INTEGER, 1)).toBe(2n ** 53n);
    const instant = await far.call("echo.instant", new Date(Date.UTC(2024, 1, 29, 12, 30, 1)));
    expect(instant).toBe("2024-02-29 12:30:01 UTC");
  });

  everyVersion("the standard library takes plain values as they are", async () => {
    for (const value of [null, true, 3, 2.5, "é", [1, "a"], { k: [null] }]) {
      expect(await far.call("copy", value)).toEqual(value);
    }
  });

  everyVersion("arguments by position and by name", async () => {
    expect(await far.call("dumps", [1], kwargs({ indent: 1 }))).toBe("[\n 1\n]");
    expect(await far.call("echo.everything")).toEqual(received([], {}));
    const named = { two: 2, three: new Set([3]) };
    const mixed = far.call("echo.everything", 1, kwargs(named));
    expect(await mixed).toEqual(received([1], named));
    expect(await far.call("echo.everything", {})).toEqual(received([{}], {}));
  });

  everyVersion("every spelling of a function's name", async () => {
    const { context } = far.session();
    for (const [name, args, result] of spellings) {
      expect([name, await context.call(name, ...args)]).toEqual([name, result]);
    }
  });

  everyVersion("a name that leads nowhere says where it ends", async () => {
    const { context } = far.session();
    for (const [name, part] of deadEnds) {
      expect(String(await failureOf(context.call(name)))).toContain(part);
    }
  });

  test("withContext: the function's first argument is its own context", async () => {
    const { context } = far.session();
    const about = far.callWith({ withContext: true }, "tasks.shapes.about_context", 1, "x");
    expect(await about).toEqual([context.id, context.name, [1, "x"]]);
  });

  test("withContext: a function can end its own context, and is still answered", async () => {
    await using session = await far.connect();
    const ended = session.callWith({ withContext: true }, "tasks.shapes.end_context");
    expect(await ended).toBe("ended");
    let late: unknown;
    const about = () => session.callWith({ withContext: true }, "tasks.shapes.about_context");
    while (late === undefined) late = await about().then(nothingYet, (error: unknown) => error);
    expect(late).toMatchObject({ code: "ERR_DISCONNECT_LOST" });
  });

  test("a thousand calls under way start in the order in which they were made", async () => {
    await far.call("tasks.state.forget");
    const settled: number[] = [];
    await Promise.all(
      Array.from({ length: 1000 }, async (_, i) => {
        const count = await far.call("tasks.state.note", i);
        expect(count).toBe(i + 1);
        settled.push(i);
      }),
    );
    const inOrder = Array.from({ length: 1000 }, (_, i) => i);
    expect(settled).toEqual(inOrder);
    expect(await far.call("tasks.state.noted")).toEqual(inOrder);
  });

  test("eight megabytes each way, as bytes and as text", async () => {
    const size = 8 << 20;
    const bytes = (await far.call("echo.blob", size)) as Uint8Array;
    expect(bytes.length).toBe(size);
    const text = (await far.call("echo.prose", size)) as string;
    expect(text.length).toBe(size / 2);
    expect(text === "é".repeat(size / 2)).toBe(true);
    const data = new Uint8Array(size).fill(7);
    data.set([1, 2, 3], size - 3);
    expect(Buffer.compare((await far.call("echo.echo", data)) as Uint8Array, data)).toBe(0);
    expect(await far.call("length", text)).toBe(size / 2);
    // Together: text beside raw bytes, two pieces of these, and short calls in between.
    const mixed = [data, "é", data.subarray(1, size / 2), [text]];
    const [first, short, second] = await Promise.all([
      far.call("echo.echo", mixed),
      far.call("echo.echo", "short"),
      far.call("echo.echo", mixed),
    ]);
    expect(short).toBe("short");
    for (const echoed of [first, second] as unknown[][]) {
      expect(Buffer.compare(echoed[0] as Uint8Array, data)).toBe(0);
      expect(echoed[1]).toBe("é");
      expect(Buffer.compare(echoed[2] as Uint8Array, data.subarray(1, size / 2))).toBe(0);
      expect((echoed[3] as unknown[])[0] === text).toBe(true);
    }
  });

  test("a module keeps its state between calls", async () => {
    await far.call("tasks.state.forget");
    await far.call("tasks.state.note", "first");
    expect(await far.call("tasks.state.note", "second")).toBe(2);
  });

  test("changes to the environment and to the working directory persist", async () => {
    const home = await far.call("folder");
    expect(home).toStartWith("/");
    await far.call("enter", "/");
    expect(await far.call("folder")).toBe("/");
    await far.call("enter", home);
    await far.call("tasks.state.set_environment", "KEPT", "a b");
    expect(await far.call("tasks.state.get_environment", "KEPT")).toBe("a b");
  });

  test("close drains: what was called before is answered, what was printed arrives", async () => {
    await using session = await far.connect();
    const { logs } = session;
    const results = Array.from({ length: 50 }, (_, i) => session.call("echo.echo", i));
    const said = session.call("tasks.output.say", "last words\n", "without an end");
    await session.broker.close();
    expect(await Promise.all(results)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(await said).toBe(nothing);
    expect(logs.map((r) => r.message)).toEqual(["last words", "without an end"]);
    expect(await failureOf(session.call("pid"))).toMatchObject({
      code: "ERR_DISCONNECT_CLOSED",
    });
  });
}

function nothingYet(): undefined {}
