/**
 * Runs in the master and, joined by scripts/shared-modules.ts, in JavaScript slaves.
 *
 * The writer of a copy: turns records into files. A file that cannot be written is reported to
 * `events`, and the copy continues. The writer trusts no reader; destination.ts decides where
 * records may lead. Twin: stage1/python/tier2/files_writer.py.
 */
import { AtomicFile, makeLink } from "./atomic-file.ts";
import { Destination, replaceableAt } from "./destination.ts";
import { isSystemError, reason } from "./disk.ts";
import { adjust, setMode, setTime } from "./mode.ts";
import { display, fromWire, toWire, type WirePath } from "./paths.ts";
import { PresentFiles } from "./present-files.ts";
import type {
  FileRecord,
  MakeChannel,
  PieceFile,
  Totals,
  ValueSender,
  WriteOptions,
} from "./records.ts";
import { StaleFiles } from "./stale-files.ts";

const PROGRESS_MS = 100;

/**
 * Writes what a reader sends. The first event is `["open", SENDER]`, with the sender for the
 * reader.
 *
 * @throws an error that ends the copy as a whole
 */
export async function write(
  makeChannel: MakeChannel,
  destination: WirePath,
  options: WriteOptions,
  events: ValueSender,
  signal?: AbortSignal,
): Promise<Totals> {
  const { sender, receiver, widen, spliceTo, release } = makeChannel();
  // No file has to wait for a window that is about to grow.
  widen(options.credit ?? 0);
  const stop = () => receiver.close(signal?.reason);
  signal?.addEventListener("abort", stop);
  let writer: TreeWriter | undefined;
  try {
    signal?.throwIfAborted();
    writer = new TreeWriter(destination, options, events, () => receiver.close());
    writer.isSpliced = spliceTo !== undefined;
    await events.send(["open", sender]);
    for await (const message of receiver) {
      // Until the message is written, nothing may be spliced behind it.
      spliceTo?.(undefined);
      const taken = writer.take(message);
      if (taken !== undefined) await taken;
      if (message instanceof Uint8Array) release(message);
      spliceTo?.(writer.pieceFile);
    }
    signal?.throwIfAborted();
    const totals = await writer.finish();
    events.close();
    return totals;
  } catch (error) {
    receiver.close(error);
    events.close(error);
    throw error;
  } finally {
    spliceTo?.(undefined);
    writer?.abandon();
    signal?.removeEventListener("abort", stop);
  }
}

export class TreeWriter {
  /** Whether pieces of a large file may be spliced past the writer: see `pieceFile`. */
  isSpliced = false;
  readonly #options: WriteOptions;
  readonly #events: ValueSender;
  readonly #destination: Destination;
  readonly #staleFiles = new StaleFiles();
  readonly #stop: () => void;
  #isStopped = false;
  readonly #umask = process.umask();
  readonly #present: PresentFiles;
  /** The file that is being written. Its `output` is undefined if the file cannot be written. */
  #current:
    | { readonly name: WirePath; readonly target: string; output: AtomicFile | undefined }
    | undefined;
  #files = 0;
  #bytes = 0;
  #same = 0;
  #errors = 0;
  #shownAt = performance.now();

  /** @param stop is called when the writer takes no more from the reader */
  constructor(destination: WirePath, options: WriteOptions, events: ValueSender, stop: () => void) {
    this.#stop = stop;
    this.#options = options;
    this.#events = events;
    this.#destination = new Destination(destination, options);
    this.#present = new PresentFiles(options.resume === true);
  }

  /**
   * Writes one message of the reader.
   *
   * @returns a promise only if it has to be awaited: most records are small
   */
  take(message: unknown): Promise<void> | undefined {
    if (message instanceof Uint8Array) return this.#piece(message);
    if (!Array.isArray(message)) {
      throw new Error(`malformed message: expected a list or bytes, got ${typeof message}`);
    }
    return this.#records(message as FileRecord[]);
  }

  /** The large file that is being written, if any. */
  get pieceFile(): PieceFile | undefined {
    const output = this.#current?.output;
    if (output === undefined) return undefined;
    return {
      fd: output.fd,
      at: () => output.at,
      wrote: (bytes) => {
        this.#bytes += bytes;
        output.wrote(bytes);
        // An error here is met by the next message, too.
        this.#show().catch(() => {});
      },
      failed: (error) => output.failed(error),
    };
  }

  /** Completes the copy once the reader has sent all: folders get their modes and times. */
  async finish(): Promise<Totals> {
    if (this.#current !== undefined) throw new Error("a file without its end");
    for (const { path, mode, mtime } of this.#destination.folders.reverse()) {
      try {
        if (mtime !== undefined) setTime(path, mtime);
        setMode(path, mode);
      } catch (error) {
        await this.#fail(path, error);
      }
    }
    this.#shownAt = Number.NEGATIVE_INFINITY;
    await this.#show();
    return [this.#files, this.#bytes, this.#same, this.#errors];
  }

  /** Drops the file that is being written, and closes all others. */
  abandon(): void {
    this.#drop();
    this.#present.close();
  }

  /** Drops the file that is being written, if any. */
  #drop(): void {
    this.#current?.output?.abandon();
    this.#current = undefined;
  }

  async #records(records: readonly FileRecord[]): Promise<void> {
    for (const record of records) {
      if (this.#isStopped) return;
      const done = this.#record(record);
      if (done !== undefined) await done;
    }
    await this.#show();
  }

  #record(record: FileRecord): Promise<void> | undefined {
    const current = this.#current;
    if (current !== undefined) {
      if (record[0] === "hole") return this.#hole(record[1]);
      if (record[0] === "done") return this.#done();
      if (record[0] === "lost") return this.#drop() as undefined;
      throw new Error("a file without its end");
    }
    switch (record[0]) {
      case "sources":
        if (this.#destination.takes(record[1])) return undefined;
        this.#isStopped = true;
        this.#stop();
        return this.#fail(this.#destination.path, this.#destination.refusal());
      case "total":
        return this.#events.send(record);
      case "error":
        this.#errors++;
        return this.#events.send(["error", "from", record[1], record[2]]);
      case "dir":
        return this.#makeFolder(record);
      case "link":
        return this.#attempt(record[1], (target) => {
          replaceableAt(target);
          this.#staleFiles.removeFor(target);
          makeLink(target, fromWire(record[2]));
        });
      case "file":
        return this.#file(record);
      case "file?":
        return this.#ask(record[1], record[2]);
      case "ask":
        return this.#present.answer(record[1]);
      case "same":
        return this.#attempt(record[1], (target) => {
          adjust(target, record[2], record[3]);
          this.#same++;
        });
      default:
        throw new Error(`unknown kind of record: ${JSON.stringify(display(String(record[0])))}`);
    }
  }

  /** Does work for one file. An error of the system is reported, and the copy continues. */
  #attempt(name: WirePath, work: (target: string) => void): Promise<void> | undefined {
    const target = this.#destination.of(name);
    if (target === undefined) return undefined;
    try {
      work(target);
    } catch (error) {
      return this.#fail(target, error);
    }
    return undefined;
  }

  async #fail(path: string, error: unknown): Promise<void> {
    if (!isSystemError(error)) throw error;
    this.#errors++;
    await this.#events.send(["error", "to", toWire(path), reason(error)]);
  }

  /** Makes a folder. Below a folder that could not be made, only notes that there is none. */
  #makeFolder(record: FileRecord & { readonly 0: "dir" }): Promise<void> | undefined {
    const [, name, mode, mtime] = record;
    try {
      this.#destination.makeFolder(name, checked(mode), mtime);
      return undefined;
    } catch (error) {
      return this.#fail(this.#destination.of(name) ?? "", error);
    }
  }

  #file(record: FileRecord & { readonly 0: "file" }): Promise<void> | undefined {
    const [, name, , mode, mtime, data, begin] = record;
    const target = this.#destination.of(name);
    const current = { name, target: target ?? "", output: undefined as AtomicFile | undefined };
    this.#current = current;
    try {
      if (target !== undefined) {
        // To look for other files there takes as long as to write this one.
        const isAlone = this.#destination.isInNewFolder(name);
        const found = isAlone ? undefined : replaceableAt(target);
        if (!isAlone) this.#staleFiles.removeFor(target);
        const isLarge = data === null;
        const isKept = isLarge && this.#options.resume === true;
        const unfinished = isKept && begin > 0 ? this.#present.take(target) : undefined;
        if (begin > 0 && unfinished === undefined) {
          throw new Error("the rest of a file that was never begun");
        }
        const old = found?.isFile() ? found.mode & 0o777 : 0o666 & ~this.#umask;
        current.output = new AtomicFile({
          target,
          mtime,
          mode: mode ?? old,
          replaces: found !== undefined,
          isLarge,
          isSpliced: this.isSpliced,
          isKept,
          begin,
          unfinished,
        });
        this.#bytes += begin;
      }
      if (data === null) return undefined;
      this.#bytes += data.length;
      current.output?.fill(data);
    } catch (error) {
      const failed = this.#lose(error);
      if (data === null) return failed;
      return failed.then(() => this.#done());
    }
    return this.#done();
  }

  #ask(name: WirePath, size: number): Promise<void> | undefined {
    const target = this.#destination.of(name);
    return target === undefined ? undefined : this.#present.ask(name, target, size);
  }

  async #piece(piece: Uint8Array): Promise<void> {
    const current = this.#current;
    if (current === undefined) throw new Error("a piece of no file");
    this.#bytes += piece.length;
    try {
      await current.output?.write(piece);
    } catch (error) {
      await this.#lose(error);
    }
    await this.#show();
  }

  #hole(bytes: number): undefined {
    this.#bytes += checked(bytes);
    this.#current?.output?.skip(bytes);
  }

  #done(): Promise<void> | undefined {
    const output = this.#current?.output;
    const end = (): undefined => {
      if (output !== undefined) this.#files++;
      this.#current = undefined;
    };
    try {
      const finished = output?.finish();
      if (finished === undefined) return end();
      return finished.then(end).catch((error: unknown) => this.#loseLast(error));
    } catch (error) {
      return this.#loseLast(error);
    }
  }

  async #loseLast(error: unknown): Promise<void> {
    await this.#lose(error);
    this.#current = undefined;
  }

  /** Gives up the current file: pieces of it that still come are dropped. */
  async #lose(error: unknown): Promise<void> {
    const { target = "", output } = this.#current ?? {};
    output?.abandon();
    if (this.#current !== undefined) this.#current.output = undefined;
    await this.#fail(target, error);
  }

  async #show(): Promise<void> {
    const now = performance.now();
    if (this.#options.progress !== true || now - this.#shownAt < PROGRESS_MS) return;
    this.#shownAt = now;
    const name = this.#current === undefined ? null : display(fromWire(this.#current.name));
    await this.#events.send(["progress", this.#files + this.#same, this.#bytes, name]);
  }
}

/** Checks a size or a mode that a reader has sent. */
function checked(number: number): number {
  if (!Number.isSafeInteger(number) || number < 0) {
    throw new Error(`malformed number: expected a non-negative integer, got ${String(number)}`);
  }
  return number;
}
