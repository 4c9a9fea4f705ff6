/**
 * The writer of a copy: records become files. What cannot be written is told to `events`, and the others go on. It trusts no reader; where
 * records may lead is place.ts's business.
 *
 * Runs in this process and, by scripts/stage1.ts, in JavaScript contexts.
 * Twin: stage1/python/tier2/files_writer.py.
 */
import { closeSync, fstatSync, renameSync, symlinkSync } from "node:fs";
import { Part } from "./atomic-file.ts";
import { Place, replaceableAt } from "./destination.ts";
import { digest, isSystemError, openPlain, Refusal, reason } from "./disk.ts";
import { setMode, setTime } from "./mode.ts";
import { heard, onDisk, shown, told, type WirePath } from "./paths.ts";
import {
  BATCH,
  type FileRecord,
  type MakeChannel,
  type Sends,
  type Totals,
  type WriteOptions,
} from "./records.ts";
import { Leftovers, remove, resumableOf, temporaryOf } from "./stale-files.ts";

const PROGRESS_MS = 100;

/** Write what comes; `["open", SENDER]` tells `events` where to. @throws what keeps all of it from being written */
export async function write(
  makeChannel: MakeChannel,
  destination: WirePath,
  options: WriteOptions,
  events: Sends,
  signal?: AbortSignal,
): Promise<Totals> {
  const { sender, receiver } = makeChannel();
  const stop = () => receiver.close(signal?.reason);
  signal?.addEventListener("abort", stop);
  let writer: Writer | undefined;
  try {
    signal?.throwIfAborted();
    writer = new Writer(destination, options, events, () => receiver.close());
    await events.send(["open", sender]);
    for await (const message of receiver) {
      const taken = writer.take(message);
      if (taken !== undefined) await taken;
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
    writer?.abandon();
    signal?.removeEventListener("abort", stop);
  }
}

export class Writer {
  readonly #options: WriteOptions;
  readonly #events: Sends;
  readonly #place: Place;
  readonly #leftovers = new Leftovers();
  readonly #stop: () => void;
  #isStopped = false;
  readonly #umask = process.umask();
  readonly #answers: (readonly [WirePath, number, string])[] = [];
  /** The large file that is being written, by its path; without a part if that failed. */
  #current:
    | { readonly name: WirePath; readonly target: string; part: Part | undefined }
    | undefined;
  #files = 0;
  #bytes = 0;
  #same = 0;
  #errors = 0;
  #shownAt = performance.now();

  /** @param stop takes no more from the reader */
  constructor(destination: WirePath, options: WriteOptions, events: Sends, stop: () => void) {
    this.#stop = stop;
    this.#options = options;
    this.#events = events;
    this.#place = new Place(destination, options);
  }

  /** @returns a promise only where it has to be awaited: most records are small */
  take(message: unknown): Promise<void> | undefined {
    if (message instanceof Uint8Array) return this.#piece(message);
    if (!Array.isArray(message)) throw new Error("a message that is none");
    return this.#records(message as FileRecord[]);
  }

  async finish(): Promise<Totals> {
    if (this.#current !== undefined) throw new Error("a file without its end");
    for (const { path, mode, mtime } of this.#place.folders.reverse()) {
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

  /** What is not finished is as if it had not begun. */
  abandon(): void {
    this.#current?.part?.abandon();
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
      if (record[0] === "lost") return this.abandon() as undefined;
      throw new Error("a file without its end");
    }
    switch (record[0]) {
      case "sources":
        if (this.#place.takes(record[1])) return undefined;
        this.#isStopped = true;
        this.#stop();
        return this.#fail(this.#place.path, new Refusal("Not a directory"));
      case "total":
        return this.#events.send(record);
      case "error":
        this.#errors++;
        return this.#events.send(["error", "from", record[1], record[2]]);
      case "dir":
        return this.#attempt(record[1], () =>
          this.#place.makeFolder(record[1], checked(record[2]), record[3]),
        );
      case "link":
        return this.#attempt(record[1], (target) => {
          this.#leftovers.removeOf(target);
          link(target, heard(record[2]));
        });
      case "file":
        return this.#file(record);
      case "file?":
        return this.#ask(record[1], record[2]);
      case "ask":
        return this.#answer(record[1]);
      case "same":
        return this.#attempt(record[1], (target) => {
          adjust(target, record[2], record[3]);
          this.#same++;
        });
      default:
        throw new Error("a record that is none");
    }
  }

  /** What the system refuses is told, and the others go on. */
  #attempt(name: WirePath, work: (target: string) => void): Promise<void> | undefined {
    const target = this.#place.of(name);
    if (target === undefined) return undefined;
    try {
      work(target);
      return undefined;
    } catch (error) {
      return this.#fail(target, error);
    }
  }

  async #fail(path: string, error: unknown): Promise<void> {
    if (!isSystemError(error)) throw error;
    this.#errors++;
    await this.#events.send(["error", "to", told(path), reason(error)]);
  }

  #file(record: FileRecord & { readonly 0: "file" }): Promise<void> | undefined {
    const [, name, , mode, mtime, data, begin] = record;
    const target = this.#place.of(name);
    const current = { name, target: target ?? "", part: undefined as Part | undefined };
    this.#current = current;
    try {
      if (target !== undefined) {
        const found = replaceableAt(target);
        this.#leftovers.removeOf(target);
        const isLarge = data === null;
        const isKept = isLarge && this.#options.resume === true;
        if (begin > 0 && !isKept) throw new Error("the rest of a file that nobody has begun");
        const old = found?.isFile() ? found.mode & 0o777 : 0o666 & ~this.#umask;
        const replaces = found !== undefined;
        const plan = { target, mtime, replaces, isLarge, isKept, begin, mode: mode ?? old };
        current.part = new Part(plan);
        this.#bytes += begin;
      }
      if (data === null) return undefined;
      this.#bytes += data.length;
      current.part?.fill(data);
    } catch (error) {
      const failed = this.#lose(error);
      if (data === null) return failed;
      return failed.then(() => this.#done());
    }
    return this.#done();
  }

  async #piece(piece: Uint8Array): Promise<void> {
    const current = this.#current;
    if (current === undefined) throw new Error("a piece of no file");
    this.#bytes += piece.length;
    try {
      await current.part?.write(piece);
    } catch (error) {
      await this.#lose(error);
    }
    await this.#show();
  }

  #hole(bytes: number): undefined {
    this.#bytes += checked(bytes);
    this.#current?.part?.skip(bytes);
  }

  #done(): Promise<void> | undefined {
    const part = this.#current?.part;
    const end = (): undefined => {
      if (part !== undefined) this.#files++;
      this.#current = undefined;
    };
    try {
      const finished = part?.finish();
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

  /** What is still to come of it is dropped. */
  async #lose(error: unknown): Promise<void> {
    const { target = "", part } = this.#current ?? {};
    part?.abandon();
    if (this.#current !== undefined) this.#current.part = undefined;
    await this.#fail(target, error);
  }

  /** Remember what is there of a file: the whole, or what was not finished. */
  async #ask(name: WirePath, size: number): Promise<void> {
    const target = this.#place.of(name);
    if (target === undefined) return;
    const isThere = await this.#look(name, target, (bytes) => bytes === size);
    if (isThere || this.#options.resume !== true) return;
    await this.#look(name, resumableOf(target), (bytes) => bytes > 0 && bytes <= size);
  }

  async #look(name: WirePath, path: string, fits: (bytes: number) => boolean): Promise<boolean> {
    try {
      const fd = openPlain(path);
      try {
        const found = fstatSync(fd);
        if (!found.isFile() || !fits(found.size)) return false;
        this.#answers.push([name, found.size, await digest(fd, found.size)]);
        return true;
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return false;
    }
  }

  async #answer(sender: Sends): Promise<void> {
    for (let at = 0; at < this.#answers.length; at += BATCH) {
      await sender.send(this.#answers.slice(at, at + BATCH));
    }
    sender.close();
  }

  async #show(): Promise<void> {
    const now = performance.now();
    if (this.#options.progress !== true || now - this.#shownAt < PROGRESS_MS) return;
    this.#shownAt = now;
    const name = this.#current === undefined ? null : shown(heard(this.#current.name));
    await this.#events.send(["progress", this.#files + this.#same, this.#bytes, name]);
  }
}

/** A size or a mode. */
function checked(number: number): number {
  if (!Number.isSafeInteger(number) || number < 0) throw new Error("a number that is none");
  return number;
}

function link(target: string, to: string): void {
  replaceableAt(target);
  const temporary = temporaryOf(target);
  symlinkSync(onDisk(to), onDisk(temporary));
  try {
    renameSync(onDisk(temporary), onDisk(target));
  } catch (error) {
    remove(temporary);
    throw error;
  }
}

/** Of what is there already. */
function adjust(path: string, mode: number, mtime: number): void {
  const fd = openPlain(path);
  try {
    if (!fstatSync(fd).isFile()) throw new Refusal("not a regular file");
    setTime(fd, mtime);
    setMode(fd, mode);
  } finally {
    closeSync(fd);
  }
}
