/**
 * Exec: a command over there, without a shell, whose output arrives here as the bytes that it is. Knows the protocol, no process:
 * running it is the far side's business. A slow listener slows the command.
 *
 * Twins: stage1/python/commands.py, stage1/js/commands.js. Each handle receives byte chunks in order, then null.
 */
import {
  CancelledError,
  type EcontextError,
  ProtocolError,
  TimeoutError,
  UsageError,
} from "./errors.ts";
import type { Message } from "./protocol/frame.ts";
import { decodeValue } from "./protocol/value.ts";
import type { Router } from "./router.ts";

export type Listener = (chunk: Uint8Array) => void | Promise<void>;

export interface ExecOptions {
  /** Hears what the command prints, in order; while its promise is pending, the command is slowed. Absent: log records. */
  readonly stdout?: Listener;
  readonly stderr?: Listener;
  /** Its working directory; default: the context's. */
  readonly cwd?: string;
  /** Added to the context's environment. */
  readonly env?: Readonly<Record<string, string>>;
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

/** What is needed of a context. */
export interface ExecHost {
  readonly id: number;
  readonly name: string;
  readonly router: Router;
  pause(): void;
  resume(): void;
  /** @param tier2 sent along, so that it costs no round trip of its own */
  call(
    options: { readonly deadline?: number; readonly signal: AbortSignal },
    tier2: readonly string[],
    name: string,
    ...args: unknown[]
  ): Promise<unknown>;
}

/** What may wait for a slow listener before the stream is no longer read. */
const MAX_WAITING_BYTES = 1 << 20;

/** @throws what `Context.callWith` throws; what a listener throws, which kills the command */
export async function execCommand(
  host: ExecHost,
  argv: readonly string[],
  options: ExecOptions,
): Promise<ExecResult> {
  if (argv.length === 0 || argv[0] === "") {
    throw new UsageError("ERR_USAGE_COMMAND", `${host.name}: no command to run`);
  }
  const broken = new AbortController();
  const { deadline, signal, cwd = null, env = null } = options;
  const signals = signal === undefined ? [broken.signal] : [broken.signal, signal];
  const limits = {
    signal: AbortSignal.any(signals),
    ...(deadline === undefined ? {} : { deadline }),
  };
  const sinks = [options.stdout, options.stderr].map((listener) =>
    listener === undefined ? undefined : new Sink(host, listener, broken),
  );
  const handles = sinks.map((sink) => sink?.handle ?? 0);
  try {
    const result = await host.call(
      limits,
      ["commands"],
      "econtext.commands:run",
      [...argv],
      ...handles,
      cwd,
      env,
    );
    await Promise.all(sinks.map((sink) => sink?.drained()));
    broken.signal.throwIfAborted();
    return readResult(host.name, result);
  } catch (error) {
    // Of a command that is being killed, output may be under way: its handles stay until it has ended.
    const lingers = error instanceof TimeoutError || error instanceof CancelledError;
    if (!lingers) for (const handle of handles) host.router.forget(host.id, handle);
    throw broken.signal.aborted ? broken.signal.reason : error;
  } finally {
    for (const sink of sinks) sink?.discard();
  }
}

function readResult(name: string, value: unknown): ExecResult {
  const result = value as Partial<ExecResult> | null;
  if (typeof result?.status !== "number") {
    throw new ProtocolError("ERR_PROTOCOL_VALUE", `${name}: the ending of a command that is none`);
  }
  return {
    status: result.status,
    ...(typeof result.signal === "string" ? { signal: result.signal } : {}),
    ...(typeof result.problem === "string" ? { problem: result.problem } : {}),
  };
}

/** One handle that receives output, and its listener: one chunk at a time, in order. */
class Sink {
  readonly handle: number;
  readonly #host: ExecHost;
  readonly #listener: Listener;
  readonly #broken: AbortController;
  #last: Promise<void> = Promise.resolve();
  #waitingBytes = 0;
  #paused = false;
  #open = true;

  constructor(host: ExecHost, listener: Listener, broken: AbortController) {
    this.#host = host;
    this.#listener = listener;
    this.#broken = broken;
    this.handle = host.router.expect(host.id, {
      receive: (message) => this.#receive(message),
      dead: (_: EcontextError) => {},
    });
  }

  /** Resolves when the listener has taken all that came. */
  drained(): Promise<void> {
    return this.#last;
  }

  /** The listener hears no more. */
  discard(): void {
    this.#open = false;
    this.#flow();
  }

  #receive(message: Message): void {
    const chunk = decodeValue(message.body);
    if (chunk === null) {
      this.#host.router.forget(this.#host.id, this.handle);
      return;
    }
    if (!(chunk instanceof Uint8Array)) {
      throw new ProtocolError("ERR_PROTOCOL_VALUE", "output of a command that is not bytes");
    }
    if (!this.#open) return;
    this.#waitingBytes += chunk.length;
    this.#last = this.#hand(this.#last, chunk);
    this.#flow();
  }

  /** Never rejects. */
  async #hand(before: Promise<void>, chunk: Uint8Array): Promise<void> {
    await before;
    try {
      if (this.#open) await this.#listener(chunk);
    } catch (error) {
      this.#open = false;
      this.#broken.abort(error);
    }
    this.#waitingBytes -= chunk.length;
    this.#flow();
  }

  #flow(): void {
    const full = this.#open && this.#waitingBytes > MAX_WAITING_BYTES;
    if (full === this.#paused) return;
    this.#paused = full;
    if (full) this.#host.pause();
    else this.#host.resume();
  }
}
