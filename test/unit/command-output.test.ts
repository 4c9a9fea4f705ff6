/** The lines of what a command prints. */
import { expect, test } from "bun:test";
import { Channel } from "../../src/channels/channel.ts";
import { CommandOutput, joinedChunks } from "../../src/commands/output.ts";

async function linesOf(chunks: Iterable<Uint8Array>): Promise<string[]> {
  const { sender, receiver } = new Channel<Uint8Array>();
  const sending = (async () => {
    for (const chunk of chunks) await sender.send(chunk);
    sender.close();
  })();
  const lines = await Array.fromAsync(new CommandOutput(receiver).lines());
  await sending;
  return lines;
}

test("lines, wherever they are cut", async () => {
  const bytes = new TextEncoder().encode("one\r\n\ntwo é 😀\nthree\r");
  const lines = ["one", "", "two é 😀", "three\r"];
  for (let size = 1; size <= bytes.length; size++) {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
    expect(await linesOf(chunks)).toEqual(lines);
  }
  expect(await linesOf([])).toEqual([]);
  expect(await linesOf([new Uint8Array([97, 10])])).toEqual(["a"]);
});

test("a line of 64 MiB that comes by the crumb", async () => {
  const crumb = new Uint8Array(4096).fill(97);
  const count = (64 << 20) / crumb.length;
  const lines = await linesOf([...Array(count).fill(crumb), new Uint8Array([10, 98])]);
  expect(lines.map((line) => line.length)).toEqual([64 << 20, 1]);
});

test("small chunks that have come are joined, and none is waited for", async () => {
  const { sender, receiver } = new Channel<Uint8Array>();
  const chunks = joinedChunks(new CommandOutput(receiver));
  const next = async () => String(Buffer.from((await chunks.next()).value ?? []));
  const send = (text: string) => void sender.send(Buffer.from(text));
  send("alone");
  expect(await next()).toBe("alone");
  const waited = next();
  for (const text of ["a", "", "b", "c"]) send(text);
  // The first of them ends the wait; the others are there by the time that it is taken.
  expect(await waited).toBe("abc");
  const large = "x".repeat(20_000);
  for (const text of [large, "d", "e"]) send(text);
  expect(await next()).toBe(large);
  expect(await next()).toBe("de");
  send("f");
  sender.close(new Error("broken"));
  expect(await next()).toBe("f");
  await expect(next()).rejects.toThrow("broken");
});

test("leaving the loop over joined chunks closes the output", async () => {
  const { sender, receiver } = new Channel<Uint8Array>();
  await sender.send(new Uint8Array([1]));
  for await (const _ of joinedChunks(new CommandOutput(receiver))) break;
  await expect(sender.send(new Uint8Array([2]))).rejects.toThrow();
});
