/**
 * Runs in the master and, joined by scripts/shared-modules.ts, in JavaScript slaves.
 *
 * The reader of a copy: sends files, folders and links as records. A file that cannot be read is
 * reported by a record, and the copy continues. The reader knows neither contexts nor the
 * destination. Twin: stage1/python/tier2/files.py.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  type Stats,
  statSync,
} from "node:fs";
import {
  closeQuietly,
  digest,
  FileProblem,
  isSystemError,
  openPlain,
  readNext,
  readUpTo,
  reason,
} from "./disk.ts";
import { expand, namesIn } from "./glob.ts";
import { KEPT_MODE } from "./mode.ts";
import { fromWire, join, nameOf, onDisk, toWire, type WirePath } from "./paths.ts";
import {
  Batch,
  CHUNK,
  INLINE,
  type MakeChannel,
  type ReadOptions,
  type ValueSender,
} from "./records.ts";

/**
 * Yields the bytes of a file from `begin` on, each piece to be sent as one message. It may send
 * them by itself instead.
 */
export type Pieces = (
  fd: number,
  begin: number,
  signal: AbortSignal | undefined,
) => AsyncIterable<unknown>;

/** A file, folder or link that the reader has met. */
interface Entry {
  /** The path in records. */
  readonly name: string;
  /** The path on this disk. */
  readonly path: string;
  readonly stats: Stats;
  /** Whether it is a source itself; then a link is followed. */
  readonly isTop: boolean;
}

/**
 * Sends what `paths` name, with the content of folders if `recursive` is set. Returns early if the
 * writer takes no more: the writer reports the reason.
 */
export async function read(
  makeChannel: MakeChannel,
  paths: readonly WirePath[],
  options: ReadOptions,
  sender: ValueSender,
  signal?: AbortSignal,
  pieces?: Pieces,
): Promise<void> {
  try {
    await new TreeReader(makeChannel, options, sender, signal, pieces).run(paths.map(fromWire));
    sender.close();
  } catch (error) {
    if (sender.closed && signal?.aborted !== true) return;
    sender.close(error);
    throw error;
  }
}

class TreeReader {
  readonly #makeChannel: MakeChannel;
  readonly #options: ReadOptions;
  readonly #out: Batch;
  readonly #signal: AbortSignal | undefined;
  readonly #pieces: Pieces;
  /** What the writer has already, by the path in the record. */
  readonly #has = new Map<string, readonly [bytes: number, hash: string]>();

  constructor(
    makeChannel: MakeChannel,
    options: ReadOptions,
    sender: ValueSender,
    signal: AbortSignal | undefined,
    pieces: Pieces = readPieces,
  ) {
    this.#makeChannel = makeChannel;
    this.#options = options;
    this.#out = new Batch(sender);
    this.#signal = signal;
    this.#pieces = pieces;
  }

  async run(paths: readonly string[]): Promise<void> {
    const sources: string[] = [];
    for (const path of paths) sources.push(...(await this.#find(path)));
    for (const path of sameNames(await this.#named(sources))) {
      await this.#fail(path, "another source has the same name: nothing is copied");
      sources.length = 0;
    }
    await this.#out.add(["sources", sources.length]);
    if (this.#options.total) await this.#sendTotal(sources);
    if (this.#options.checksum) await this.#ask(sources);
    for await (const entry of this.#walk(sources)) {
      if (this.#options.checksum && entry.stats.isDirectory()) continue;
      const sent = this.#attempt(entry);
      if (sent !== undefined) await sent;
    }
    await this.#out.flush();
  }

  async #find(path: string): Promise<string[]> {
    if (!this.#options.expand) return [path];
    const found = expand(path);
    if (found.length === 0) await this.#fail(path, NO_MATCH);
    return found;
  }

  /**
   * The names that must differ: those of the sources. If the contents of several folders are put
   * together (`FOLDER/.`), also those of the files in them.
   */
  async #named(sources: readonly string[]): Promise<(readonly [name: string, path: string])[]> {
    const named = sources.map((path) => [nameOf(path), path] as const);
    const merged = named.filter(([name]) => name === ".").map(([, path]) => path);
    const found = named.filter(([name]) => name !== ".");
    if (merged.length < 2) return found;
    for await (const { name, path, stats } of this.#walk(merged, false)) {
      if (!stats.isDirectory()) found.push([name, path]);
    }
    return found;
  }

  /** Yields all entries, a folder before its content. @param complain whether to report errors */
  async *#walk(sources: readonly string[], complain = true): AsyncGenerator<Entry> {
    const todo = sources.map((path) => ({ name: nameOf(path), path, isTop: true })).reverse();
    for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
      this.#signal?.throwIfAborted();
      const { name, path, isTop } = next;
      let stats: Stats;
      let inside: string[] = [];
      try {
        stats = (isTop ? statSync : lstatSync)(onDisk(path));
        if (stats.isDirectory()) {
          if (!this.#options.recursive) throw new FileProblem("Is a directory");
          inside = namesIn(path);
        }
      } catch (error) {
        if (!isSystemError(error)) throw error;
        if (complain) await this.#fail(path, reason(error));
        continue;
      }
      yield { name, path, stats, isTop };
      for (const one of inside.reverse()) {
        todo.push({ name: `${name}/${one}`, path: join(path, one), isTop: false });
      }
    }
  }

  async #sendTotal(sources: readonly string[]): Promise<void> {
    let [files, bytes] = [0, 0];
    for await (const { stats } of this.#walk(sources, false)) {
      if (!stats.isFile()) continue;
      files++;
      bytes += stats.size;
    }
    await this.#out.add(["total", files, bytes]);
  }

  /**
   * Asks the writer which files it has, all of them in one round trip. Folders are made on the way,
   * so that the writer does not look into a folder through a link.
   */
  async #ask(sources: readonly string[]): Promise<void> {
    for await (const entry of this.#walk(sources, false)) {
      const { name, stats } = entry;
      if (stats.isDirectory()) await this.#attempt(entry);
      else if (stats.isFile() && stats.size > 0) {
        await this.#out.add(["file?", toWire(name), stats.size]);
      }
    }
    const { sender, receiver } = this.#makeChannel();
    const stop = () => receiver.close();
    this.#signal?.addEventListener("abort", stop);
    await this.#out.add(["ask", sender]);
    await this.#out.flush();
    for await (const answers of receiver) {
      for (const [path, bytes, hash] of answers as [unknown, number, string][]) {
        this.#has.set(fromWire(path), [bytes, hash]);
      }
    }
    this.#signal?.removeEventListener("abort", stop);
    this.#signal?.throwIfAborted();
  }

  /** Sends one entry. @returns a promise only if it has to be awaited: most entries are small */
  #attempt(entry: Entry): Promise<void> | undefined {
    const { name, path, stats } = entry;
    const mode = stats.mode & KEPT_MODE;
    try {
      if (stats.isDirectory()) {
        return this.#out.add(["dir", toWire(name), mode, stats.mtimeMs / 1000]);
      }
      if (stats.isSymbolicLink()) {
        const target = readlinkSync(onDisk(path), { encoding: "buffer" });
        return this.#out.add(["link", toWire(name), toWire(target.toString("latin1"))]);
      }
      if (!stats.isFile()) return this.#fail(path, "not a file, a folder or a link");
      return this.#file(entry);
    } catch (error) {
      if (isSystemError(error)) return this.#fail(path, reason(error));
      throw error;
    }
  }

  /** Sends a file: a small one as one record, a large one in pieces. @throws the system's error */
  #file({ name, path, isTop }: Entry): Promise<void> | undefined {
    const fd = isTop ? openSync(onDisk(path), constants.O_NONBLOCK) : openPlain(path);
    let isMine = true;
    try {
      const stats = fstatSync(fd);
      const data =
        stats.size > INLINE || this.#has.has(name) ? undefined : readUpTo(fd, INLINE + 1);
      if (data !== undefined && data.length <= INLINE) {
        const [mode, mtime] = [stats.mode & KEPT_MODE, stats.mtimeMs / 1000];
        return this.#out.add(
          ["file", toWire(name), data.length, mode, mtime, data, 0],
          data.length,
        );
      }
      isMine = false;
      return this.#large(name, path, fd, stats).finally(() => closeQuietly(fd));
    } finally {
      if (isMine) closeSync(fd);
    }
  }

  async #large(name: string, path: string, fd: number, stats: Stats): Promise<void> {
    const { size } = stats;
    const [mode, mtime] = [stats.mode & KEPT_MODE, stats.mtimeMs / 1000];
    let [begin, hash] = this.#has.get(name) ?? [0, ""];
    let isBegun = false;
    try {
      if (begin > size || (begin > 0 && (await digest(fd, begin)) !== hash)) begin = 0;
      if (begin > 0 && begin === size) {
        await this.#out.add(["same", toWire(name), mode, mtime]);
        return;
      }
      await this.#out.add(["file", toWire(name), size, mode, mtime, null, begin]);
      isBegun = true;
      const isSparse = stats.blocks * 512 < size - INLINE;
      await (isSparse ? this.#sendSparse(fd, begin) : this.#sendRest(fd, begin));
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (isBegun) await this.#out.add(["lost"]);
      await this.#fail(path, reason(error));
      return;
    }
    await this.#out.add(["done"]);
  }

  /** Sends the file from `begin` to its end. */
  async #sendRest(fd: number, begin: number): Promise<void> {
    await this.#out.flush();
    for await (const piece of this.#pieces(fd, begin, this.#signal)) {
      this.#signal?.throwIfAborted();
      await this.#out.send(piece);
    }
  }

  /** As `#sendRest`. A hole is sent as a hole, and becomes one at the destination. */
  async #sendSparse(fd: number, begin: number): Promise<void> {
    for await (const piece of readPieces(fd, begin)) {
      this.#signal?.throwIfAborted();
      if (isZero(piece)) await this.#out.add(["hole", piece.length]);
      else await this.#out.send(piece);
    }
  }

  #fail(path: string, problem: string): Promise<void> | undefined {
    return this.#out.add(["error", toWire(path), problem]);
  }
}

/** The paths whose name another path has too. */
function sameNames(named: readonly (readonly [name: string, path: string])[]): string[] {
  const byName = new Map<string, string[]>();
  for (const [name, path] of named) {
    const known = byName.get(name);
    if (known === undefined) byName.set(name, [path]);
    else known.push(path);
  }
  return [...byName.values()].flatMap((paths) => (paths.length > 1 ? paths : []));
}

const NO_MATCH = "nothing matches";
const NO_FILE = "not a file";
const ZEROS = Buffer.alloc(CHUNK);

function isZero(piece: Uint8Array): boolean {
  return ZEROS.compare(piece, 0, piece.length, 0, piece.length) === 0;
}

/** Yields the bytes of a file. The next piece is read while its reader uses one. */
async function* readPieces(fd: number, begin: number): AsyncGenerator<Uint8Array, void> {
  let at = begin;
  let next = readNext(fd, CHUNK, at);
  try {
    for (;;) {
      const piece = await next;
      if (piece.length === 0) return;
      at += piece.length;
      next = readNext(fd, CHUNK, at);
      next.catch(() => {}); // If sending fails first, nothing awaits this read in the loop.
      yield piece;
    }
  } finally {
    // The caller closes the descriptor, which a read may still be using.
    await next.catch(() => {});
  }
}

/** Sends the bytes of what the path names. @returns each path that cannot be read, and why */
export async function fetch(
  path: WirePath,
  options: Pick<ReadOptions, "expand">,
  sender: ValueSender,
  signal?: AbortSignal,
): Promise<[WirePath, string][]> {
  const failed: [WirePath, string][] = [];
  try {
    const name = fromWire(path);
    const names = options.expand ? expand(name) : [name];
    if (names.length === 0) failed.push([path, NO_MATCH]);
    for (const one of names) {
      try {
        // The other end of a pipe may never come, and the files behind it would not either.
        if (names.length > 1 && !isFile(one)) failed.push([toWire(one), NO_FILE]);
        else await sendContents(one, sender, signal);
      } catch (error) {
        if (!isSystemError(error)) throw error;
        failed.push([toWire(one), reason(error)]);
      }
    }
    sender.close();
  } catch (error) {
    if (!sender.closed || signal?.aborted === true) {
      sender.close(error);
      throw error;
    }
  }
  return failed;
}

/** @throws the system's error; a folder is read, to fail as the system says */
function isFile(path: string): boolean {
  const found = statSync(onDisk(path));
  return found.isFile() || found.isDirectory();
}

async function sendContents(
  path: string,
  sender: ValueSender,
  signal: AbortSignal | undefined,
): Promise<void> {
  const fd = openSync(onDisk(path), "r");
  try {
    for (let at = 0; ; ) {
      signal?.throwIfAborted();
      const piece = await readNext(fd, CHUNK, at);
      if (piece.length === 0) return;
      at += piece.length;
      await sender.send(piece);
    }
  } finally {
    closeSync(fd);
  }
}
