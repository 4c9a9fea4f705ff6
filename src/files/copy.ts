/**
 * Copies of files: brings a reader and a writer together and makes one result of their events.
 * Between two contexts, the content passes through this process. This file touches no disk.
 */
import type { CallLimits } from "../calls/options.ts";
import type { TierCall } from "../calls/tier-call.ts";
import { Channel, type Sender } from "../channels/channel.ts";
import { WIDE_CREDIT } from "../channels/window.ts";
import {
  CallError,
  CancelledError,
  ChannelError,
  EcontextError,
  FilesError,
  ProtocolError,
} from "../errors.ts";
import { neutralise } from "../text.ts";
import { type CopyEnd, DataError } from "./ends.ts";
import { display, fromWire, nameOf, toWire, type WirePath } from "./paths.ts";
import { ReadAhead } from "./read-ahead.ts";
import {
  type CopyFailure,
  type CopyProgress,
  CopyReport,
  type CopyResult,
  MAX_FAILURES,
} from "./report.ts";

export interface ReadFileOptions extends CallLimits {
  /**
   * Expand patterns and a leading `~` as a shell does. Several files that match come one behind the
   * other, sorted.
   */
  readonly expand?: boolean;
}

export interface WriteFileOptions extends CallLimits {
  /** A leading `~` stands for the home folder. */
  readonly expand?: boolean;
  /** The file's permissions. */
  readonly mode?: number;
}

/** Options of `put`, `get` and `copy`. */
export interface CopyOptions {
  /** Copy folders with their content. */
  readonly recursive?: boolean;
  /** Leave a file alone whose content is the same at the destination. */
  readonly checksum?: boolean;
  /** Like `checksum`; an interrupted file is also kept and continued by the next copy. */
  readonly resume?: boolean;
  /** On the remote machine, expand patterns and a leading `~` as a shell does. */
  readonly expand?: boolean;
  /** The destination has to be a folder. */
  readonly into?: boolean;
  /** @internal Where a relative path of this machine begins. Default: the working folder. */
  readonly folder?: string | undefined;
  /** Milliseconds until the copy is cancelled. */
  readonly deadline?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called about ten times a second. */
  readonly onProgress?: (progress: CopyProgress) => void;
  /** Called for each file that cannot be copied, as soon as that is known. */
  readonly onFailure?: (failure: CopyFailure) => void;
  /** @internal Called when both ends are at work: the copy makes no further call. */
  readonly onBegun?: () => void;
}

/** `exact`: the destination is the file itself and never a folder that it goes into. */
type CopySettings = CopyOptions & { readonly exact?: boolean };

/**
 * Copies what `paths` name at one end to `destination` at the other. If the destination is a
 * folder, the sources go into it; otherwise the source gets that name.
 *
 * @throws {FilesError} `ERR_FILES_COPY`: some files could not be copied; the others are
 * @throws the error of a stream or iterable whose bytes were to be copied
 */
export async function copy(
  from: CopyEnd,
  paths: readonly string[],
  to: CopyEnd,
  destination: string,
  options: CopySettings = {},
): Promise<CopyResult> {
  const { reading, writing } = endOptions(from, paths, to, options);
  const peer = new AbortController();
  const signals = options.signal === undefined ? [] : [options.signal];
  const limits = {
    deadline: options.deadline,
    signal: AbortSignal.any([...signals, peer.signal]),
  };
  const events = new Channel<unknown>();
  const sides = { from: sideOf(from, paths), to: sideOf(to, [destination]) };
  const report = new CopyReport(sides.from, sides.to, options);
  const sources = paths.map((path) => pathOnWire(sides.from.whole(path)));
  const target = pathOnWire(sides.to.whole(destination));
  const eventSender = events.sender as Sender;
  const written =
    from === to && to.copy !== undefined
      ? to.copy(sources, reading, target, writing, eventSender, limits)
      : to.write(target, writing, eventSender, limits);
  const failed = Promise.withResolvers<never>();
  let read: Promise<unknown> = Promise.resolve();
  const begin = (sender: Sender): void => {
    read = from.read(sources, reading, sender, limits);
    // A reader whose context never started has told the writer nothing, so the writer waits.
    read.catch(failed.reject);
  };
  const isAhead = from.readsAhead === true && to.name !== HERE;
  const ahead = isAhead ? ReadAhead.begin() : undefined;
  if (ahead !== undefined) begin(ahead.sender);
  const reported = report.follow(events.receiver, (sender) => {
    if (writing.credit !== undefined) sender.credit(writing.credit);
    if (ahead === undefined) begin(sender);
    else ahead.lead(sender);
    options.onBegun?.();
    return read;
  });
  try {
    const [totals] = await Promise.race([Promise.all([written, reported]), failed.promise]);
    return report.conclude(totals);
  } catch (error) {
    const { signal } = options;
    const isCancelled = signal?.aborted === true;
    peer.abort(error);
    ahead?.drop(error);
    events.receiver.close();
    const ends = await Promise.allSettled([read, written, reported]);
    if (isCancelled) {
      throw new CancelledError("ERR_CANCELLED", "the copy was cancelled", { cause: error });
    }
    const errors = [error, ...ends.flatMap((end) => ("reason" in end ? [end.reason] : []))];
    throw firstCause(errors, from);
  } finally {
    ahead?.drop(undefined);
  }
}

/** The name of this machine as an end. */
const HERE = "";

/** @returns how an end opens paths that a user gives, and how its own paths are shown */
function sideOf({ name, folder }: CopyEnd, given: readonly string[]) {
  const whole = (path: string): string =>
    folder === undefined || path.startsWith("/") ? path : `${folder}/${path}`;
  const opened = given.filter((path) => whole(path) !== path).map(whole);
  const isIn = (path: string, one: string): boolean =>
    path === one || path.startsWith(one.endsWith("/") ? one : `${one}/`);
  const shown = (path: string): string =>
    opened.some((one) => isIn(path, one)) ? path.slice(`${folder}/`.length) : path;
  return { name, whole, shown };
}

/** What each end is asked for. This process expands nothing: its shell has done that. */
function endOptions(from: CopyEnd, paths: readonly string[], to: CopyEnd, options: CopySettings) {
  const { checksum = false, resume = false, recursive = false, exact = false } = options;
  const { expand = false, into = false } = options;
  const hasProgress = options.onProgress !== undefined;
  const names = exact ? ["."] : paths.map((path) => toWire(nameOf(bytesOf(path))));
  return {
    reading: {
      recursive,
      expand: expand && from.name !== HERE,
      total: hasProgress,
      checksum: checksum || resume,
      // Without it, the first files would wait for a round trip.
      ...(to.name === HERE && { credit: WIDE_CREDIT }),
    },
    writing: {
      recursive,
      into,
      resume,
      exact,
      names,
      expand: expand && to.name !== HERE,
      progress: hasProgress,
      ...(from.name === HERE && to.name !== HERE && { credit: WIDE_CREDIT }),
    },
  };
}

/** The error that started the end of a copy. The ends tell each other, and an echo knows less. */
function firstCause(errors: readonly unknown[], from: CopyEnd): unknown {
  const data = errors.find((error) => error instanceof DataError);
  if (data !== undefined) return data.cause;
  const isEcho = (error: unknown) =>
    [CallError, ChannelError, CancelledError].some((kind) => error instanceof kind);
  const ours = errors.filter((error) => error instanceof EcontextError);
  const [first] = [...ours.filter((error) => !isEcho(error)), ...ours];
  if (first !== undefined) return first;
  const [error] = errors as [Error];
  const { message } = error;
  return new ProtocolError("ERR_PROTOCOL_VALUE", `${from.name}: ${message}`, { cause: error });
}

/**
 * Yields the bytes of a context's file, or of all files that a pattern matches, as they arrive.
 *
 * @throws {FilesError} `ERR_FILES_COPY`, behind the bytes of the files that can be read
 */
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
    // The call's own error says more than that of the channel.
    await sent;
    throw error;
  }
  const failures = failuresOf(context, await sent);
  if (failures.length === 0) return;
  throw new FilesError(failures.slice(0, MAX_FAILURES), failures.length);
}

/** @param failed what `fetch` gives: each path that cannot be read, and why */
function failuresOf(context: string, failed: unknown): CopyFailure[] {
  try {
    return (failed as [unknown, unknown][]).map(([path, problem]) => ({
      context,
      path: neutralise(display(fromWire(path))),
      problem: neutralise(String(problem)),
    }));
  } catch (cause) {
    const problem = `${context}: malformed answer: expected [[path, problem], …]`;
    throw new ProtocolError("ERR_PROTOCOL_VALUE", problem, { cause });
  }
}

function pathOnWire(path: string): WirePath {
  return toWire(bytesOf(path));
}

/** A text as one character for each byte of its UTF-8. */
function bytesOf(path: string): string {
  return Buffer.from(path, "utf8").toString("latin1");
}
