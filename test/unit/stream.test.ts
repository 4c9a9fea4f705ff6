/**
 * Stream over pipes in memory that take nothing, one chunk, or many: no deadlock, control overtakes
 * bulk, waiting, the end.
 */
import { describe, expect, test } from "bun:test";
import type { EcontextError } from "../../src/errors.ts";
import { Stream } from "../../src/mux/stream.ts";
import { type Envelope, FLAGS, type Message } from "../../src/protocol/frame.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { MemoryPipe } from "../helpers/memory-pipe.ts";

const LIMIT = { ...LIMITS, maxFrameBytes: 1024, maxQueuedBytes: 4096 };

class End {
  readonly pipe: MemoryPipe;
  readonly stream: Stream;
  readonly got: Message[] = [];
  readonly closed: (EcontextError | undefined)[] = [];
  /** Contexts above 100 that this end expects messages from. */
  behind: number[] = [];
  /** Contexts that asked for too much, and how often that was found. */
  readonly faults: [id: number, code: string][] = [];
  onMessage: (message: Message) => void = () => {};

  constructor(pipe: MemoryPipe, limits = LIMIT) {
    this.pipe = pipe;
    const message = (one: Message) => {
      this.got.push({ ...one, body: new Uint8Array(one.body) });
      this.onMessage(one);
    };
    const listener = {
      message,
      isBehind: (id: number) => id < 100 || this.behind.includes(id),
      fault: (id: number, error: EcontextError) => {
        this.faults.push([id, error.code]);
        // Contexts 100 and above stand for those that have no stream of their own.
        if (id < 100) this.stream.close(error);
      },
      closed: (error: EcontextError | undefined) => this.closed.push(error),
    };
    this.stream = new Stream(pipe, listener, limits);
  }
}

function pair(room: number, limits = LIMIT): [End, End] {
  const [a, b] = MemoryPipe.pair(room);
  return [new End(a, limits), new End(b, limits)];
}

function to(handle: number, dst = 0): Envelope {
  return { dst, src: 1, auth: 1, handle, reply: 0, flags: 0 };
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100_000; turn++) {
    if (condition()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error("it never came to that");
}

for (const room of [0, 1, 64]) {
  describe(`room for ${room}`, () => {
    test("both ends send bulk at once and answer everything", async () => {
      const [a, b] = pair(room);
      const count = 50;
      for (const end of [a, b]) {
        end.onMessage = (one) => {
          if (one.handle < 1000) end.stream.send(to(one.handle + 1000), [one.body]);
        };
        for (let i = 0; i < count; i++) end.stream.send(to(i), [new Uint8Array(100 * i).fill(i)]);
      }
      await until(() => a.got.length === 2 * count && b.got.length === 2 * count);
      for (const end of [a, b]) {
        const order = (from: number) =>
          end.got.map((one) => one.handle).filter((h) => h >= from && h < from + 1000);
        expect(order(0)).toEqual(Array.from({ length: count }, (_, i) => i));
        expect(order(1000)).toEqual(Array.from({ length: count }, (_, i) => 1000 + i));
        for (const { handle, body } of end.got) {
          expect(body).toEqual(new Uint8Array(100 * (handle % 1000)).fill(handle % 1000));
        }
        expect(end.stream.queuedBytes(0)).toBe(0);
      }
    });

    test("control overtakes bulk that waits, also between fragments", async () => {
      const [a, b] = pair(room);
      const bulk = new Uint8Array(6 << 20);
      a.stream.send(to(1), [bulk]);
      a.stream.send(to(2), [bulk]);
      let sent = false;
      b.onMessage = () => {};
      await until(() => a.pipe.written.length > 0);
      a.stream.send(to(3), [new Uint8Array(1)], "control");
      sent = true;
      await until(() => b.got.length === 3);
      expect(sent).toBe(true);
      expect(b.got.map((one) => one.handle)).toEqual([3, 1, 2]);
      expect(b.got.map((one) => one.body.length)).toEqual([1, 6 << 20, 6 << 20]);
    });

    test("ready waits while too much is queued, and no longer", async () => {
      const [a, b] = pair(room);
      await a.stream.ready(0);
      a.stream.send(to(1), [new Uint8Array(LIMIT.maxQueuedBytes - 1)]);
      await a.stream.ready(0);
      b.pipe.pause();
      // What the pipe and one batch hold counts no more.
      for (let i = 0; i < 200; i++) a.stream.send(to(2), [new Uint8Array(LIMIT.maxQueuedBytes)]);
      let ready = false;
      const waiting = a.stream.ready(0).then(() => {
        ready = true;
      });
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (room < 64) expect(ready).toBe(false);
      b.pipe.resume();
      await waiting;
      expect(a.stream.queuedBytes(0)).toBeLessThan(LIMIT.maxQueuedBytes);
      await until(() => b.got.length === 201);
    });

    test("small messages of one turn are one write", async () => {
      const [a, b] = pair(room);
      for (let i = 0; i < 100; i++) a.stream.send(to(i), [new Uint8Array(3)]);
      await until(() => b.got.length === 100);
      expect(a.pipe.written.length).toBe(1);
    });
  });
}

describe("the end", () => {
  test("close tells both listeners once, and frees who waits", async () => {
    const [a, b] = pair(0);
    b.pipe.pause();
    for (let i = 0; i < 99; i++) a.stream.send(to(1), [new Uint8Array(LIMIT.maxQueuedBytes)]);
    const waiting = a.stream.ready(0);
    a.stream.close();
    a.stream.close();
    await waiting;
    await until(() => a.closed.length > 0 && b.closed.length > 0);
    expect([a.closed, b.closed]).toEqual([[undefined], [undefined]]);
    expect(a.stream.queuedBytes(0)).toBe(0);
    await a.stream.ready(0);
  });

  test("a closed stream takes messages and drops them", async () => {
    const [a] = pair(1);
    a.stream.close();
    const written = a.pipe.written.length;
    a.stream.send(to(1), [new Uint8Array(9)]);
    a.stream.send(to(1), [new Uint8Array(9)], "control");
    await new Promise((resolve) => setImmediate(resolve));
    expect(a.pipe.written.length).toBe(written);
    expect(a.stream.queuedBytes(0)).toBe(0);
  });

  test("answers that are not read end it; bulk does not, and what was taken counts no more", async () => {
    const limits = { ...LIMIT, maxAnswerBytes: 100_000 };
    const [a, b] = pair(0, limits);
    const answer = () => a.stream.send(to(1), [new Uint8Array(200_000)], "answer");
    for (let i = 1; i <= 5; i++) {
      answer();
      await until(() => b.got.length === i);
    }
    b.pipe.pause();
    for (let i = 0; i < 9; i++) a.stream.send(to(1), [new Uint8Array(200_000)]);
    answer();
    expect(a.closed).toEqual([]);
    answer();
    expect(a.closed.map((error) => error?.code)).toEqual(["ERR_PROTOCOL_BACKLOG"]);
  });

  test("nothing is delivered after close, even of the chunk under way", async () => {
    const [a, b] = pair(64);
    b.onMessage = () => b.stream.close();
    for (let i = 0; i < 10; i++) a.stream.send(to(i), []);
    await until(() => a.closed.length > 0);
    expect(b.got.length).toBe(1);
    expect(b.closed.length).toBe(1);
  });

  test("what is no frame ends it with the reason, at this end alone", async () => {
    const [a, b] = pair(1);
    a.pipe.write(new Uint8Array(24).fill(255));
    await until(() => a.closed.length > 0);
    expect(b.closed[0]?.code).toBe("ERR_PROTOCOL_FRAME");
    expect(a.closed).toEqual([undefined]);
  });

  test("a message that is too large to send harms nothing but its sender", async () => {
    const [a, b] = pair(1, { ...LIMIT, maxMessageBytes: 100 });
    expect(() => a.stream.send(to(1), [new Uint8Array(101)])).toThrow(
      expect.objectContaining({ code: "ERR_PROTOCOL_MESSAGE_TOO_LARGE" }),
    );
    a.stream.send(to(2), [new Uint8Array(100)]);
    await until(() => b.got.length === 1);
    expect(a.stream.queuedBytes(0)).toBe(0);
  });
});

describe("several contexts on one stream", () => {
  for (const room of [0, 1, 64]) {
    test(`are served in turn, each in its own order (room for ${room})`, async () => {
      const [a, b] = pair(room);
      const large = new Uint8Array(1 << 20);
      for (let i = 0; i < 20; i++) a.stream.send(to(i, 100), [large]);
      for (let i = 0; i < 20; i++) a.stream.send(to(i, 101), [new Uint8Array(100)]);
      await until(() => b.got.length === 40);
      const of = (dst: number) => b.got.filter((one) => one.dst === dst).map((one) => one.handle);
      const order = Array.from({ length: 20 }, (_, i) => i);
      expect([of(100), of(101)]).toEqual([order, order]);
      // The small ones do not wait for 20 MiB of another context.
      const last = b.got.findLastIndex((one) => one.dst === 101);
      expect(last).toBeLessThan(22);
    });
  }

  test("a row of small messages has its turn to itself", async () => {
    const [a, b] = pair(0);
    for (let i = 0; i < 100; i++) {
      for (const dst of [100, 101, 102]) a.stream.send(to(i, dst), [new Uint8Array(10)]);
    }
    await until(() => b.got.length === 300);
    expect(a.pipe.written.length).toBe(1);
  });

  test("each waits for room of its own", async () => {
    const [a, b] = pair(0);
    b.pipe.pause();
    for (let i = 0; i < 99; i++) a.stream.send(to(1, 100), [new Uint8Array(4096)]);
    const full = a.stream.ready(100);
    let isReady = false;
    void full.then(() => {
      isReady = true;
    });
    await a.stream.ready(101);
    a.stream.send(to(1, 101), [new Uint8Array(10)]);
    await a.stream.ready(101);
    expect([a.stream.queuedBytes(100) > 4096, a.stream.queuedBytes(101), isReady]).toEqual([
      true,
      10,
      false,
    ]);
    b.pipe.resume();
    await full;
    await until(() => b.got.length === 100);
  });

  test("one that asks and does not read is named, and holds up no other", async () => {
    const limits = { ...LIMIT, maxAnswerBytes: 100_000 };
    const [a, b] = pair(0, limits);
    b.pipe.pause();
    for (let i = 0; i < 3; i++) a.stream.send(to(1, 100), [new Uint8Array(90_000)], "answer");
    expect(a.faults).toEqual([[100, "ERR_PROTOCOL_BACKLOG"]]);
    for (let i = 0; i < 9; i++) a.stream.send(to(2, 101), [new Uint8Array(1000)], "control");
    expect(a.faults.slice(1)).toEqual([[101, "ERR_PROTOCOL_BACKLOG"]]);
    a.stream.send(to(3, 102), [new Uint8Array(10)], "control");
    a.stream.send(to(4, 102), [new Uint8Array(10)], "answer");
    b.pipe.resume();
    await until(() => b.got.some((one) => one.handle === 4));
    expect(b.got.filter((one) => one.dst === 102).map((one) => one.handle)).toEqual([3, 4]);
    expect([a.closed, a.faults.length]).toEqual([[], 2]);
  });

  test("one that is gone is sent nothing more, and its writers are free", async () => {
    const [a, b] = pair(0);
    b.pipe.pause();
    for (let i = 0; i < 99; i++) a.stream.send(to(1, 100), [new Uint8Array(4096)]);
    const withdraw = a.stream.send(to(9, 100), [new Uint8Array(1)]);
    const waiting = a.stream.ready(100);
    a.stream.send(to(1, 101), [new Uint8Array(1)]);
    a.stream.forget(100);
    await waiting;
    expect([a.stream.queuedBytes(100), withdraw()]).toEqual([0, "sent"]);
    b.pipe.resume();
    await until(() => b.got.some((one) => one.dst === 101));
    expect(b.got.filter((one) => one.handle === 9)).toEqual([]);
  });

  test("one whose frames make no message is named; the stream and the others go on", async () => {
    const [a, b] = pair(1);
    b.behind = [100, 101];
    const part = (src: number, flags: number) => ({ ...to(1), src, auth: src, flags });
    a.stream.send(part(100, FLAGS.CONT), [new Uint8Array(3)]);
    a.stream.send(part(101, 0), [new Uint8Array(5000)]);
    await until(() => b.got.length > 0);
    expect([b.got[0]?.src, b.got[0]?.body.length]).toEqual([101, 5000]);
    expect([b.faults, b.closed]).toEqual([[[100, "ERR_PROTOCOL_FRAME"]], []]);
  });
});
