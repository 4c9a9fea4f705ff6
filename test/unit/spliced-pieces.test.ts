/** Files whose bytes go past this process: all of them, in order, also without splice(2). */
import { afterAll, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PieceFile } from "../../src/files/records.ts";
import { FileSink, splicedPieces } from "../../src/files/spliced-pieces.ts";
import { makePipe } from "../../src/io/libc.ts";
import { PipedBytes } from "../../src/io/splice-pipe.ts";
import { pattern } from "../helpers/random.ts";

const linuxTest = test.if(process.platform === "linux");
const home = mkdtempSync(join(tmpdir(), "econtext-spliced-"));
afterAll(() => rmSync(home, { recursive: true }));

/** Sends bytes through a target into a file. @returns the file's content, and the failures */
function sendTo(name: string, flags: string, data: Uint8Array) {
  const path = join(home, name);
  writeFileSync(path, "12345");
  const [from, to] = makePipe() as readonly [number, number];
  const fd = openSync(path, flags);
  const failures: unknown[] = [];
  let at = 5;
  const file = {
    fd,
    at: () => at,
    wrote: (bytes: number) => {
      at += bytes;
    },
    failed: (error: unknown) => failures.push(error),
  } satisfies PieceFile;
  const target = new FileSink(file, fd);
  writeFileSync(to, data);
  expect(target.spliceFrom(from, 1000)).toBe(1000);
  const { canSplice } = target;
  if (canSplice) {
    expect(target.spliceFrom(from, data.length)).toBe(data.length - 1000);
    expect(target.spliceFrom(from, 1)).toBeUndefined();
  }
  for (const end of [from, to, fd]) closeSync(end);
  return { content: readFileSync(path), failures, canSplice };
}

linuxTest("pieces go to their place in the file", () => {
  const data = pattern(30_000);
  const { content, failures, canSplice } = sendTo("plain", "r+", data);
  expect(content.equals(Buffer.concat([Buffer.from("12345"), data]))).toBe(true);
  expect([failures, canSplice]).toEqual([[], true]);
});

linuxTest("a file that cannot be spliced to is written, and one that cannot be is told", () => {
  const data = pattern(1000);
  const appended = sendTo("appended", "a", data);
  expect(appended.content.equals(Buffer.concat([Buffer.from("12345"), data]))).toBe(true);
  expect([appended.failures, appended.canSplice]).toEqual([[], false]);
  const refused = sendTo("refused", "r", data);
  expect(refused.content.toString()).toBe("12345");
  expect(refused.failures).toMatchObject([{ code: "EBADF" }]);
  expect(refused.canSplice).toBe(false);
});

async function readAll(path: string, begin: number, signal?: AbortSignal): Promise<Buffer> {
  const fd = openSync(path, "r");
  try {
    const got: Uint8Array[] = [];
    for await (const piece of splicedPieces(fd, begin, signal)) {
      got.push(piece instanceof PipedBytes ? piece.read(piece.left) : piece);
    }
    return Buffer.concat(got);
  } finally {
    closeSync(fd);
  }
}

linuxTest(
  "a file is sent from where it is to begin, more than a pipe holds, to its end",
  async () => {
    const data = pattern(3_000_000);
    const path = join(home, "large");
    writeFileSync(path, data);
    expect((await readAll(path, 0)).equals(data)).toBe(true);
    expect((await readAll(path, 1_234_567)).equals(data.subarray(1_234_567))).toBe(true);
    expect((await readAll(path, data.length)).length).toBe(0);
    expect((await readAll("/proc/self/cmdline", 0)).toString()).toContain("\0");
    await expect(readAll(home, 0)).rejects.toMatchObject({ code: "EISDIR" });
  },
);

linuxTest("bytes that a lost connection never takes hold nothing up", async () => {
  const path = join(home, "lost");
  writeFileSync(path, pattern(10_000));
  const fd = openSync(path, "r");
  const controller = new AbortController();
  const pieces = splicedPieces(fd, 0, controller.signal);
  expect((await pieces.next()).value).toBeInstanceOf(PipedBytes);
  const next = pieces.next();
  controller.abort(new Error("lost"));
  await expect(next).rejects.toThrow("lost");
  closeSync(fd);
});
