/** The value codec against its vectors, against itself, and against bytes that mean nothing. */
import { describe as about, expect, test } from "bun:test";
import { ProtocolError, ValueError } from "../../src/errors.ts";
import {
  decodeValue,
  type EncodeOptions,
  encodeValue,
  RemoteError,
} from "../../src/protocol/value.ts";
import { below, makeDice, randomValue, SEED } from "../helpers/random.ts";
import { bodyOf, build, describe, flatten, sorted, VECTORS } from "../helpers/value-notation.ts";

/** The value, or that it was refused as it must be; anything else that is thrown fails the test. */
function decodeOrRefuse(body: Uint8Array): { value: unknown } | "refused" {
  try {
    return { value: decodeValue(body) };
  } catch (error) {
    if (error instanceof ProtocolError && error.code === "ERR_PROTOCOL_VALUE") return "refused";
    throw error;
  }
}

function echo(value: unknown): unknown {
  return decodeValue(flatten(encodeValue(value)));
}

about("vectors", () => {
  for (const vector of VECTORS) {
    test(vector.name, () => {
      const body = bodyOf(vector);
      const decoded = decodeOrRefuse(body);
      if (vector.refused) {
        expect(decoded).toBe("refused");
      } else {
        const value = vector.value ?? null;
        expect(decoded === "refused" ? decoded : describe(decoded.value)).toEqual(sorted(value));
        if (!vector.decodeOnly) {
          const encoded = flatten(encodeValue(build(value)));
          if (!vector.loose)
            expect(new TextDecoder().decode(encoded)).toBe(new TextDecoder().decode(body));
          expect(describe(decodeValue(encoded))).toEqual(sorted(value));
        }
      }
      const closed = !vector.refused && [0, 0x5b, 0x7b, 0x22].includes(body[0] ?? -1);
      for (let cut = 0; cut < body.length; cut++) {
        const result = decodeOrRefuse(body.subarray(0, cut));
        if (closed) expect(result).toBe("refused");
      }
    });
  }
});

about("encoding", () => {
  const cycle: Record<string, unknown> = { a: [1, {}] };
  (cycle.a as Record<string, unknown>[])[1] = { "b c": cycle };
  const deep = (levels: number, value: unknown = 1) => {
    let nested = value;
    for (let i = 0; i < levels; i++) nested = [nested];
    return nested;
  };
  class Socket {
    readonly port = 1;
  }
  class Names extends Array<string> {}
  const hidden = Object.defineProperty({}, "toJSON", { value: () => 1 });

  const refused: [
    what: string,
    value: unknown,
    path: string,
    problem: string,
    options?: EncodeOptions,
  ][] = [
    ["function", () => 1, "value", "a function"],
    ["symbol", [Symbol("s")], "value[0]", "a symbol"],
    ["instance", { args: [new Socket()] }, "value.args[0]", "an instance of Socket"],
    ["promise", { "a b": Promise.resolve() }, 'value["a b"]', "an instance of Promise"],
    ["subclass of Array", [Names.of("a")], "value[0]", "an instance of Names"],
    ["ArrayBuffer", new ArrayBuffer(1), "value", "an instance of ArrayBuffer"],
    ["boxed number", Object(1), "value", "an instance of Number"],
    ["toJSON", { toJSON: () => 1 }, "value.toJSON", "a function"],
    ["invalid date", new Date(Number.NaN), "value", "an invalid Date"],
    ["key of a map", new Map([[() => 1, 1]]), "value[0][0]", "a function"],
    ["member of a set", new Set([1, { f: Symbol("s") }]), "value[1].f", "a symbol"],
    ["lone surrogate", ["a", "\ud800"], "value[1]", "text with a lone surrogate"],
    ["lone surrogate in a name", { "\udc00": 1 }, 'value["\\udc00"]', "text with a lone surrogate"],
    ["huge integer", 10n ** 4300n, "value", "an integer of more than 4300 digits"],
    ["cycle", cycle, 'value.a[1]["b c"]', "it contains itself"],
    ["depth", deep(101), `value${"[0]".repeat(11)}...[0]`, "nested deeper than 100"],
    [
      "depth of bytes",
      deep(99, new Uint8Array(1)),
      `value${"[0]".repeat(11)}...[0]`,
      "nested deeper than 100",
    ],
    ["named root", { a: Symbol("s") }, "result.a", "a symbol", { root: "result" }],
    [
      "named elements",
      ["f", [{ socket: Symbol("s") }]],
      "args[0].socket",
      "a symbol",
      { root: ["name", "args"] },
    ],
  ];
  for (const [what, value, path, problem, options] of refused) {
    test(`refuses: ${what}`, () => {
      const thrown = expect(() => encodeValue(value, options));
      thrown.toThrow(new ValueError(path, problem));
    });
  }

  test("takes what is just not too deep", () => {
    expect(echo(deep(100))).toEqual(deep(100));
    expect(echo(deep(98, new Uint8Array(1)))).toEqual(deep(98, new Uint8Array(1)));
  });

  test("tells whether an extended value is in it", () => {
    expect(encodeValue([1, { "!a": 1, b: "!" }]).extended).toBe(false);
    expect(encodeValue([1, { "!a": 1 }]).extended).toBe(true);
    expect(encodeValue(new Uint8Array(0))).toMatchObject({ extended: true, length: 12 });
  });

  test("does not copy bytes", () => {
    const part = new Uint8Array(100);
    expect(encodeValue({ part }).chunks[1]).toBe(part);
  });

  test("takes objects without a prototype, holes, accessors and a hidden toJSON", () => {
    const bare = Object.setPrototypeOf(Object.fromEntries([["__proto__", [new Set()]]]), null);
    expect(Object.entries(echo(bare) as object)).toEqual([["__proto__", [new Set()]]]);
    // biome-ignore lint/suspicious/noSparseArray: it is what is tested
    expect(echo([, 1])).toEqual([undefined, 1]);
    expect(
      echo({
        get a() {
          return 1;
        },
      }),
    ).toEqual({ a: 1 });
    expect(echo({ a: hidden })).toEqual({ a: {} });
  });

  test("takes a Buffer as bytes, and any Error", () => {
    expect(echo(Buffer.from("abc"))).toEqual(new Uint8Array([97, 98, 99]));
    const error = echo(new TypeError("bad \ud800"));
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).toMatchObject({ type: "TypeError", message: "bad \ufffd" });
  });
});

about("decoding", () => {
  test("leaves __proto__ a member", () => {
    for (const text of [
      '{"__proto__":{"evil":1},"a":0}',
      '{"__proto__":{"evil":{"!u":0}},"a":0}',
    ]) {
      const value = decodeValue(new TextEncoder().encode(text)) as Record<string, unknown>;
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect(Object.keys(value)).toEqual(["__proto__", "a"]);
      expect(value.evil).toBeUndefined();
    }
  });

  test("copies small parts and gives views of large ones", () => {
    const body = flatten(encodeValue([new Uint8Array(10), new Uint8Array(1000)]));
    const [small, large] = decodeValue(body) as [Uint8Array, Uint8Array];
    expect([small.buffer === body.buffer, large.buffer === body.buffer]).toEqual([false, true]);
  });

  test("gives a Uint8Array of its own even where the body is a Buffer", () => {
    const part = decodeValue(Buffer.from(flatten(encodeValue(new Uint8Array(100)))));
    expect(Object.getPrototypeOf(part)).toBe(Uint8Array.prototype);
  });

  test("keeps to the limit that it is given", () => {
    const body = new TextEncoder().encode("[[[1]]]");
    expect(decodeValue(body, { maxDepth: 3 })).toEqual([[[1]]]);
    expect(() => decodeValue(body, { maxDepth: 2 })).toThrow("nested deeper than 2");
  });
});

about(`chance (ECONTEXT_TEST_SEED=${SEED})`, () => {
  test("values come back equal", () => {
    const dice = makeDice(SEED);
    for (let i = 0; i < 5000; i++) {
      const value = randomValue(dice, 4);
      expect(describe(echo(value))).toEqual(describe(value));
    }
  });

  test("mutated and random bodies are refused or decoded, and nothing else", () => {
    const dice = makeDice(SEED);
    const bodies = [...VECTORS.map(bodyOf).filter((body) => body.length < 200)];
    const alphabet = new TextEncoder().encode('{}[]",:!bifdsmuecho0123456789-.\\\0');
    for (let i = 0; i < 100000; i++) {
      const from = bodies[below(dice, bodies.length)] ?? alphabet;
      const body = dice() < 0.2 ? new Uint8Array(below(dice, 30)) : from.slice();
      const changes = body.length === from.length ? below(dice, 3) + 1 : body.length;
      for (let n = 0; n < changes; n++) {
        const byte = dice() < 0.8 ? alphabet[below(dice, alphabet.length)] : below(dice, 256);
        body[below(dice, body.length)] = byte ?? 0;
      }
      const result = decodeOrRefuse(body);
      // Whatever was taken can be sent again.
      if (result !== "refused") flatten(encodeValue(result.value));
    }
  });
});
