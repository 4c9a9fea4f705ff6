/**
 * Standard input, in chunks as large as what is there. Bun's stream of a pipe costs as much
 * processor time as all else that we do with a byte. Here, bytes that wait are read at once, and a
 * thread waits only if nothing comes for a while.
 */
import { read as readSoon, readSync } from "node:fs";
import { isFile, isNull, openNonBlocking } from "./fd.ts";
import { widen } from "./libc.ts";
import { type Chunk, PIECE_BYTES, SplicePipe } from "./splice-pipe.ts";

/** Bytes that are read at a time. */
const CHUNK = 131072;
/** A pipe that gives so many bytes at once is worth splicing. */
const LARGE = 65536;
/** How often a pipe is tried again after a millisecond, before a thread waits for it. */
const PATIENCE = 3;
/** Milliseconds until a descriptor is tried again that another process has made non-blocking. */
const BUSY_MS = 5;

/** What is in /dev/null. No thread is started to find that out. */
const NOTHING: AsyncIterable<Uint8Array> = (async function* () {})();

/**
 * The bytes of standard input.
 *
 * @param unread large amounts may come as pieces that were not read, for one reader that uses them
 * in their order
 */
export function readInput(unread: false): AsyncIterable<Uint8Array>;
export function readInput(unread: boolean): AsyncIterable<Chunk>;
export function readInput(unread: boolean): AsyncIterable<Chunk> {
  if (isNull(0)) return NOTHING;
  const quick = openNonBlocking(0, "read");
  if (quick !== undefined) return readPipe(quick, unread);
  return isFile(0) ? readFile(unread) : Bun.stdin.stream();
}

/** As `readInput`, in one piece. */
export async function readAllInput(): Promise<Uint8Array> {
  if (!isFile(0)) return Bun.stdin.bytes();
  const pieces: Uint8Array[] = [];
  for await (const piece of readInput(false)) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}

/** As `readInput`, as a stream. */
export function inputStream(): ReadableStream<Uint8Array> {
  if (!isFile(0)) return Bun.stdin.stream();
  const pieces = readInput(false)[Symbol.asyncIterator]();
  return new ReadableStream({
    pull: async (controller) => {
      const { done, value } = await pieces.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
  });
}

/** Begins where the last reader of the file has stopped. Bun begins at the start of the file. */
async function* readFile(unread: boolean): AsyncGenerator<Chunk, void> {
  const pipe = unread ? SplicePipe.open() : undefined;
  for (let moved = pipe?.spliceFrom(0); moved !== undefined; moved = pipe?.spliceFrom(0)) {
    if (pipe === undefined || moved === 0) return;
    yield* pipe.takeAll(PIECE_BYTES);
    await pipe.empty();
  }
  // Not every file can be spliced.
  for (;;) {
    const chunk = new Uint8Array(CHUNK);
    const size = await readOnThread(chunk);
    if (size === 0) return;
    if (size !== undefined) yield chunk.subarray(0, size);
  }
}

async function* readPipe(quick: number, unread: boolean): AsyncGenerator<Chunk, void> {
  let pipe: SplicePipe | undefined;
  let spare = new Uint8Array(CHUNK);
  for (let idle = 0; ; ) {
    if (pipe !== undefined) {
      const moved = pipe.spliceFrom(quick);
      if (moved === 0) return;
      yield* pipe.takeAll(PIECE_BYTES);
      // Bytes in the pipe come before those that are read below.
      await pipe.empty();
      idle = moved === undefined ? idle + 1 : 0;
      if (idle > 0) await moment();
      if (idle < PATIENCE) continue;
    }
    const size = await readSome(quick, spare);
    if (size === 0) return;
    if (size < LARGE) yield spare.slice(0, size);
    else {
      yield spare.subarray(0, size);
      spare = new Uint8Array(CHUNK);
    }
    idle = 0;
    if (pipe === undefined && size >= LARGE) {
      widen(quick);
      if (unread) pipe = SplicePipe.open();
    }
  }
}

/**
 * Waits for at least one byte.
 *
 * @returns the number of bytes that are in `chunk` now; 0 at the end
 */
async function readSome(quick: number, chunk: Uint8Array): Promise<number> {
  let size = readQuickly(quick, chunk, 0) ?? (await nextTurn(quick, chunk));
  while (size === undefined) size = await readOnThread(chunk);
  for (let more: number | undefined = size; more !== undefined && more > 0 && size < CHUNK; ) {
    more = readQuickly(quick, chunk, size);
    size += more ?? 0;
  }
  return size;
}

/** Reads what is there. @returns undefined if no byte is there; 0 at the end */
function readQuickly(fd: number, into: Uint8Array, at: number): number | undefined {
  try {
    return readSync(fd, into, at, into.length - at, null);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return undefined;
    throw error;
  }
}

/** The process that fills the pipe may need no more than a moment. */
async function nextTurn(quick: number, chunk: Uint8Array): Promise<number | undefined> {
  await new Promise((resolve) => setImmediate(resolve));
  return readQuickly(quick, chunk, 0);
}

/**
 * @returns undefined if it has to be tried again: a process that shares the descriptor made it
 * non-blocking
 */
function readOnThread(chunk: Uint8Array): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    readSoon(0, chunk, 0, CHUNK, null, (error, n) => {
      if (error?.code === "EAGAIN") setTimeout(resolve, BUSY_MS);
      else if (error) reject(error);
      else resolve(n);
    });
  });
}

function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
