/**
 * FrameReceiver: bytes may come as chunks, be read where they belong, or go past: all arrive, once,
 * in order.
 */
import { expect, test } from "bun:test";
import { closeSync, writeSync } from "node:fs";
import fc from "fast-check";
import { takeBuffer } from "../../src/io/buffer-pool.ts";
import { openNonBlocking } from "../../src/io/fd.ts";
import { makePipe, readNow } from "../../src/io/libc.ts";
import { type BodySink, FrameReceiver } from "../../src/mux/frame-receiver.ts";
import { encodeMessage, FLAGS, type Message } from "../../src/protocol/frame.ts";
import { FrameReader } from "../../src/protocol/frame-reader.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { bytesHead, decodeValue, encodeBytes, encodeValue } from "../../src/protocol/value.ts";
import { pattern } from "../helpers/random.ts";

const ENVELOPE = { dst: 0, src: 1, auth: 1, handle: 1000, reply: 0, flags: 0 };

/** What was sent, or came: bytes one after the other, and values between them. */
class Seen {
  #run: Uint8Array[] = [];
  readonly #all: string[] = [];

  add(value: unknown): void {
    if (value instanceof Uint8Array) this.#run.push(Buffer.from(value));
    else this.#all.push(this.#cut(), JSON.stringify(value, short));
  }

  /** Each run of bytes by its length and a hash. */
  get all(): readonly string[] {
    return [...this.#all, this.#cut()];
  }

  #cut(): string {
    const run = Buffer.concat(this.#run.splice(0));
    return `${run.length} bytes: ${Bun.hash(run)}`;
  }
}

function short(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? `${value.length} bytes: ${Bun.hash(value)}` : value;
}

/**
 * Takes bytes as another program's pipe would: `room` of them at a time, and now and then none.
 */
class Sink implements BodySink {
  readonly #seen: Seen;
  readonly #rooms: Iterator<number>;
  readonly canSplice = true;
  taken = 0;
  /** Of bodies, as the receiver tells it. */
  splicedBytes = 0;

  constructor(seen: Seen, rooms: readonly number[]) {
    this.#seen = seen;
    this.#rooms = endless(rooms);
  }

  accepts(): boolean {
    return true;
  }

  spliceFrom(from: number, left: number): number | undefined {
    const room = this.#rooms.next().value as number;
    if (room === 0) return undefined;
    const into = new Uint8Array(Math.min(room, left));
    const n = readNow(from, into);
    if (n !== undefined && n > 0) this.#seen.add(into.slice(0, n));
    this.taken += n ?? 0;
    return n;
  }

  spliced(size: number): void {
    this.splicedBytes += size;
  }
}

function* endless(numbers: readonly number[]): Generator<number> {
  for (let at = 0; ; at++) yield numbers[at % numbers.length] as number;
}

const values = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 60_000 }).map((size) => pattern(size)) },
    { weight: 1, arbitrary: fc.integer({ min: 30_000, max: 34_000 }).map((size) => pattern(size)) },
    { weight: 1, arbitrary: fc.string() },
    { weight: 1, arbitrary: fc.constant({ a: new Uint8Array(40_000) }) },
  ),
  { minLength: 1, maxLength: 10 },
);
const steps = fc.array(
  fc.record({ cut: fc.integer({ min: 1000, max: 50_000 }), how: fc.constantFrom("chunk", "fill") }),
  { minLength: 1, maxLength: 20 },
);
const rooms = fc.array(fc.constantFrom(0, 777, 5000, 100_000), { minLength: 1, maxLength: 5 });

test.if(process.platform === "linux")("all that was sent, in order", () => {
  fc.assert(
    fc.property(values, steps, rooms, fc.boolean(), (sent, how, room, isDirect) => {
      const [expected, seen] = [new Seen(), new Seen()];
      const wire: Uint8Array[] = [];
      for (const value of sent) {
        expected.add(value);
        for (const frame of encodeMessage(ENVELOPE, encodeValue(value).chunks)) wire.push(...frame);
      }
      const taker = new Sink(seen, room);
      let told = 0;
      const receiver = new FrameReceiver(
        new FrameReader(LIMITS, takeBuffer),
        ({ body }: Message) => {
          told += body.length;
          seen.add(decodeValue(body));
        },
      );
      if (isDirect) receiver.direct(ENVELOPE.src, ENVELOPE.handle, taker);
      run(receiver, Buffer.concat(wire), how);
      expect(seen.all).toEqual(expected.all);
      // What went past, and what was told: all bodies, each byte once.
      const bodies = Buffer.concat(wire).length - 24 * sent.length;
      expect(told + taker.splicedBytes).toBe(bodies);
    }),
    { numRuns: 200 },
  );
});

/** All of `data`, by the ways that `how` says in turn; what is filled goes through a pipe. */
function run(
  receiver: FrameReceiver,
  data: Uint8Array,
  how: readonly { cut: number; how: string }[],
): void {
  const [end, write] = makePipe() as readonly [number, number];
  const read = openNonBlocking(end, "read") as number;
  let turn = 0;
  for (let at = 0; at < data.length; ) {
    const step = how[turn++ % how.length] as { cut: number; how: string };
    const chunk = data.subarray(at, at + step.cut);
    at += chunk.length;
    if (step.how === "chunk") {
      receiver.stopReading();
      receiver.push(chunk.slice());
      continue;
    }
    writeSync(write, chunk);
    // What it does not take, as it would come afterwards.
    for (let idle = 0; idle < 3; ) idle = receiver.readFrom(read) ? 0 : idle + 1;
    const rest = new Uint8Array(chunk.length);
    const left = readNow(read, rest) ?? 0;
    if (left === 0) continue;
    receiver.stopReading();
    receiver.push(rest.subarray(0, left));
  }
  for (const fd of [end, read, write]) closeSync(fd);
}

test.if(process.platform === "linux")(
  "only what the router would accept goes past, while it is registered",
  () => {
    const value = pattern(50_000);
    const body = encodeValue(value).chunks;
    const wanted = { ...ENVELOPE };
    const others = [
      { ...ENVELOPE, src: 2, auth: 2 },
      { ...ENVELOPE, auth: 0 },
      { ...ENVELOPE, dst: 2 },
      { ...ENVELOPE, handle: 1001 },
      { ...ENVELOPE, flags: FLAGS.DEAD },
      { ...ENVELOPE, flags: FLAGS.DEFLATE },
    ];
    const taker = new Sink(new Seen(), [100_000]);
    const told: Message[] = [];
    const receiver = new FrameReceiver(new FrameReader(LIMITS, takeBuffer), (message) =>
      told.push(message),
    );
    const send = (envelope: typeof ENVELOPE): void => {
      const frames = [...encodeMessage(envelope, body)].flat();
      run(receiver, Buffer.concat(frames), [{ cut: 60_000, how: "fill" }]);
    };
    const end = receiver.direct(wanted.src, wanted.handle, taker);
    // The first is read in one piece with its header; what follows a large frame is read directly.
    send({ ...ENVELOPE, handle: 1001 });
    for (const one of others) send(one);
    expect(told.length).toBe(1 + others.length);
    expect(taker.taken).toBe(0);
    send(wanted);
    expect([told.length, taker.taken]).toEqual([1 + others.length, value.length]);
    end();
    send(wanted);
    expect([told.length, taker.taken]).toEqual([2 + others.length, value.length]);
  },
);

test("the head of a body that is nothing but bytes", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300_000 }), (size) => {
      const { chunks, length } = encodeBytes({ length: size });
      expect(bytesHead(length)).toEqual(chunks[0]);
      expect(encodeValue(new Uint8Array(size)).chunks[0]).toEqual(chunks[0]);
    }),
  );
  // None has as many bytes: the number would be one digit longer, and one byte less.
  const nine = encodeBytes({ length: 9 }).length;
  expect(bytesHead(nine + 1)).toBeUndefined();
});
