/**
 * The two ends of a copy: what reads and what writes. An end is this process, a context, or bytes
 * that are in memory already.
 */
import type { CallLimits } from "../calls/options.ts";
import type { TierCall } from "../calls/tier-call.ts";
import { Channel, inboxOf, type Sender } from "../channels/channel.ts";
import { releaseBuffer } from "../io/buffer-pool.ts";
import type { WirePath } from "./paths.ts";
import { read as readHere } from "./reader.ts";
import {
  CHUNK,
  INLINE,
  type MakeChannel,
  type PieceFile,
  type ReadOptions,
  type WriteOptions,
} from "./records.ts";
import { FileSink, splicedPieces } from "./spliced-pieces.ts";
import { Tape } from "./tape.ts";
import { write as writeHere } from "./writer.ts";

/** One end of a copy. */
export interface CopyEnd {
  /** The context's name; "" for this machine. */
  readonly name: string;
  /** Where relative paths begin, if that is not the working folder of the end's process. */
  readonly folder?: string | undefined;
  /** Whether it may read before there is a writer. */
  readonly readsAhead?: boolean;
  /** Sends what `paths` name to a writer. */
  read(
    paths: readonly WirePath[],
    options: ReadOptions,
    to: Sender,
    limits: CallLimits,
  ): Promise<unknown>;
  /** Writes what a reader sends. The first event names the sender that the reader has to use. */
  write(
    path: WirePath,
    options: WriteOptions,
    events: Sender,
    limits: CallLimits,
  ): Promise<unknown>;
  /**
   * Reads and writes in one call, if this end is both. A Python context runs one call at a time,
   * so two calls that wait for each other would never end.
   */
  copy?(
    paths: readonly WirePath[],
    reading: ReadOptions,
    path: WirePath,
    writing: WriteOptions,
    events: Sender,
    limits: CallLimits,
  ): Promise<unknown>;
}

const makeChannel: MakeChannel = () => {
  const { sender, receiver } = new Channel();
  const inbox = inboxOf(receiver);
  const spliceTo = (file: PieceFile | undefined): void => {
    inbox.sink = file?.fd === undefined ? undefined : new FileSink(file, file.fd);
  };
  const widen = (): void => {
    inbox.isWide = true;
  };
  return { sender, receiver, widen, spliceTo, release: releaseBuffer };
};

/** This process. @param folder where relative paths begin; default: the working folder */
export function here(folder?: string): CopyEnd {
  return { ...HERE, folder };
}

const HERE: CopyEnd = {
  name: "",
  readsAhead: true,
  read: (paths, options, to, { signal }) =>
    readHere(makeChannel, paths, options, to, signal, splicedPieces),
  write: (path, options, events, { signal }) =>
    writeHere(makeChannel, path, options, events, signal),
};

/**
 * This process, for copies of the same sources to several contexts: they are read once. If the
 * contexts are asked which files they have, each has its own reading.
 */
export function endForMany(folder?: string): CopyEnd {
  let tape: Tape | undefined;
  return {
    name: "",
    folder,
    read: (paths, options, to, limits) => {
      if (options.checksum === true) return HERE.read(paths, options, to, limits);
      if (tape?.isWhole !== true) {
        tape = new Tape((recorder, signal) =>
          readHere(makeChannel, paths, options, recorder, signal),
        );
      }
      return tape.play(to, limits.signal);
    },
    write: () => Promise.reject(new Error("it is only read")),
  };
}

/** A context. @param call calls a function of the context's second tier */
export function endOf(name: string, call: TierCall): CopyEnd {
  return {
    name,
    read: (paths, options, to, limits) => call(limits, "econtext.files:read", paths, options, to),
    write: (path, options, events, limits) =>
      call(limits, "econtext.files:write", path, options, events),
    copy: (paths, reading, path, writing, events, limits) =>
      call(limits, "econtext.files:copy", paths, reading, path, writing, events),
  };
}

export type Data = Uint8Array | string | AsyncIterable<Uint8Array | string>;

function encoded(part: Uint8Array | string): Uint8Array {
  return typeof part === "string" ? new TextEncoder().encode(part) : part;
}

/** A reader of one file without a name, whose content is `data`. It has no modification time. */
export function endOfBytes(data: Data, mode?: number): CopyEnd {
  return {
    name: "",
    read: (_paths, _options, to, { signal }) => sendBytes(data, mode ?? null, to, signal),
    write: () => Promise.reject(new Error("bytes cannot be written to")),
  };
}

/** The data could not be read; `cause` is the error of its stream or iterable. */
export class DataError extends Error {
  override name = "DataError";
}

async function* readData(data: AsyncIterable<Uint8Array | string>) {
  try {
    yield* data;
  } catch (cause) {
    throw new DataError("the data cannot be read", { cause });
  }
}

/** An aborted one never sends "done", because the writer does not have the whole file. */
async function sendBytes(
  data: Data,
  mode: number | null,
  to: Sender,
  signal: AbortSignal | undefined,
): Promise<void> {
  const isWhole = typeof data === "string" || data instanceof Uint8Array;
  try {
    const whole = isWhole ? encoded(data) : undefined;
    const small = whole !== undefined && whole.length <= INLINE ? whole : null;
    await to.send([
      ["sources", 1],
      ["file", ".", whole?.length ?? 0, mode, null, small, 0],
    ]);
    if (small === null) {
      for await (const part of isWhole ? [data] : readData(data)) {
        const chunk = encoded(part);
        for (let at = 0; at < chunk.length; at += CHUNK) {
          signal?.throwIfAborted();
          await to.send(chunk.subarray(at, at + CHUNK));
        }
      }
      signal?.throwIfAborted();
      await to.send([["done"]]);
    }
    to.close();
  } catch (error) {
    to.close(error);
    throw error;
  }
}
