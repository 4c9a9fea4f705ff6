/**
 * A command of a context, as a process here: its standard streams as web streams, how it ended, and signals to it. Knows channels, and its
 * context only by how it calls; running it is the far side's business.
 *
 * Twins: stage1/python/commands.py, stage1/js/commands.js. Spec: docs/protocol.md, "Commands".
 */

import type { TierCall } from "../calls/tier-call.ts";
import { Channel, Receiver, Sender } from "../channels/channel.ts";
import { ProtocolError, UsageError } from "../errors.ts";
import { type Chunk, PipedBytes } from "../io/splice-pipe.ts";
import { calledFrom } from "../traces/error-stack.ts";
import { Output } from "./output.ts";

/** What a command reads: bytes, text, or what gives these. `pipe`: what is written to `stdin`. */
export type Input =
  | Uint8Array
  | string
  | ReadableStream<Uint8Array | string>
  | AsyncIterable<Uint8Array | string>;

/** As our own command line gives it: part of it may wait in a pipe. */
type ChunkInput = AsyncIterable<Chunk>;

export interface Terminal {
  /** What `TERM` says; default `xterm-256color`. */
  readonly term?: string;
  readonly columns: number;
  readonly rows: number;
  /** Its characters and flags, by the numbers of RFC 4254, section 8: `[3, 8]` makes ctrl-H erase. Default: those of a new terminal. */
  readonly modes?: readonly (readonly [number: number, value: number])[];
}

export interface ExecOptions {
  /** Default: empty. */
  readonly stdin?: Input | "pipe";
  /** `pipe` (the default): it is read from `stdout` here, and what is not read slows the command. `log`: it becomes log records. */
  readonly stdout?: "pipe" | "log";
  readonly stderr?: "pipe" | "log";
  /** Its working directory; default: the context's. */
  readonly cwd?: string;
  /** Added to the context's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Run it on a terminal: `stdin` is what is typed, `stdout` what is shown, and `stderr` empty. */
  readonly tty?: Terminal;
  /** Milliseconds from now until it is killed over there. */
  readonly deadline?: number;
  /** Kills it over there. */
  readonly signal?: AbortSignal;
}

/** How a command ended. */
export interface ExecResult {
  /** As a shell says it: 128 plus the signal's number when a signal ended it, 127 not found, 126 not executable. */
  readonly status: number;
  /** The signal's name, such as `SIGTERM`. */
  readonly signal?: string;
  /** Why it could not be started. */
  readonly problem?: string;
}

/** With its header it fits into one frame. */
const MAX_CHUNK = 131072;
/** From here on, to join it with others costs more than a message of its own. */
const LARGE = 32768;

/** What a command is told while it runs: `["signal", NAME]`, `["resize", COLUMNS, ROWS]`. */
type Order = readonly ["signal", string] | readonly ["resize", number, number];

export class RemoteProcess {
  /** With `stdin: "pipe"`: what it reads. Else nobody can write to it: `ERR_USAGE_COMMAND`. */
  readonly stdin: WritableStream<Uint8Array | string>;
  readonly stdout: Output;
  readonly stderr: Output;
  /** How it ended, when all that it printed has arrived here. Rejects as `callWith` does. */
  readonly exited: Promise<ExecResult>;
  #result: ExecResult | undefined;
  #pid: number | undefined;
  #orders: Order[] = [];
  #control: Sender<Order> | undefined;
  /** Of signals that it may not have got yet, the oldest first. */
  #unconfirmed: (() => void)[] = [];

  /** Made by `Context.exec`. */
  constructor(name: string, argv: readonly string[], options: ExecOptions, call: TierCall) {
    if (argv.length === 0 || argv[0] === "") {
      throw new UsageError("ERR_USAGE_COMMAND", `${name}: no command to run`);
    }
    const { stdin, cwd, env, tty, deadline, signal } = options;
    if (tty !== undefined && options.stdout === "log") {
      const problem = `${name}: what a terminal shows cannot be logged`;
      throw new UsageError("ERR_USAGE_COMMAND", problem);
    }
    const site = new Error();
    const events = new Channel<unknown>();
    const [out, err] = [pipe(options.stdout), tty ? undefined : pipe(options.stderr)];
    // Why the call failed is known when it has: that says more than what its streams were told.
    const explain = (error: unknown): Promise<unknown> =>
      this.exited.then(
        () => error,
        (reason) => reason,
      );
    this.stdout = new Output(out?.receiver, explain);
    this.stderr = new Output(err?.receiver, explain);
    const input = new Channel<Chunk>();
    this.stdin = stdin === "pipe" ? writable(input.sender) : refusing(name);
    if (stdin === undefined) input.sender.close();
    else if (stdin !== "pipe") void feed(input, stdin);
    const request = {
      stdin: stdin !== undefined,
      stdout: out?.sender ?? null,
      stderr: err?.sender ?? null,
      cwd: cwd ?? null,
      env: env ?? null,
      tty: tty === undefined ? null : { term: "xterm-256color", ...tty },
      events: events.sender,
    };
    void this.#follow(events.receiver, input.receiver);
    const limits = { deadline, signal };
    const result = call(limits, "econtext.commands:run", [...argv], request);
    this.exited = result
      .then((value) => {
        this.#result = readResult(name, value);
        return this.#result;
      })
      .catch((reason) => {
        const error = calledFrom(reason, site);
        // The far side takes the end of `events` for that of the call; it must not hear first that nobody reads.
        for (const one of [events, out, err, input]) one?.receiver.end({ error });
        input.receiver.close(error);
        throw error;
      });
    // Nobody has to wait for it.
    this.exited.catch(() => {});
  }

  /** Over there; undefined until it has started. */
  get pid(): number | undefined {
    return this.#pid;
  }

  /** Undefined until it has ended, and when it never began. */
  get exitCode(): number | undefined {
    return this.#result?.status;
  }

  /** The name of the signal that ended it. */
  get signal(): string | undefined {
    return this.#result?.signal;
  }

  /** Send it a signal. Without effect when it has ended. */
  kill(signal = "SIGTERM"): void {
    void this.deliver(signal);
  }

  /** As `kill`. Resolves when the far side has passed it on, or the command has ended. */
  async deliver(signal: string): Promise<void> {
    const passedOn = new Promise<void>((resolve) => this.#unconfirmed.push(resolve));
    this.#order(["signal", signal]);
    await Promise.race([passedOn, this.exited.catch(() => {})]);
  }

  /** Its terminal has another size now. */
  resize(columns: number, rows: number): void {
    this.#order(["resize", columns, rows]);
  }

  #order(order: Order): void {
    if (this.#control === undefined) this.#orders.push(order);
    else this.#control.send(order).catch(() => {});
  }

  /** It has started: what waits for that goes there. Never rejects. */
  async #follow(events: Receiver<unknown>, input: Receiver<Chunk>): Promise<void> {
    try {
      for await (const event of events) {
        if (this.#control !== undefined) {
          this.#unconfirmed.shift()?.();
          continue;
        }
        const { pid, stdin, control } = readStart(event);
        this.#pid = pid;
        this.#control = control;
        for (const order of this.#orders.splice(0)) this.#order(order);
        if (stdin !== null) void forward(input, stdin);
      }
    } catch {
      // `exited` says why.
    } finally {
      // It has ended: nobody reads any more.
      this.#control?.close();
      input.close();
    }
  }
}

interface Start {
  readonly pid: number;
  readonly stdin: Sender<Chunk> | null;
  readonly control: Sender<Order>;
}

/** The far side is not trusted. @throws {ProtocolError} */
function readStart(event: unknown): Start {
  const [pid, stdin, control] = Array.isArray(event) ? (event as unknown[]) : [];
  const isInput = stdin === null || stdin instanceof Sender;
  if (typeof pid === "number" && isInput && control instanceof Sender) {
    return { pid, stdin, control };
  }
  throw new ProtocolError(
    "ERR_PROTOCOL_VALUE",
    "malformed start of a command: expected [pid, stdin, control]",
  );
}

function pipe(mode: "pipe" | "log" = "pipe"): Channel<Uint8Array> | undefined {
  return mode === "pipe" ? new Channel<Uint8Array>() : undefined;
}

/** Never rejects: a command need not read what it is given. */
async function forward(from: Receiver<Chunk>, to: Sender<Chunk>): Promise<void> {
  try {
    for await (const chunk of joined(from)) {
      if (chunk instanceof PipedBytes) {
        await to.send(chunk);
        continue;
      }
      for (let at = 0; at === 0 || at < chunk.length; at += MAX_CHUNK) {
        await to.send(chunk.subarray(at, at + MAX_CHUNK));
      }
    }
    to.close();
  } catch (error) {
    to.close(error);
  }
}

/** Small chunks that wait, made one: a pipe is read by the crumb, and each message costs as much as a large one. */
async function* joined(from: Receiver<Chunk>): AsyncGenerator<Chunk, void> {
  let small: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of from) {
    if (!(chunk instanceof PipedBytes)) {
      small.push(chunk);
      size += chunk.length;
      if (size < LARGE && from.waiting > 0) continue;
    }
    if (small.length > 0)
      yield small.length === 1 ? (small[0] as Uint8Array) : Buffer.concat(small);
    small = [];
    size = 0;
    if (chunk instanceof PipedBytes) yield chunk;
  }
}

/**
 * All that it is given, as long as somebody reads: the input is let go of when the command has ended, whatever it has still to give. Never
 * rejects: what fails to be read is the end of what is written.
 */
async function feed(
  { sender, receiver }: Channel<Chunk>,
  input: Input | ChunkInput,
): Promise<void> {
  try {
    const source = sourceOf(input);
    receiver.onStop(() => void source.release().catch(() => {}));
    while (!sender.closed) {
      const { done, value } = await source.next();
      if (done === true) break;
      await sender.send(bytesOf(value));
    }
    sender.close();
  } catch (error) {
    sender.close(error);
  }
}

/** What an input is read by. */
interface Source {
  next(): Promise<IteratorResult<Chunk | string, unknown>>;
  /** It is not read any more, even if a `next` is under way. */
  release(): Promise<unknown>;
}

function sourceOf(input: Input | ChunkInput): Source {
  if (input instanceof ReadableStream) {
    const reader = (input as ReadableStream<Uint8Array | string>).getReader();
    const next = async () => (await reader.read()) as IteratorResult<Uint8Array | string>;
    return { next, release: () => reader.cancel() };
  }
  const isWhole = typeof input === "string" || input instanceof Uint8Array;
  const iterator = (isWhole ? once(input) : input)[Symbol.asyncIterator]();
  return {
    next: () => iterator.next(),
    release: async () => {
      // Its iterator would first wait for one more.
      if (input instanceof Receiver) input.close();
      await iterator.return?.();
    },
  };
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}

function writable(to: Sender<Chunk>): WritableStream<Uint8Array | string> {
  return new WritableStream({
    write: (chunk) => to.send(bytesOf(chunk)),
    close: () => to.close(),
    abort: (reason) => to.close(reason),
  });
}

/** What nobody can write to. */
function refusing(name: string): WritableStream<Uint8Array | string> {
  const problem = `${name}: this command's stdin cannot be written to: that takes \`stdin: "pipe"\``;
  return new WritableStream({
    start: (controller) => controller.error(new UsageError("ERR_USAGE_COMMAND", problem)),
  });
}

function bytesOf(chunk: Chunk | string): Chunk {
  return typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
}

function readResult(name: string, value: unknown): ExecResult {
  const result = value as Partial<ExecResult> | null;
  if (typeof result?.status !== "number") {
    throw new ProtocolError(
      "ERR_PROTOCOL_VALUE",
      `${name}: malformed result of a command: expected its status`,
    );
  }
  return {
    status: result.status,
    ...(typeof result.signal === "string" ? { signal: result.signal } : {}),
    ...(typeof result.problem === "string" ? { problem: result.problem } : {}),
  };
}
