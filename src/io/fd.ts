/**
 * Descriptors of this process, its standard streams above all: pipes are read and written at once, without the detour over a worker thread, as
 * far as they go.
 */
import {
  fstatSync,
  constants as modes,
  openSync,
  read as readSoon,
  readSync,
  writeSync,
} from "node:fs";
import { waitToWrite, widen } from "./libc.ts";
import { type Chunk, SplicePipe } from "./splice-pipe.ts";

/** Bytes that are read at a time. */
const CHUNK = 131072;
/** Bytes of a piece that is not read: whole pages, and with its header it fits into one frame. */
const PIECE = 258048;
/** From here on, bytes are not read where they need not be. */
const LARGE = 65536;
/** How often who fills a pipe is given a millisecond, before a thread waits for it. */
const PATIENCE = 3;
/** Until it is asked again, where no thread can wait for it. */
const BUSY_MS = 5;
/** What a pipe takes whole when it takes anything. */
const PAGE = 4096;
/** For `poll`. */
const FOREVER = -1;

/**
 * A description of our own, which does not block, of the pipe that `fd` is: others may share the one that we were given, and rely on that it blocks.
 *
 * @returns undefined when it is no pipe, or this system cannot do it
 */
export function openNonBlocking(fd: number, mode: "read" | "write"): number | undefined {
  try {
    if (!fstatSync(fd).isFIFO()) return undefined;
    const flags = mode === "read" ? modes.O_RDONLY : modes.O_WRONLY;
    return openSync(`/proc/self/fd/${String(fd)}`, flags | modes.O_NONBLOCK);
  } catch {
    return undefined;
  }
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}

/** As much as it takes. @returns how much that was; what else is wrong, who writes the rest will find */
export function writeQuickly(fd: number, data: Uint8Array): number {
  let at = 0;
  try {
    while (at < data.length) at += writeSync(fd, data, at, data.length - at);
  } catch {}
  return at;
}

/** Writes to one descriptor that are over when they return, however slow its reader. */
export class BlockingWriter {
  readonly #fd: number;
  /** Does not block. Undefined: not yet looked for. */
  #quick: number | undefined;
  #isFile = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** @throws the system's error: `EPIPE` when the reader is gone */
  write(data: Uint8Array): void {
    for (let at = 0; at < data.length; ) {
      at += this.ready(data, at);
      if (at < data.length && waitToWrite(this.#fd, FOREVER) === undefined) Bun.sleepSync(BUSY_MS);
    }
  }

  /**
   * Write what the reader has room for now, from `at` on.
   *
   * @returns how many bytes that was
   * @throws the system's error
   */
  ready(data: Uint8Array, at: number): number {
    this.#quick ??= this.#open();
    let done = at;
    while (done < data.length) {
      const fd = this.#quick < 0 ? this.#fd : this.#quick;
      const isWhole = this.#quick >= 0 || this.#isFile;
      // A description that others share may block: a page is what it takes when it is ready.
      if (!isWhole && waitToWrite(fd, 0) === false) break;
      const size = isWhole ? data.length - done : Math.min(PAGE, data.length - done);
      const written = writeSome(fd, data, done, size);
      if (written === 0) break;
      done += written;
    }
    return done - at;
  }

  #open(): number {
    this.#isFile = isFile(this.#fd);
    return openNonBlocking(this.#fd, "write") ?? -1;
  }
}

/** @returns 0 where it would block */
function writeSome(fd: number, data: Uint8Array, at: number, size: number): number {
  try {
    return writeSync(fd, data, at, size);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return 0;
    throw error;
  }
}

/** What is there. @returns undefined when nothing is; 0 at the end */
function readQuickly(fd: number, into: Uint8Array, at: number): number | undefined {
  try {
    return readSync(fd, into, at, into.length - at, null);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return undefined;
    throw error;
  }
}

/**
 * What comes from standard input, in chunks as large as what is there.
 *
 * Bun's stream of a pipe costs as much processor time as all else that we do with a byte: here, what waits is read at once, and a thread waits only
 * where there is nothing for a while.
 *
 * @param unread what is much may come as pieces that were not read, for one reader who takes them in their order
 */
export function readInput(unread: false): AsyncIterable<Uint8Array>;
export function readInput(unread: boolean): AsyncIterable<Chunk>;
export function readInput(unread: boolean): AsyncIterable<Chunk> {
  const quick = openNonBlocking(0, "read");
  if (quick !== undefined) return readPipe(quick, unread);
  return unread && isFile(0) ? readFile() : Bun.stdin.stream();
}

async function* readFile(): AsyncGenerator<Chunk, void> {
  const conduit = SplicePipe.open();
  for (let moved = conduit?.fill(0); moved !== undefined; moved = conduit?.fill(0)) {
    if (conduit === undefined || moved === 0) return;
    while (conduit.free > 0) yield conduit.take(PIECE);
    await conduit.empty();
  }
  // Not every file can be moved.
  yield* Bun.stdin.stream();
}

async function* readPipe(quick: number, unread: boolean): AsyncGenerator<Chunk, void> {
  let conduit: SplicePipe | undefined;
  let spare = new Uint8Array(CHUNK);
  for (let idle = 0; ; ) {
    if (conduit !== undefined) {
      const moved = conduit.fill(quick);
      if (moved === 0) return;
      while (conduit.free > 0) yield conduit.take(PIECE);
      // What is in it comes first.
      await conduit.empty();
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
    if (conduit === undefined && size >= LARGE) {
      widen(quick);
      if (unread) conduit = SplicePipe.open();
    }
  }
}

/** Waits for at least a byte. @returns how many are in `chunk` now; 0: it has ended */
async function readSome(quick: number, chunk: Uint8Array): Promise<number> {
  let size = readQuickly(quick, chunk, 0) ?? (await nextTurn(quick, chunk));
  while (size === undefined) {
    size = await new Promise<number | undefined>((resolve, reject) => {
      readSoon(0, chunk, 0, CHUNK, null, (error, n) => {
        // Whoever shares the descriptor may have made it non-blocking.
        if (error?.code === "EAGAIN") setTimeout(resolve, BUSY_MS);
        else if (error) reject(error);
        else resolve(n);
      });
    });
  }
  for (let more: number | undefined = size; more !== undefined && more > 0 && size < CHUNK; ) {
    more = readQuickly(quick, chunk, size);
    size += more ?? 0;
  }
  return size;
}

/** Who fills the pipe may need but a moment. */
async function nextTurn(quick: number, chunk: Uint8Array): Promise<number | undefined> {
  await new Promise((resolve) => setImmediate(resolve));
  return readQuickly(quick, chunk, 0);
}

function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
