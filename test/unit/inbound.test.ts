/** InboundChannel: bytes that go past this process, from a descriptor to a target. */
import { expect, test } from "bun:test";
import { closeSync, writeSync } from "node:fs";
import { spliceTo } from "../../src/commands/output.ts";
import { directReader } from "../../src/io/duplex.ts";
import { openNonBlocking } from "../../src/io/fd.ts";
import { makePipe, readNow, widen } from "../../src/io/libc.ts";
import { encodeMessage } from "../../src/protocol/frame.ts";
import { encodeValue } from "../../src/protocol/value.ts";
import { until } from "../helpers/fake-slave.ts";
import { CREDITS, ID, run } from "../helpers/far-command.ts";
import { pattern } from "../helpers/random.ts";

test.if(process.platform === "linux")("output goes past this process, to a target", async () => {
  const { process, far, near } = await run(1000, {}, { maxFrameBytes: 262_144 });
  far.start();
  const target = { bytes: 0, isFull: false, canSplice: true };
  spliceTo(process.stdout, {
    get canSplice() {
      return target.canSplice;
    },
    spliceFrom: (from, bytes) => {
      if (target.isFull) return undefined;
      const got = readNow(from, new Uint8Array(bytes));
      target.bytes += got ?? 0;
      return got;
    },
  });
  // The channel opens by a message that comes the normal way.
  far.print("first");
  const reader = process.stdout.getReader();
  expect((await reader.read()).value?.length).toBe(5);
  const handle = far.request.stdout as number;
  const direct = directReader(near.pipe.listener);
  const [end, write] = makePipe() as readonly [number, number];
  widen(end);
  const fd = openNonBlocking(end, "read") as number;
  const send = (size: number): void => {
    const envelope = { dst: 0, src: ID, auth: ID, handle, reply: 0, flags: 0 };
    const frames = [...encodeMessage(envelope, encodeValue(pattern(size)).chunks)].flat();
    for (const chunk of frames) writeSync(write, chunk);
    for (let idle = 0; idle < 3; ) idle = direct?.readFrom(fd) ? 0 : idle + 1;
  };
  // The first is read: it is known to be large when a part of it has come.
  send(100_000);
  expect((await reader.read()).value?.length).toBe(100_000);
  send(90_000);
  expect(target.bytes).toBe(90_000);
  // Credit was given for what went past: more than one window.
  for (let i = 0; i < 10; i++) send(90_000);
  expect(target.bytes).toBe(990_000);
  await until(() => far.channel(CREDITS + handle).values.length > 0);
  // A target that is full for some turns gets no more: the rest of the value is read.
  target.isFull = true;
  send(90_000);
  direct?.stopReading();
  direct?.readFrom(fd);
  const rest = (await reader.read()).value as Uint8Array;
  expect(Buffer.compare(rest, pattern(90_000))).toBe(0);
  // A target that can never be filled is not asked: nothing waits for it.
  target.isFull = false;
  target.canSplice = false;
  send(90_000);
  send(90_000);
  for (let at = 0; at < 2; at++) expect((await reader.read()).value?.length).toBe(90_000);
  expect(target.bytes).toBe(990_000);
  for (const one of [end, write, fd]) closeSync(one);
  far.end();
  expect((await reader.read()).done).toBe(true);
  await process.exited;
});
