/** The lines of what a command prints. */
import { expect, test } from "bun:test";
import { Channel } from "../../src/channels/channel.ts";
import { CommandOutput } from "../../src/commands/output.ts";

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
