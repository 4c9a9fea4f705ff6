/** Edge: the window of a hop's child, and how a stream keeps to it. */
import { expect, test } from "bun:test";
import type { Duplex, DuplexListener } from "../../src/io/duplex.ts";
import type { Chunk } from "../../src/io/splice-pipe.ts";
import { Edge } from "../../src/mux/edge.ts";
import { Stream } from "../../src/mux/stream.ts";
import { FrameReader } from "../../src/protocol/frame-reader.ts";

const WINDOW = 1 << 19;

/** A pipe that takes everything, and the messages that went into it. */
class Sink implements Duplex {
  readonly reader = new FrameReader();
  readonly got: [dst: number, handle: number, bytes: number][] = [];
  listen(_listener: DuplexListener): void {}
  write(chunk: Chunk): boolean {
    const bytes = Uint8Array.from(chunk as Uint8Array);
    for (const { dst, handle, body } of this.reader.push(bytes)) {
      this.got.push([dst, handle, body.length]);
    }
    return true;
  }
  close(): void {}
}

function open() {
  const sink = new Sink();
  const stream = new Stream(sink, {
    message: () => {},
    isBehind: () => true,
    fault: () => {},
    closed: () => {},
  });
  const send = (dst: number, handle: number, bytes: number, lane: "bulk" | "control" = "bulk") =>
    stream.send(
      { dst, src: 0, auth: 0, handle, reply: 0, flags: 0 },
      [new Uint8Array(bytes)],
      lane,
    );
  return { sink, stream, send };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a context behind a full edge waits; its siblings and its control frames do not", async () => {
  const { sink, stream, send } = open();
  const edge = new Edge();
  stream.limit(5, [edge]);
  for (let i = 0; i < 4; i++) send(5, 1000 + i, 200_000);
  send(6, 1, 200_000);
  await turn();
  send(5, 105, 4, "control");
  await turn();
  expect(sink.got.filter(([dst]) => dst === 6)).toEqual([[6, 1, 200_000]]);
  // The last frame may go beyond the window.
  const handles = sink.got.filter(([dst]) => dst === 5).map(([, handle]) => handle);
  expect(handles).toEqual([1000, 1001, 1002, 105]);
  edge.wrote(600_000);
  await turn();
  expect(sink.got.at(-1)).toEqual([5, 1003, 200_000]);
});

test("every edge on the way counts", async () => {
  const { sink, stream, send } = open();
  const [outer, inner] = [new Edge(), new Edge()];
  stream.limit(7, [outer, inner]);
  stream.limit(8, [outer]);
  send(8, 1, WINDOW);
  await turn();
  send(7, 2, 10);
  await turn();
  expect(sink.got.map(([dst]) => dst)).toEqual([8]);
  outer.wrote(WINDOW + 1000);
  await turn();
  expect(sink.got.map(([dst]) => dst)).toEqual([8, 7]);
});

test("a message that becomes another at the hop counts with the weight of that", async () => {
  const { sink, stream } = open();
  const edge = new Edge();
  stream.limit(5, [edge]);
  const envelope = { dst: 9, src: 0, auth: 0, handle: 8, reply: 0, flags: 0 };
  stream.send(envelope, [new Uint8Array(10)], "bulk", { queue: 5, weight: WINDOW });
  await turn();
  expect(sink.got).toEqual([[9, 8, 10]]);
  expect(edge.hasRoom).toBe(false);
});

test("the window is doubled when it was the limit and the child reads, up to 8 MiB", () => {
  const edge = new Edge();
  const fill = (): number => {
    let bytes = 0;
    for (; edge.hasRoom; bytes += 1000) edge.take(1000);
    return bytes;
  };
  const sizes: number[] = [];
  for (let i = 0; i < 7; i++) {
    const bytes = fill();
    sizes.push(Math.round(bytes / WINDOW));
    edge.wrote(bytes);
  }
  expect(sizes).toEqual([1, 2, 4, 8, 16, 16, 16]);
});

test("a hop that tells of more than was sent gains nothing", () => {
  const edge = new Edge();
  edge.wrote(1e12);
  let bytes = 0;
  for (; edge.hasRoom; bytes += 1000) edge.take(1000);
  expect(bytes).toBeLessThan(WINDOW + 1001);
});

test("after the end of the child, nothing waits for it", async () => {
  const { sink, stream, send } = open();
  const edge = new Edge();
  stream.limit(5, [edge]);
  send(5, 1, WINDOW);
  send(5, 2, 10);
  await turn();
  edge.end();
  await turn();
  expect(sink.got.map(([, handle]) => handle)).toEqual([1, 2]);
});
