/**
 * Random and mutated bytes through the frame and value decoders, and as a child that misbehaves
 * beside one that does not: only clean errors, bounded memory. `ECONTEXT_FUZZ=1000000` says how
 * many, `ECONTEXT_TEST_SEED=…` which.
 */
import { expect, test } from "bun:test";
import { CallError, DisconnectError, EcontextError, ProtocolError } from "../../src/errors.ts";
import { MarkerScanner } from "../../src/launch/marker.ts";
import { readLogMessage } from "../../src/logs/log-record.ts";
import { PythonFinder } from "../../src/modules/python/finder.ts";
import { PythonResponder } from "../../src/modules/python/responder.ts";
import { Router } from "../../src/mux/router.ts";
import { Stream } from "../../src/mux/stream.ts";
import { encodeMessage, FLAGS } from "../../src/protocol/frame.ts";
import { FrameReader } from "../../src/protocol/frame-reader.ts";
import { HANDLES } from "../../src/protocol/handles.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { decodeValue, encodeValue } from "../../src/protocol/value.ts";
import { MemoryPipe } from "../helpers/memory-pipe.ts";
import { below, type Dice, makeDice, randomValue, SEED } from "../helpers/random.ts";
import { bodyOf, VECTORS } from "../helpers/value-notation.ts";
import { failure, retained, Stage, unharmed } from "./puppet.ts";

const COUNT = Number(process.env["ECONTEXT_FUZZ"] ?? 20_000);
const NAME = `${String(COUNT)} inputs, ECONTEXT_TEST_SEED=${String(SEED)}`;
const TIMEOUT_MS = 60_000 + COUNT;
const RETAINED_MIB = 50;
const SMALL = { ...LIMITS, maxFrameBytes: 1 << 16, maxMessageBytes: 1 << 18 };

const WELL_KNOWN = [
  '[20,"stdout","a\\nb\\n",1.5]',
  '[40,"x.y","t",1]',
  '"faults"',
  '["x","y/"]',
  '"econtext.logs"',
];
const bodies = [
  ...VECTORS.map(bodyOf),
  ...WELL_KNOWN.map((text) => new TextEncoder().encode(text)),
];

function pick<T>(dice: Dice, list: readonly T[]): T {
  return list[below(dice, list.length)] as T;
}

function noise(dice: Dice, most: number): Uint8Array {
  return Uint8Array.from({ length: below(dice, most) }, () => below(dice, 256));
}

/** A few changes of the sorts that parsers fall over. */
function mutate(dice: Dice, bytes: Uint8Array): Uint8Array {
  let out = Buffer.from(bytes);
  for (let n = below(dice, 4); n > 0; n--) {
    const at = below(dice, out.length + 1);
    const [head, tail] = [out.subarray(0, at), out.subarray(at)];
    switch (below(dice, 7)) {
      case 0:
        if (at < out.length) out[at] = (out[at] ?? 0) ^ (1 << below(dice, 8));
        break;
      case 1:
        if (at < out.length)
          out[at] = pick(dice, [0, 1, 0x21, 0x22, 0x5b, 0x5c, 0x7b, 0x7f, 0x80, 0xff]);
        break;
      case 2:
        out = Buffer.concat([head, noise(dice, 9), tail]);
        break;
      case 3:
        out = Buffer.concat([head, tail.subarray(below(dice, 9))]);
        break;
      case 4:
        out = Buffer.from(head);
        break;
      case 5:
        out = Buffer.concat([head, pick(dice, bodies), tail]);
        break;
      default:
        if (at + 4 <= out.length)
          out.writeUInt32BE(pick(dice, [0, 1, 255, 65535, 2 ** 31, 2 ** 32 - 1]), at);
    }
  }
  return new Uint8Array(out);
}

function valueBody(dice: Dice): Uint8Array {
  if (dice() < 0.1) return noise(dice, 64);
  if (dice() < 0.2) return new TextEncoder().encode(pick(dice, WELL_KNOWN));
  if (dice() < 0.7) return mutate(dice, pick(dice, bodies));
  return mutate(dice, Buffer.concat([...encodeValue(randomValue(dice, 3)).chunks]));
}

function frames(dice: Dice): Uint8Array {
  const list: Uint8Array[] = [];
  const someone = [0, 1, 2, 3, 2 ** 32 - 1];
  const handles = [...Object.values(HANDLES), 0, 1000, 1001, 1002, 1003, 2 ** 32 - 1];
  for (let n = 1 + below(dice, 4); n > 0; n--) {
    const envelope = {
      dst: dice() < 0.8 ? 0 : pick(dice, someone),
      src: dice() < 0.8 ? 1 : pick(dice, someone),
      auth: dice() < 0.8 ? 1 : pick(dice, someone),
      handle: pick(dice, handles),
      reply: dice() < 0.5 ? 0 : pick(dice, handles),
      flags: dice() < 0.5 ? 0 : below(dice, 32),
    };
    const limits = { ...SMALL, maxFrameBytes: 1 + below(dice, 64) };
    list.push(...[...encodeMessage(envelope, [valueBody(dice)], limits)].flat());
  }
  const bytes = Buffer.concat(list);
  return dice() < 0.5 ? bytes : mutate(dice, bytes);
}

function* chunks(dice: Dice, bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + below(dice, bytes.length);
    yield bytes.slice(at, at + size);
    at += size;
  }
}

/** Runs it; what it may throw is a ProtocolError. */
function clean(input: Uint8Array, fn: () => void): void {
  try {
    fn();
  } catch (error) {
    if (error instanceof ProtocolError) return;
    throw new Error(`at ${Buffer.from(input).toString("hex")}`, { cause: error });
  }
}

test(
  `values: ${NAME}`,
  () => {
    const dice = makeDice(SEED);
    const before = retained();
    for (let i = 0; i < COUNT; i++) {
      const body = valueBody(dice);
      clean(body, () => {
        const value = decodeValue(body);
        // What was let in can be sent on, and is the same then.
        const again = Buffer.concat([...encodeValue(value).chunks]);
        expect(Buffer.concat([...encodeValue(decodeValue(again)).chunks])).toEqual(again);
      });
      clean(body, () => readLogMessage(body));
    }
    expect(retained() - before).toBeLessThan(RETAINED_MIB);
  },
  TIMEOUT_MS,
);

test(
  `frames: ${NAME}`,
  () => {
    const dice = makeDice(SEED);
    const before = retained();
    for (let i = 0; i < COUNT; i++) {
      const input = dice() < 0.2 ? noise(dice, 200) : frames(dice);
      const reader = new FrameReader(SMALL);
      let length = 0;
      clean(input, () => {
        for (const chunk of chunks(dice, input)) {
          for (const message of reader.push(chunk)) length += message.body.length;
        }
      });
      expect(length).toBeLessThanOrEqual(input.length);
    }
    expect(retained() - before).toBeLessThan(RETAINED_MIB);
  },
  TIMEOUT_MS,
);

test(
  `a child that misbehaves, beside one that does not: ${NAME}`,
  async () => {
    const dice = makeDice(SEED);
    const responder = new PythonResponder(new PythonFinder([import.meta.dir]));
    const before = retained();
    const router = new Router(() => {}, SMALL);
    let logged = 0;
    router.listen(HANDLES.FORWARD_LOG, (message) => {
      logged += readLogMessage(message.body).text.length;
    });
    router.listen(HANDLES.GET_MODULE, (message) => void responder.answer(message.body));
    const harmed: unknown[] = [];
    const good = new MemoryPipe(0);
    const closed = () => harmed.push("the good stream was closed");
    const fault = (id: number, error: ProtocolError) => router.fault(id, error);
    const kept: Stream = new Stream(
      good,
      {
        message: (m) => router.deliver(kept, m),
        isBehind: (id) => router.isBehind(kept, id),
        fault,
        closed,
      },
      SMALL,
    );
    router.addRoute(2, { link: kept, parent: 0, close: (error) => kept.close(error) });
    router.expect(2, { receive: (m) => harmed.push(m), dead: (why) => harmed.push(why) });

    for (let i = 0; i < COUNT; ) {
      // Each life of the bad one goes on until its stream is ended, as the broker would do it.
      const pipe = new MemoryPipe(1 << 30);
      let alive = true;
      const scanner = new MarkerScanner(pipe, "nonce", {}, SMALL);
      const stream: Stream = new Stream(
        scanner,
        {
          message: (message) => router.deliver(stream, message),
          isBehind: (id) => router.isBehind(stream, id),
          fault,
          closed: (error) => {
            alive = false;
            if (error !== undefined && !(error instanceof EcontextError)) harmed.push(error);
            router.remove(1, error ?? new DisconnectError("ERR_DISCONNECT_LOST", "gone"));
          },
        },
        SMALL,
      );
      router.addRoute(1, { link: stream, parent: 0, close: (error) => stream.close(error) });
      for (let h = 0; h < 3; h++) {
        router.expect(1, { receive: (message) => void decodeValue(message.body) });
      }
      pipe.listener.data(Buffer.concat([noise(dice, 99), Buffer.from("econtext/1 nonce\n")]));
      for (let n = 0; alive && n < 200 && i < COUNT; n++, i++) {
        const input = frames(dice);
        for (const chunk of chunks(dice, input)) {
          if (!alive) break;
          clean(input, () => pipe.listener.data(chunk));
        }
      }
      stream.close();
      if (i % 1000 < 10) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(harmed).toEqual([]);
    expect(router.pending(1)).toBe(0);
    expect(router.pending(2)).toBe(1);
    expect(logged).toBeGreaterThan(0);
    expect(retained() - before).toBeLessThan(RETAINED_MIB);
  },
  TIMEOUT_MS,
);

test(
  `real children that misbehave, beside one that does not: ECONTEXT_TEST_SEED=${String(SEED)}`,
  async () => {
    const dice = makeDice(SEED);
    await using stage = new Stage({ roots: [import.meta.dir] });
    const victim = await stage.victim();
    for (let life = 0; life < 10 + COUNT / 20_000; life++) {
      const puppet = await stage.puppet();
      for (let n = 0; n < 50; n++) {
        const bytes = Buffer.concat(Array.from({ length: 20 }, () => forContext(dice, puppet.id)));
        // A length that was changed may swallow the answer.
        const outcome = puppet.callWith({ deadline: 2000 }, "raw", new Uint8Array(bytes), 1);
        const error = await outcome.then(
          () => undefined,
          (reason: unknown) => reason,
        );
        if (error === undefined) continue;
        expect(error).toBeInstanceOf(EcontextError);
        if (puppetIsGone(error)) break;
      }
      void failure(puppet.close()).catch(() => {});
    }
    await unharmed(victim);
  },
  TIMEOUT_MS,
);

function puppetIsGone(error: unknown): boolean {
  return !(error instanceof CallError);
}

/**
 * The same bytes in the name of another context: frames of an unknown context are dropped too early
 * to do harm.
 */
function forContext(dice: Dice, id: number): Uint8Array {
  const bytes = Buffer.from(frames(dice));
  for (let at = 0; at + 24 <= bytes.length; at += 24 + (bytes.readUInt32BE(at + 20) & 0xffffff)) {
    if (bytes.readUInt32BE(at + 4) === 1) bytes.writeUInt32BE(id, at + 4);
    if (bytes.readUInt32BE(at + 8) === 1) bytes.writeUInt32BE(id, at + 8);
    if (dice() < 0.98) bytes[at + 20] = (bytes[at + 20] ?? 0) & FLAGS.ERROR;
  }
  return bytes;
}
