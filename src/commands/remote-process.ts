/**
 * RemoteProcess: a command of a context as an object of this process: its standard streams as web
 * streams, how it ended, and signals to it. The slave runs the command; this file knows channels,
 * and the context only by how it calls.
 *
 * Twins: stage1/python/tier2/commands.py, stage1/javascript/tier2/commands.js. Spec:
 * docs/protocol.md, "Commands".
 */
import type { TierCall } from "../calls/tier-call.ts";
import { Channel, type Receiver, Sender } from "../channels/channel.ts";
import { HandleOf } from "../channels/sender-table.ts";
import { BootstrapError, ProtocolError, UsageError } from "../errors.ts";
import type { Chunk } from "../io/splice-pipe.ts";
import { calledFrom } from "../traces/error-stack.ts";
import { forward, type Input, type InputQueue, queueOf } from "./feed.ts";
import { CommandOutput } from "./output.ts";

/** A terminal for a command. */
export interface Terminal {
  /** The value of `TERM`; default `xterm-256color`. */
  readonly term?: string;
  readonly columns: number;
  readonly rows: number;
  /**
   * Control characters and flags, by the numbers of RFC 4254, section 8: `[3, 8]` makes ctrl-H
   * erase. Default: those of a new terminal.
   */
  readonly modes?: readonly (readonly [number: number, value: number])[];
}

/** Options of one command. */
export interface ExecOptions {
  /** What the command reads. Default: nothing. `pipe`: what is written to the process's `stdin`. */
  readonly stdin?: Input | "pipe";
  /** @internal Bytes that the command reads before `stdin`. They travel with the call. */
  readonly head?: Uint8Array | undefined;
  /**
   * `pipe` (the default): the process's `stdout` gives the output, and a slow reader slows the
   * command. `log`: each line becomes a log record.
   */
  readonly stdout?: "pipe" | "log";
  readonly stderr?: "pipe" | "log";
  /** @internal What the command leaves in the background is ended, as by the context's end. */
  readonly sweep?: boolean | undefined;
  /** @internal No call follows this command: the context ends with it. */
  readonly isLast?: boolean | undefined;
  /** The working directory; default: the context's. */
  readonly cwd?: string;
  /** Variables to add to the context's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Run the command on a terminal: `stdin` is typed, `stdout` is what is shown, `stderr` is empty.
   */
  readonly tty?: Terminal;
  /** Milliseconds from now until the command is killed. */
  readonly deadline?: number;
  /** Kills the command when it is aborted. */
  readonly signal?: AbortSignal;
}

/** The most bytes of input that go with a call. */
const MAX_HEAD = 65_536;

/** How a command ended. */
export interface ExecResult {
  /**
   * As in a shell: 128 plus the number of the signal that ended it, 127 not found, 126 not
   * executable.
   */
  readonly status: number;
  /** The name of the signal that ended it, such as `SIGTERM`. */
  readonly signal?: string;
  /** Why it could not be started. */
  readonly problem?: string;
}

/** What a running command is told. */
type Order = readonly ["signal", name: string] | readonly ["resize", columns: number, rows: number];

/** A command in a context. Made by `Context.exec`. */
export class RemoteProcess {
  /**
   * With the option `stdin: "pipe"`: what the command reads. Without it, a write fails:
   * `ERR_USAGE_COMMAND`.
   */
  readonly stdin: WritableStream<Uint8Array | string>;
  readonly #stdout: CommandOutput;
  readonly #stderr: CommandOutput;
  readonly #exited: Promise<ExecResult>;
  /** Whether the program has asked for what would tell it of a failure. */
  #isWatched = false;
  #result: ExecResult | undefined;
  #pid: number | undefined;
  /** Orders that wait for the command to start. */
  #orders: Order[] = [];
  #control: Sender<Order> | undefined;
  /** Called when the slave has told what became of a signal; the oldest first. */
  #unconfirmed: ((isDelivered: boolean) => void)[] = [];

  /** @internal @param otherwise finds another slave, for a command that the first cannot run */
  constructor(
    name: string,
    argv: readonly string[],
    options: ExecOptions,
    call: TierCall,
    otherwise: () => Promise<TierCall | undefined> = async () => undefined,
  ) {
    checkCommand(name, argv, options);
    const { tty, deadline, signal, isLast } = options;
    const { stdin, head } = withHead(options);
    const site = new Error();
    const events = new Channel<unknown>();
    const out = pipe(options.stdout);
    const err = tty === undefined ? pipe(options.stderr) : undefined;
    // Why the call failed says more than what its streams were closed with.
    const explain = (error: unknown): Promise<unknown> =>
      this.#exited.then(
        () => error,
        (reason) => reason,
      );
    this.#stdout = new CommandOutput(out?.receiver, explain);
    this.#stderr = new CommandOutput(err?.receiver, explain);
    const written = stdin === "pipe" ? new Channel<Chunk | string>() : undefined;
    this.stdin = written === undefined ? refusing(name) : writable(written.sender);
    const input = stdin === undefined || stdin === "pipe" ? written?.receiver : queueOf(stdin);
    void this.#follow(events.receiver, input);
    const request = requestOf({ ...options, head }, input, out?.sender, err?.sender, events.sender);
    const limits = { deadline, signal, isLast, cancelsItself: true };
    const run = async (by: TierCall) =>
      readResult(name, await by(limits, "econtext.commands:run", [...argv], request));
    this.#exited = run(call)
      .then((ending) => (ending.lacks ? elsewhere(ending, otherwise, run) : ending))
      .then(({ lacks, ...result }) => {
        this.#result = result;
        if (lacks) for (const channel of [events, out, err]) channel?.sender.close();
        return result;
      })
      .catch((reason) => {
        const error = calledFrom(reason, site);
        // The slave takes the end of `events` for the end of the call. It must not be told first
        // that its output has no reader.
        for (const channel of [events, out, err]) channel?.sender.close(error);
        input?.close(error);
        throw error;
      });
    // A program need not wait for it. But if the command never ran, it does not end in silence.
    this.#exited.catch((error) => {
      if (error instanceof BootstrapError && !this.#isWatched) throw error;
    });
  }

  get stdout(): CommandOutput {
    this.#isWatched = true;
    return this.#stdout;
  }

  get stderr(): CommandOutput {
    this.#isWatched = true;
    return this.#stderr;
  }

  /**
   * How the command ended. Resolves when all that it printed has arrived; rejects as `callWith`
   * does. A program may do without it; but if the context cannot be opened, and the program has
   * looked at neither this nor the output, that is an unhandled rejection.
   */
  get exited(): Promise<ExecResult> {
    this.#isWatched = true;
    return this.#exited;
  }

  /** The process id on the remote machine; undefined before the command has started. */
  get pid(): number | undefined {
    return this.#pid;
  }

  /** Undefined before the command has ended, and if it never began. */
  get exitCode(): number | undefined {
    return this.#result?.status;
  }

  /** The name of the signal that ended it. */
  get signal(): string | undefined {
    return this.#result?.signal;
  }

  /** Sends a signal. Without effect if the command has ended. */
  kill(signal = "SIGTERM"): void {
    void this.deliver(signal);
  }

  /**
   * As `kill`. Resolves when the slave has told what became of it, or when the command's end is
   * known.
   *
   * @returns false if it came too late: the command had ended, and its output still comes, or
   *   something that it has started holds that open. True also where the end comes in its place
   */
  async deliver(signal: string): Promise<boolean> {
    if (this.#result !== undefined) return false;
    const told = new Promise<boolean>((resolve) => this.#unconfirmed.push(resolve));
    this.#order(["signal", signal]);
    const ended = this.#exited.then(
      () => true,
      () => true,
    );
    return Promise.race([told, ended]);
  }

  /** Tells the command's terminal its new size. */
  resize(columns: number, rows: number): void {
    this.#order(["resize", columns, rows]);
  }

  /** For `console.log` and the prompt. To await the object itself would wait for nothing. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    const { signal, status } = this.#result ?? {};
    const state = signal ?? (status === undefined ? "runs" : `status ${status}`);
    return `RemoteProcess (${state}; await its .exited or .stdout.text())`;
  }

  #order(order: Order): void {
    if (this.#control === undefined) this.#orders.push(order);
    else this.#control.send(order).catch(() => {});
  }

  /**
   * Hears that the command has started, what became of signals, and its end. Never rejects.
   */
  async #follow(events: Receiver<unknown>, input: InputQueue | undefined): Promise<void> {
    try {
      for await (const event of events) {
        if (this.#control === undefined) this.#start(readStart(event), input);
        else this.#unconfirmed.shift()?.(isDelivered(event));
      }
    } catch {
      // `exited` says why.
    } finally {
      this.#control?.close();
      input?.close();
    }
  }

  #start({ pid, stdin, control }: Start, input: InputQueue | undefined): void {
    this.#pid = pid;
    this.#control = control ?? undefined;
    if (control === null) return;
    for (const order of this.#orders.splice(0)) this.#order(order);
    if (stdin !== null && input !== undefined) void forward(input, stdin);
  }
}

/** @throws {UsageError} `ERR_USAGE_COMMAND` */
function checkCommand(name: string, argv: readonly string[], options: ExecOptions): void {
  if (argv.length === 0 || argv[0] === "") {
    throw new UsageError(
      "ERR_USAGE_COMMAND",
      `${name}: no command to run\n  try: a program and its arguments`,
    );
  }
  if (options.tty !== undefined && options.stdout === "log") {
    const problem = `${name}: what a terminal shows cannot be logged`;
    throw new UsageError("ERR_USAGE_COMMAND", problem);
  }
}

/**
 * An input that is short and known goes with the call: the command need not wait for a round trip.
 */
function withHead({ stdin, head, tty }: ExecOptions): Pick<ExecOptions, "stdin" | "head"> {
  const isText = typeof stdin === "string" && stdin !== "pipe";
  const bytes = isText ? new TextEncoder().encode(stdin) : stdin;
  const isShort = bytes instanceof Uint8Array && bytes.length <= MAX_HEAD;
  if (isShort && head === undefined && tty === undefined) return { head: bytes };
  return stdin === undefined ? { head } : { stdin, head };
}

function pipe(mode: "pipe" | "log" = "pipe"): Channel<Uint8Array> | undefined {
  return mode === "pipe" ? new Channel<Uint8Array>() : undefined;
}

/** The second argument of the slave's `econtext.commands:run`. */
function requestOf(
  { cwd, env, tty, head, sweep, isLast }: ExecOptions,
  input: InputQueue | undefined,
  stdout: Sender<Uint8Array> | undefined,
  stderr: Sender<Uint8Array> | undefined,
  events: Sender,
) {
  return {
    stdin: input !== undefined,
    head: head ?? null,
    stdout: stdout === undefined ? null : new HandleOf(stdout),
    stderr: stderr === undefined ? null : new HandleOf(stderr),
    cwd: cwd ?? null,
    env: env ?? null,
    tty: tty === undefined ? null : { term: "xterm-256color", ...tty },
    events: new HandleOf(events),
    ...(sweep === true ? { sweep } : {}),
    ...(isLast === true ? { last: true } : {}),
  };
}

/** The first event of a command. */
interface Start {
  readonly pid: number;
  readonly stdin: Sender<Chunk> | null;
  /** Null: the command has ended. */
  readonly control: Sender<Order> | null;
}

/** @returns whether a signal has come for the command: else it had ended */
function isDelivered(event: unknown): boolean {
  return !(Array.isArray(event) && event[0] === "ended");
}

/** The slave is not trusted. @throws {ProtocolError} `ERR_PROTOCOL_VALUE` */
function readStart(event: unknown): Start {
  const [pid, stdin, control] = Array.isArray(event) ? (event as unknown[]) : [];
  const isInput = stdin === null || stdin instanceof Sender;
  const isControl = control === null || control instanceof Sender;
  if (typeof pid === "number" && isInput && isControl) {
    return { pid, stdin, control };
  }
  throw new ProtocolError(
    "ERR_PROTOCOL_VALUE",
    "malformed start of a command: expected [pid, stdin, control]",
  );
}

function writable(to: Sender<Chunk | string>): WritableStream<Uint8Array | string> {
  return new WritableStream({
    write: (chunk) => to.send(chunk),
    close: () => to.close(),
    abort: (reason) => to.close(reason),
  });
}

/** The `stdin` of a command without `stdin: "pipe"`. */
function refusing(name: string): WritableStream<Uint8Array | string> {
  const problem = `${name}: to write to a command's stdin takes \`stdin: "pipe"\``;
  return new WritableStream({
    start: (controller) => controller.error(new UsageError("ERR_USAGE_COMMAND", problem)),
  });
}

/** How a command ended; with `lacks`, its slave cannot run it, and left its senders open. */
interface CommandEnding extends ExecResult {
  readonly lacks: boolean;
}

/**
 * Has another slave run what the first cannot.
 *
 * @returns how the command ended; what all the slaves lack, if none can run it
 */
async function elsewhere(
  first: CommandEnding,
  find: () => Promise<TierCall | undefined>,
  run: (by: TierCall) => Promise<CommandEnding>,
): Promise<CommandEnding> {
  const both = (problem = ""): CommandEnding => ({
    ...first,
    problem: `${first.problem}; ${problem}`,
  });
  let other: TierCall | undefined;
  try {
    other = await find();
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof BootstrapError)) throw error;
    const { message } = error.cause instanceof BootstrapError ? error.cause : error;
    return both(message.split("\n", 1)[0]?.replace(/^.*?: /, ""));
  }
  if (other === undefined) return first;
  const second = await run(other);
  return second.lacks ? both(second.problem) : second;
}

function readResult(name: string, value: unknown): CommandEnding {
  const result = value as (Partial<ExecResult> & { readonly lacks?: unknown }) | null;
  if (typeof result?.status !== "number") {
    throw new ProtocolError(
      "ERR_PROTOCOL_VALUE",
      `${name}: malformed result of a command: expected its status`,
    );
  }
  return {
    status: result.status,
    lacks: result.lacks === "tty",
    ...(typeof result.signal === "string" ? { signal: result.signal } : {}),
    ...(typeof result.problem === "string" ? { problem: result.problem } : {}),
  };
}
