/** What ssh2 writes in one turn leaves in one piece, and before the end. */
import { expect, test } from "bun:test";
import { Duplex } from "node:stream";
import { joinWrites } from "../../src/embedded-ssh/joined-writes.ts";

function joined() {
  const chunks: string[] = [];
  const stream = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk.toString());
      done();
    },
  });
  joinWrites(stream);
  return { chunks, stream };
}

test("the pieces of one turn are one write, in their order", async () => {
  const { chunks, stream } = joined();
  for (const piece of ["SSH-2.0-x\r\n", Buffer.from("a"), Buffer.from("b")]) stream.write(piece);
  expect(chunks).toEqual([]);
  await Promise.resolve();
  await new Promise(setImmediate);
  stream.write(Buffer.from("c"));
  await new Promise(setImmediate);
  expect(chunks).toEqual(["SSH-2.0-x\r\nab", "c"]);
});

test("what was written goes out before the end, and nothing after a stream is destroyed", async () => {
  const { chunks, stream } = joined();
  stream.write(Buffer.from("bye"));
  stream.end();
  await new Promise((resolve) => stream.once("finish", resolve));
  expect(chunks).toEqual(["bye"]);
  const other = joined();
  other.stream.write(Buffer.from("late"));
  other.stream.destroy();
  await new Promise(setImmediate);
  expect(other.chunks).toEqual([]);
});
