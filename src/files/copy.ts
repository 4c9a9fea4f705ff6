/**
 * Copies: who reads and who writes are brought together, and what they tell becomes one answer. Each end is this process or a context; when
 * both are contexts, what is copied goes from one to the other through the parent that they have in common. Touches no file by itself.
 */
import type { CallLimits } from "../calls/options.ts";
import type { TierCall } from "../calls/tier-call.ts";
import { Channel, type Sender } from "../channels/channel.ts";
import {
  CallError,
  CancelledError,
  ChannelError,
  EcontextError,
  FilesError,
  ProtocolError,
} from "../errors.ts";
import { neutralise } from "../text.ts";
import { nameOf, told, type WirePath } from "./paths.ts";
import { read as readHere } from "./reader.ts";
import { CHUNK, INLINE, type MakeChannel, type ReadOptions, type WriteOptions } from "./records.ts";
import { type CopyFailure, type CopyProgress, type CopyResult, Report } from "./report.ts";
import { write as writeHere } from "./writer.ts";

export interface ReadFileOptions extends CallLimits {
  /** `~` is the home. */
  readonly expand?: boolean;
}

export interface WriteFileOptions extends ReadFileOptions {
  /** The file's permissions. */
  readonly mode?: number;
}

export interface CopyOptions {
  /** Folders and all that is in them, too. */
  readonly recursive?: boolean;
  /** Leave what is there with the same content as it is. */
  readonly checksum?: boolean;
  /** As `checksum`; and what is not finished when it is interrupted is kept, and gone on with next time. */
  readonly resume?: boolean;
  /** Over there, patterns, and `~` for the home, are what a shell makes of them. */
  readonly expand?: boolean;
  /** The destination has to be a folder. */
  readonly into?: boolean;
  /** Milliseconds from now until it is given up. */
  readonly deadline?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called some ten times a second. */
  readonly onProgress?: (progress: CopyProgress) => void;
  /** Called for each file that cannot be copied, when that is known. */
  readonly onFailure?: (failure: CopyFailure) => void;
}

/** One end of a copy. */
export interface End {
  /** "" for this machine. */
  readonly name: string;
  read(
    paths: readonly WirePath[],
    options: ReadOptions,
    to: Sender,
    limits: CallLimits,
  ): Promise<unknown>;
  write(
    path: WirePath,
    options: WriteOptions,
    events: Sender,
    limits: CallLimits,
  ): Promise<unknown>;
  /** Both at once: where one call waits for the other, two of them would never end. */
  copy?(
    paths: readonly WirePath[],
    reading: ReadOptions,
    path: WirePath,
    writing: WriteOptions,
    events: Sender,
    limits: CallLimits,
  ): Promise<unknown>;
}

const makeChannel: MakeChannel = () => new Channel();

/** This process. */
export const HERE: End = {
  name: "",
  read: (paths, options, to, { signal }) => readHere(makeChannel, paths, options, to, signal),
  write: (path, options, events, { signal }) =>
    writeHere(makeChannel, path, options, events, signal),
};

export function endOf(name: string, call: TierCall): End {
  return {
    name,
    read: (paths, options, to, limits) => call(limits, "econtext.files:read", paths, options, to),
    write: (path, options, events, limits) =>
      call(limits, "econtext.files:write", path, options, events),
    copy: (paths, reading, path, writing, events, limits) =>
      call(limits, "econtext.files:copy", paths, reading, path, writing, events),
  };
}

type Data = Uint8Array | string | AsyncIterable<Uint8Array | string>;

function encoded(part: Uint8Array | string): Uint8Array {
  return typeof part === "string" ? new TextEncoder().encode(part) : part;
}

/** Bytes that are somewhere already, as what reads one file of no name: with no time, and no mode unless one is given. */
export function endOfBytes(data: Data, mode?: number): End {
  return {
    name: "",
    read: (_paths, _options, to, { signal }) => sendBytes(data, mode ?? null, to, signal),
    write: () => Promise.reject(new Error("bytes cannot be written to")),
  };
}

/** Aborted, it never says that it is done: what has come is not the whole. */
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
      for await (const part of isWhole ? [data] : data) {
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

/**
 * Copy what `paths` name at one end to `destination` at the other: into it where it is a folder, else as it.
 *
 * @throws {FilesError} `ERR_FILES_COPY`: something could not be copied; the rest is
 */
export async function copy(
  from: End,
  paths: readonly string[],
  to: End,
  destination: string,
  options: CopyOptions & { readonly exact?: boolean } = {},
): Promise<CopyResult> {
  const { checksum = false, resume = false, recursive = false, exact = false } = options;
  const expand = options.expand === true;
  const into = options.into === true;
  const isShown = options.onProgress !== undefined;
  const reading = {
    recursive,
    expand: expand && from !== HERE,
    total: isShown,
    checksum: checksum || resume,
  };
  const names = exact ? ["."] : paths.map((path) => told(nameOf(bytesOf(path))));
  const writing = {
    recursive,
    into,
    resume,
    exact,
    names,
    expand: expand && to !== HERE,
    progress: isShown,
  };

  const other = new AbortController();
  const signals = options.signal === undefined ? [] : [options.signal];
  const limits = {
    deadline: options.deadline,
    signal: AbortSignal.any([...signals, other.signal]),
  };
  const events = new Channel<unknown>();
  const report = new Report(from.name, to.name, options);
  const sources = paths.map(pathOnWire);
  const place = pathOnWire(destination);
  const teller = events.sender as Sender;
  const written =
    from === to && to.copy !== undefined
      ? to.copy(sources, reading, place, writing, teller, limits)
      : to.write(place, writing, teller, limits);
  let read: Promise<unknown> = Promise.resolve();
  const failed = Promise.withResolvers<never>();
  const heard = report.hear(events.receiver, (sender) => {
    read = from.read(sources, reading, sender, limits);
    // A context that never was has not told the writer.
    read.catch(failed.reject);
    return read;
  });
  try {
    const [totals] = await Promise.race([Promise.all([written, heard]), failed.promise]);
    return report.conclude(totals);
  } catch (error) {
    const { signal } = options;
    const isCancelled = signal?.aborted === true;
    other.abort(error);
    events.receiver.close();
    const ends = await Promise.allSettled([read, written, heard]);
    if (isCancelled) {
      throw new CancelledError("ERR_CANCELLED", "the copy was cancelled", { cause: error });
    }
    throw firstCause(
      [error, ...ends.flatMap((end) => ("reason" in end ? [end.reason] : []))],
      from,
    );
  }
}

/** Each end tells the other why it ended; who said so first, knows more of it than whoever heard it. */
function firstCause(errors: readonly unknown[], from: End): unknown {
  const isEcho = (error: unknown) =>
    [CallError, ChannelError, CancelledError].some((kind) => error instanceof kind);
  const ours = errors.filter((error) => error instanceof EcontextError);
  const [first] = [...ours.filter((error) => !isEcho(error)), ...ours];
  if (first !== undefined) return first;
  const [error] = errors as [Error];
  const { message } = error;
  return new ProtocolError("ERR_PROTOCOL_VALUE", `${from.name}: ${message}`, { cause: error });
}

/** The bytes of one file of a context, as they come. @throws {FilesError} `ERR_FILES_COPY` */
export async function* readBytes(
  context: string,
  call: TierCall,
  path: string,
  { expand = false, ...limits }: ReadFileOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { sender, receiver } = new Channel<Uint8Array>();
  const sent = call(limits, "econtext.files:fetch", pathOnWire(path), { expand }, sender);
  sent.catch((error: unknown) => sender.close(error));
  try {
    for await (const piece of receiver) yield piece;
  } catch (error) {
    // The call says more of why.
    await sent;
    throw error;
  }
  const problem = await sent;
  if (typeof problem !== "string") return;
  throw new FilesError([{ context, path, problem: neutralise(problem) }], 1);
}

function pathOnWire(path: string): WirePath {
  return told(bytesOf(path));
}

function bytesOf(path: string): string {
  return Buffer.from(path, "utf8").toString("latin1");
}
