/**
 * Frames: vectors as they stand on the wire, cut at every byte; any messages there and back; what
 * is refused.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { releaseBuffer, takeBuffer } from "../../src/io/buffer-pool.ts";
import {
  type Envelope,
  encodeMessage,
  FLAGS,
  HEADER_BYTES,
  type Message,
} from "../../src/protocol/frame.ts";
import { FrameReader } from "../../src/protocol/frame-reader.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { concat } from "../helpers/value-notation.ts";

const { MORE, CONT, DEAD, ERROR, DEFLATE } = FLAGS;
const SMALL = { ...LIMITS, maxFrameBytes: 4, maxMessageBytes: 64 };
const PLAIN: Envelope = { dst: 0, src: 0, auth: 0, handle: 0, reply: 0, flags: 0 };

function wire(envelope: Envelope, body: Uint8Array, limits = LIMITS): Uint8Array {
  return concat([...encodeMessage(envelope, [body], limits)].flat());
}

function read(bytes: Uint8Array, limits = LIMITS, sizes: readonly number[] = []): Message[] {
  const reader = new FrameReader(limits);
  const messages: Message[] = [];
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    messages.push(...reader.push(bytes.slice(at, at + size)));
    at += size;
  }
  return messages.map((message) => ({ ...message, body: new Uint8Array(message.body) }));
}

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly messages: readonly Message[];
  readonly limits?: typeof LIMITS;
}

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(/\s/g, ""));
const CALL: Envelope = { dst: 7, src: 0, auth: 0, handle: 101, reply: 1000, flags: 0 };

const VECTORS: readonly Vector[] = [
  {
    name: "a call",
    hex: "00000007 00000000 00000000 00000065 000003e8 00 000002 5b5d",
    messages: [{ ...CALL, body: hex("5b5d") }],
  },
  {
    name: "an empty body, every field at its largest, every flag that stands alone",
    hex: "ffffffff fffffffe fffffffd fffffffc fffffffb 1c 000000",
    messages: [
      {
        dst: 0xffffffff,
        src: 0xfffffffe,
        auth: 0xfffffffd,
        handle: 0xfffffffc,
        reply: 0xfffffffb,
        flags: DEAD | ERROR | DEFLATE,
        body: hex(""),
      },
    ],
  },
  {
    name: "three fragments",
    limits: SMALL,
    hex: `00000007 00000000 00000000 00000065 000003e8 01 000004 01020304
      00000007 00000000 00000000 00000065 000003e8 03 000004 05060708
      00000007 00000000 00000000 00000065 000003e8 02 000001 09`,
    messages: [{ ...CALL, body: hex("010203040506070809") }],
  },
  {
    name: "two whole frames",
    limits: SMALL,
    hex: `00000007 00000000 00000000 00000065 000003e8 08 000004 01020304
      00000007 00000000 00000000 00000065 000003e8 00 000000`,
    messages: [
      { ...CALL, flags: ERROR, body: hex("01020304") },
      { ...CALL, body: hex("") },
    ],
  },
];

describe("vectors", () => {
  for (const { name, hex: text, messages, limits = LIMITS } of VECTORS) {
    test(name, () => {
      const bytes = hex(text);
      expect(concat(messages.map((one) => wire(one, one.body, limits)))).toEqual(bytes);
      expect(read(bytes, limits)).toEqual([...messages]);
      for (let cut = 0; cut <= bytes.length; cut++) {
        expect(read(bytes, limits, [cut])).toEqual([...messages]);
        expect(read(bytes.slice(0, cut), limits).length).toBeLessThanOrEqual(messages.length);
      }
      expect(read(bytes, limits, Array(bytes.length).fill(1) as number[])).toEqual([...messages]);
    });
  }

  test("a whole message between the fragments of another", () => {
    const long = [...encodeMessage(CALL, [hex("010203040506070809")], SMALL)].map((f) =>
      concat([...f]),
    );
    const ping = wire({ ...CALL, handle: 105 }, hex("aa"), SMALL);
    const other = [...encodeMessage({ ...CALL, src: 9 }, [hex("0b0b0b0b0b")], SMALL)].flat();
    const [first = ping, ...rest] = long;
    const got = read(concat([first, ping, ...other, ...rest]), SMALL);
    expect(got.map((one) => [one.handle, one.src, one.body.toHex()])).toEqual([
      [105, 0, "aa"],
      [101, 9, "0b0b0b0b0b"],
      [101, 0, "010203040506070809"],
    ]);
  });
});

describe("properties", () => {
  const u32 = fc.nat(0xffffffff);
  const envelope = fc.record({
    dst: u32,
    src: u32,
    auth: u32,
    handle: u32,
    reply: u32,
    flags: fc.constantFrom(0, DEAD, ERROR, DEFLATE, ERROR | DEFLATE),
  });
  const body = fc.uint8Array({ maxLength: 64 });

  test("any messages, cut anywhere, arrive as they were", () => {
    const messages = fc.array(fc.tuple(envelope, body), { maxLength: 6 });
    const sizes = fc.array(fc.nat(90));
    fc.assert(
      fc.property(messages, sizes, fc.integer({ min: 1, max: 70 }), (list, cuts, maxFrameBytes) => {
        const limits = { ...LIMITS, maxFrameBytes, maxMessageBytes: 64 };
        const bytes = concat(list.map(([head, content]) => wire(head, content, limits)));
        const expected = list.map(([head, content]) => ({
          ...head,
          body: new Uint8Array(content),
        }));
        expect(read(bytes, limits, cuts)).toEqual(expected);
      }),
    );
  });

  test("large ones, cut anywhere, with what is given back in between, arrive as they were", () => {
    const message = fc.record({ size: fc.integer({ min: 0, max: 600_000 }), fill: fc.nat(255) });
    const property = fc.property(
      fc.array(message, { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 300_000 }), { maxLength: 20 }),
      fc.boolean(),
      (messages, sizes, isRecycled) => {
        const bodies = messages.map(({ size, fill }) => new Uint8Array(size).fill(fill));
        const bytes = concat(bodies.map((body) => wire(CALL, body)));
        const reader = new FrameReader(LIMITS, takeBuffer);
        const got: [number, boolean][] = [];
        let at = 0;
        for (const size of [...sizes, bytes.length]) {
          for (const { body } of reader.push(bytes.slice(at, at + size))) {
            const expected = bodies[got.length] as Uint8Array;
            got.push([body.length, Buffer.compare(body, expected) === 0]);
            if (isRecycled) releaseBuffer(body);
          }
          at += size;
        }
        expect(got).toEqual(bodies.map((body) => [body.length, true]));
      },
    );
    fc.assert(property, { numRuns: 100 });
  });

  test("fragments of several sources and whole messages, mixed, arrive as they were", () => {
    const sources = fc.uniqueArray(fc.tuple(fc.nat(40), body), {
      selector: ([id]) => id,
      maxLength: 5,
    });
    fc.assert(
      fc.property(sources, fc.array(fc.nat()), (list, choices) => {
        const queues = list.map(([src, content]) =>
          [...encodeMessage({ ...PLAIN, src }, [content], SMALL)].map((f) => concat([...f])),
        );
        const mixed: Uint8Array[] = [];
        for (let i = 0; queues.some((queue) => queue.length > 0); i++) {
          const open = queues.filter((queue) => queue.length > 0);
          const frame = open[(choices[i] ?? 0) % open.length]?.shift();
          mixed.push(
            frame ?? hex(""),
            wire({ ...PLAIN, src: i % 41, handle: 1 }, hex("00"), SMALL),
          );
        }
        const got = read(concat(mixed), SMALL).filter((one) => one.handle === 0);
        const bodies = new Map(got.map((one) => [one.src, one.body]));
        expect(got.length).toBe(list.length);
        for (const [src, content] of list) expect(bodies.get(src)).toEqual(new Uint8Array(content));
      }),
    );
  });

  test("a body in chunks is the body", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 7 }), (chunks) => {
        const whole = concat(chunks);
        expect(concat([...encodeMessage(CALL, chunks, SMALL)].flat())).toEqual(
          wire(CALL, whole, SMALL),
        );
      }),
    );
  });
});

describe("a large message is put together where it stays", () => {
  const SIZE = 700_000;
  const random = (seed: number) => Uint8Array.from({ length: SIZE }, (_, i) => (i * seed) >>> 5);
  /** A body whose text says that so many raw bytes follow from `offset` on. */
  const stating = (offset: number, length: number, seed: number) => {
    const text = new TextEncoder().encode(`[1,{"!b":[${offset},${length}]}]`);
    const header = new Uint8Array(5);
    new DataView(header.buffer).setUint32(1, text.length);
    return concat([header, text, random(seed)]);
  };
  const bodies: [string, Uint8Array][] = [
    ["as large as it says", stating(0, SIZE, 3)],
    ["larger than it says", stating(2, 9, 5)],
    ["smaller than it says", stating(4_000_000_000, 4_000_000_000, 7)],
    ["that says nothing", concat([hex("5b"), random(11)])],
    ["whose text goes on and on", concat([hex("00ffffffff"), random(13)])],
  ];
  for (const [name, body] of bodies) {
    test(`a body ${name}, between frames of another context`, () => {
      const cut = (src: number) =>
        [...encodeMessage({ ...PLAIN, src, auth: src }, [body])].map((frame) => concat([...frame]));
      const [one, two] = [cut(1), cut(2)];
      const all = concat(one.flatMap((frame, i) => [frame, two[i] as Uint8Array]));
      for (const step of [1 << 16, 262_143, 262_168, 400_000]) {
        const sizes = Array.from({ length: Math.floor(all.length / step) }, () => step);
        const got = read(all, LIMITS, sizes);
        expect(got.map(({ src, flags }) => [src, flags])).toEqual([
          [1, 0],
          [2, 0],
        ]);
        for (const message of got) expect(Buffer.compare(message.body, body)).toBe(0);
      }
    });
  }
});

describe("refused", () => {
  const head = (flags: number, length = 0) => {
    const bytes = new Uint8Array(HEADER_BYTES);
    new DataView(bytes.buffer).setUint32(20, ((flags << 24) | length) >>> 0);
    return bytes;
  };
  const refused: [string, Uint8Array[], string][] = [
    ["an unknown flag", [head(32)], "ERR_PROTOCOL_FRAME"],
    ["all flags", [head(255)], "ERR_PROTOCOL_FRAME"],
    ["a length over the limit, before its body", [head(0, 5)], "ERR_PROTOCOL_FRAME"],
    ["a continuation of nothing", [head(CONT)], "ERR_PROTOCOL_FRAME"],
    ["a middle of nothing", [head(CONT | MORE)], "ERR_PROTOCOL_FRAME"],
    ["a second beginning", [head(MORE), head(MORE)], "ERR_PROTOCOL_FRAME"],
    [
      "a message over the limit",
      [
        concat([head(MORE, 4), hex("00000000")]),
        ...Array.from({ length: 16 }, () => concat([head(MORE | CONT, 4), hex("00000000")])),
      ],
      "ERR_PROTOCOL_MESSAGE_TOO_LARGE",
    ],
    [
      "fragments that are empty, without end",
      [head(MORE), ...Array.from({ length: 10_000 }, () => head(MORE | CONT))],
      "ERR_PROTOCOL_FRAME",
    ],
  ];
  for (const [name, chunks, code] of refused) {
    test(name, () => {
      expect(() => read(concat(chunks), SMALL)).toThrow(expect.objectContaining({ code }));
    });
  }

  test("to send a message over the limit, before its first frame", () => {
    const code = "ERR_PROTOCOL_MESSAGE_TOO_LARGE";
    expect(() => encodeMessage(PLAIN, [new Uint8Array(65)], SMALL)).toThrow(
      expect.objectContaining({ code }),
    );
  });
});

describe("contexts behind one stream", () => {
  const frame = (src: number, flags: number, text = "01020304") =>
    wire({ ...PLAIN, src, flags }, hex(text));

  function open(behind: readonly number[]) {
    const faults: [src: number, code: string][] = [];
    const reader = new FrameReader(SMALL, undefined, {
      isBehind: (src) => behind.includes(src),
      fault: (src, { code }) => faults.push([src, code]),
    });
    const got = (...frames: Uint8Array[]) =>
      frames.flatMap((one) => [...reader.push(one)].map(({ src, body }) => [src, body.length]));
    return { reader, faults, got };
  }

  test("may each have a message under way, however many they are", () => {
    const sources = Array.from({ length: 1000 }, (_, i) => i + 1);
    const { faults, got } = open(sources);
    expect(got(...sources.map((src) => frame(src, MORE)))).toEqual([]);
    expect(got(...sources.map((src) => frame(src, CONT)))).toEqual(sources.map((src) => [src, 8]));
    expect(faults).toEqual([]);
  });

  test("answer for their own frames: those of the others come whole", () => {
    const { faults, got } = open([1, 2]);
    expect(got(frame(1, MORE), frame(2, MORE), frame(2, MORE), frame(1, CONT))).toEqual([[1, 8]]);
    const endless = Array.from({ length: 17 }, () => frame(2, MORE | CONT));
    expect(got(frame(2, MORE), ...endless, frame(1, 0))).toEqual([[1, 4]]);
    expect(faults).toEqual([
      [2, "ERR_PROTOCOL_FRAME"],
      [2, "ERR_PROTOCOL_MESSAGE_TOO_LARGE"],
      [2, "ERR_PROTOCOL_FRAME"],
    ]);
  });

  test("take no memory when they are none that the master opened", () => {
    const { faults, got } = open([1]);
    // Each frame is given to the router, which drops it.
    expect(got(frame(7, MORE), frame(7, MORE | CONT), frame(7, CONT))).toEqual(
      Array(3).fill([7, 4]),
    );
    expect(faults).toEqual([]);
  });

  test("leave nothing behind when they are gone", () => {
    const { reader, faults, got } = open([1]);
    got(frame(1, MORE));
    reader.forget(1);
    expect(got(frame(1, MORE), frame(1, CONT))).toEqual([[1, 8]]);
    expect(faults).toEqual([]);
  });
});
