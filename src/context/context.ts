/**
 * Context: one execution context as its user sees it. Calls are pipelined: each has a handle that its reply comes to. Knows the router
 * and the protocol, no process and no transport; what it needs of those is its `Session`.
 */
import { runExitHandlers } from "../calls/at-exit.ts";
import {
  CALL_ROOT,
  type Callable,
  type Callee,
  type CallLimits,
  type CallOptions,
  callPayload,
  checkMilliseconds,
  eitherSignal,
  type ParametersAfterContext,
  type Result,
  readCallee,
} from "../calls/callee.ts";
import { type CallHost, PendingCall } from "../calls/pending-call.ts";
import { ping } from "../calls/ping.ts";
import { type CallTier, iterable, RemoteGenerator } from "../calls/remote-generator.ts";
import { SenderTable } from "../channels/sender-table.ts";
import { type ExecOptions, type Input, RemoteProcess } from "../commands/remote-process.ts";
import { type Shell, ShellCommand, scriptOf } from "../commands/shell-command.ts";
import { DisconnectError, type EcontextError, UsageError } from "../errors.ts";
import {
  type CopyOptions,
  copy,
  type End,
  endOf,
  endOfBytes,
  HERE,
  type ReadFileOptions,
  readBytes,
  type WriteFileOptions,
} from "../files/copy.ts";
import type { CopyResult } from "../files/report.ts";
import type { AnyFunction } from "../functions/registry.ts";
import { checkLanguage } from "../interpreters/kind.ts";
import type { Router } from "../mux/router.ts";
import { FLAGS } from "../protocol/frame.ts";
import { HANDLES } from "../protocol/handles.ts";
import { LIMITS } from "../protocol/limits.ts";
import { encodeValue } from "../protocol/value.ts";
import { type CallSite, callSite } from "../traces/call-site.ts";
import { located, locatedEach } from "../traces/error-stack.ts";
import type { Session, SlaveInfo } from "./session.ts";

export interface ContextSettings {
  readonly id: number;
  readonly name: string;
  /** Milliseconds that a cancelled call has to end, and a closed context to drain. */
  readonly graceMs: number;
  /** Cancels every call. */
  readonly signal?: AbortSignal | undefined;
}

export class Context implements AsyncDisposable {
  readonly id: number;
  readonly name: string;
  readonly #graceMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #router: Router;
  readonly #session: Session;
  readonly #host: CallHost;
  readonly #senders: SenderTable;
  /** One and the same for both sides of a copy within this context. */
  readonly #end: End;
  /** Calls that wait for room in the queue keep their order behind this. */
  #turn: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  /** Called when no caller waits any more. */
  #onIdle = (): void => {};
  /** Calls whose callers wait. */
  #awaited = 0;

  /** Contexts are made by `Broker.connect`. */
  constructor(settings: ContextSettings, router: Router, session: Session) {
    this.id = settings.id;
    this.name = settings.name;
    this.#graceMs = settings.graceMs;
    this.#signal = settings.signal;
    this.#router = router;
    this.#session = session;
    const shared = {
      id: this.id,
      name: this.name,
      router,
      mapStack: (text: string) => session.mapStack(text),
    };
    this.#senders = new SenderTable({
      ...shared,
      generator: (number) =>
        new RemoteGenerator(number, (limits, name, ...values) => this.#call(limits, name, values)),
    });
    this.#host = {
      ...shared,
      graceMs: this.#graceMs,
      decode: (body) => this.#senders.decode(body),
      hung: (call) => this.#hung(call),
      settled: () => {
        this.#awaited--;
        if (this.#awaited === 0) this.#onIdle();
      },
    };
    this.#end = endOf(this.name, this.#files);
  }

  /** Whether the slave has answered. */
  get connected(): boolean {
    return this.#session.isReady();
  }

  /**
   * Wait until the slave answers. Nobody has to: calls may be made at once.
   *
   * @throws {BootstrapError} `ERR_BOOTSTRAP_…`, `ERR_TRANSPORT_…`
   */
  ready(): Promise<SlaveInfo> {
    this.#session.start("any");
    return located(this.#session.ready, new Error());
  }

  /**
   * Call a function over there: one of the program's own, `context.call(install, "1.4")`, or a name: `context.call("os.getpid")`,
   * `context.call("pkg.mod:Class.method", 1, kwargs({ b: 2 }))`.
   *
   * @throws {UsageError} `ERR_USAGE_CLOSURE`, `ERR_USAGE_FUNCTION`, `ERR_USAGE_LANGUAGE`: it cannot be called there; nothing was sent
   * @throws {CallError} it failed there
   * @throws {ValueError} an argument cannot be sent
   * @throws {BootstrapError | DisconnectError | ProtocolError} there is no context, or not any more
   */
  call<F extends AnyFunction>(fn: F, ...args: Parameters<F>): Result<F>;
  call(name: string, ...args: unknown[]): Promise<unknown> & AsyncIterable<unknown>;
  call(fn: Callable, ...args: unknown[]): Promise<unknown> & AsyncIterable<unknown> {
    return this.#call({}, fn, args, [], callSite(this.#awaited));
  }

  /**
   * @throws {TimeoutError} `ERR_DEADLINE_CALL`: the deadline passed; the call is cancelled over there
   * @throws {CancelledError} the signal was aborted
   */
  callWith<F extends AnyFunction>(
    options: CallOptions & { readonly withContext: true },
    fn: F,
    ...args: ParametersAfterContext<F>
  ): Result<F>;
  callWith<F extends AnyFunction>(options: CallOptions, fn: F, ...args: Parameters<F>): Result<F>;
  callWith(
    options: CallOptions,
    name: string,
    ...args: unknown[]
  ): Promise<unknown> & AsyncIterable<unknown>;
  callWith(
    options: CallOptions,
    fn: Callable,
    ...args: unknown[]
  ): Promise<unknown> & AsyncIterable<unknown> {
    return this.#call(options, fn, args, [], callSite(this.#awaited));
  }

  /**
   * @param tier2 what the function is in, if that is econtext's own
   * @param site where the user's program called it
   */
  #call(
    options: CallLimits & { readonly withContext?: boolean },
    fn: Callable,
    args: readonly unknown[],
    tier2: readonly string[] = [],
    site?: CallSite,
  ): Promise<unknown> & AsyncIterable<unknown> {
    // What is thrown in here rejects it.
    const result = new Promise((resolve, reject) => {
      const callee = readCallee(fn);
      const { deadline, withContext } = options;
      const signal = eitherSignal(options.signal, this.#signal);
      checkMilliseconds("deadline", deadline);
      const given = signal === options.signal ? options : { ...options, signal };
      const payload = callPayload(callee.function, args, given);
      const body = this.#senders.encode(payload, CALL_ROOT);
      const { chunks, length, extended, revoke } = body;
      // In JavaScript a cancelled function goes on, and closes its own.
      const torn = (): void => {
        if (this.#session.language() === "python") body.revokeEnded();
      };
      if (length > LIMITS.maxMessageBytes) {
        revoke();
        throw new UsageError(
          "ERR_USAGE_TOO_LARGE",
          `${this.name}: arguments of ${length} bytes are over the limit of ${LIMITS.maxMessageBytes}`,
        );
      }
      const limits = { deadline, signal };
      const call = new PendingCall(this.#host, callee.name, limits, site, resolve, reject);
      this.#awaited++;
      const send = (): void => {
        try {
          this.#check(callee);
          const needs = [...tier2];
          if (extended) needs.push("values");
          if (this.#senders.isLinked || callee.generates) needs.push("channels");
          const isLimited = deadline !== undefined || signal !== undefined;
          const isJavaScript = this.#session.language() === "javascript";
          if (withContext === true || (isLimited && isJavaScript)) needs.push("external");
          if (!isJavaScript && (withContext === true || isLimited)) needs.push("interruption");
          if (typeof callee.function !== "string") needs.push("importer");
          this.#session.offer(callee.modules, needs, callee.root);
          call.send(chunks, revoke, torn);
        } catch (error) {
          revoke();
          call.fail(error);
        }
      };
      this.#session.start(callee.wants);
      const isFull = this.#session.queuedBytes() > LIMITS.maxQueuedBytes;
      if (this.#turn !== undefined || isFull || this.#session.language() === undefined) {
        this.#wait(() => (call.isSettled ? revoke() : send()));
      } else send();
    });
    return iterable(result);
  }

  /**
   * Calls that wait, for room or until it is known what the far side is, start in the order in which they were made. Giving up frees the
   * caller, not the place in the row.
   */
  #wait(send: () => void): void {
    const before = this.#turn ?? Promise.resolve();
    const turn = before.then(() => this.#session.writable());
    this.#turn = turn;
    void turn.then(() => {
      if (this.#turn === turn) this.#turn = undefined;
      send();
    });
  }

  /** @throws what keeps a call from being sent at all */
  #check(callee: Callee): void {
    if (this.#closing !== undefined || this.#session.reason() !== undefined) throw this.#gone();
    const language = this.#session.language();
    if (language !== undefined) checkLanguage(this.name, language, callee);
    if (this.#router.pending(this.id) - this.#senders.channels >= LIMITS.maxPendingCalls) {
      throw new UsageError(
        "ERR_USAGE_PENDING",
        `${this.name}: ${LIMITS.maxPendingCalls} calls are outstanding; await some first`,
      );
    }
  }

  /**
   * Run a command over there, without a shell: `await context.exec(["uname", "-a"]).stdout.text()`. It starts at once; `exited` tells how it
   * ended, and rejects with what `callWith` throws.
   *
   * @throws {UsageError} `ERR_USAGE_COMMAND`
   */
  exec(argv: readonly string[], options: ExecOptions = {}): RemoteProcess {
    return new RemoteProcess(this.name, argv, options, (limits, name, ...args) =>
      this.#call(limits, name, args, ["commands"]),
    );
  }

  /**
   * Run a shell command over there: await context.$`df -h ${folder} | tail -1`. It begins when it is awaited or read.
   *
   * @throws {ShellError} `ERR_SHELL_STATUS`: its status is not 0
   */
  readonly $: Shell = (parts, ...values) =>
    new ShellCommand(this.name, scriptOf(parts, values), (argv, options) =>
      this.exec(argv, options),
    );

  /**
   * Copy files from this machine: into `remote` where that is a folder, else as that. Each takes its place when it is whole.
   *
   * @throws {FilesError} `ERR_FILES_COPY`: some could not be copied; the others are
   */
  put(
    local: string | readonly string[],
    remote: string,
    options: CopyOptions = {},
  ): Promise<CopyResult> {
    return located(copy(HERE, [local].flat(), this.#end, remote, options), new Error());
  }

  /** Copy files to this machine, as `put` does. */
  get(
    remote: string | readonly string[],
    local: string,
    options: CopyOptions = {},
  ): Promise<CopyResult> {
    return located(copy(this.#end, [remote].flat(), HERE, local, options), new Error());
  }

  /** Copy files to another context, as `put` does; they do not touch this machine's disk. */
  copy(
    path: string | readonly string[],
    to: Context,
    toPath: string,
    options: CopyOptions = {},
  ): Promise<CopyResult> {
    return located(copy(this.#end, [path].flat(), to.#end, toPath, options), new Error());
  }

  /** The bytes of a file, as they come. */
  readStream(
    path: string,
    options: ReadFileOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    return locatedEach(readBytes(this.name, this.#files, path, options), new Error());
  }

  /** The bytes of a file. */
  async readFile(path: string, options: ReadFileOptions = {}): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    const stream = locatedEach(readBytes(this.name, this.#files, path, options), new Error());
    for await (const piece of stream) pieces.push(piece);
    // By the constructor: `from` takes them one by one.
    return new Uint8Array(Buffer.concat(pieces));
  }

  /**
   * Write a file: it takes the place of what was there when it is whole. Without a `mode` it keeps that of what was there.
   *
   * @throws {FilesError} `ERR_FILES_COPY`
   */
  async writeFile(path: string, data: Input, options: WriteFileOptions = {}): Promise<void> {
    const end = endOfBytes(data, options.mode);
    const written = copy(end, [path], this.#end, path, { ...options, exact: true });
    await located(written, new Error());
  }

  readonly #files: CallTier = (limits, name, ...args) => this.#call(limits, name, args, ["files"]);

  /**
   * Milliseconds until the far side's broker answers; it does even when user code hangs there.
   *
   * @throws {TimeoutError} `ERR_DEADLINE_PING`
   */
  async ping(options: { readonly deadline?: number } = {}): Promise<number> {
    checkMilliseconds("deadline", options.deadline);
    if (this.#closing !== undefined || this.#session.reason() !== undefined) throw this.#gone();
    this.#session.start("any");
    const { id, name } = this;
    return located(ping(this.#router, { id, name }, options.deadline), new Error());
  }

  /**
   * End it: calls that were made before are finished, logs are drained, the process over there exits. By force when the grace time is over.
   * Idempotent; never rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    if (!this.connected && this.#awaited === 0) this.#session.sever(this.#gone());
    const timer = setTimeout(() => {
      this.#session.sever(
        new DisconnectError(
          "ERR_DISCONNECT_FORCED",
          `${this.name}: did not end within ${this.#graceMs} ms of being closed; it was ended by force`,
        ),
      );
    }, this.#graceMs);
    const language = this.#session.language();
    if (language === "javascript" && this.#awaited > 0) {
      // Calls run beside one another there: the last one is to be the last.
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    if (language !== undefined) runExitHandlers(this.#router, this.id, language);
    const { chunks } = encodeValue("closed");
    const to = { dst: this.id, handle: HANDLES.CALL_FUNCTION, flags: FLAGS.DEAD };
    this.#router.send(to, chunks);
    await this.#session.gone;
    clearTimeout(timer);
  }

  #hung(name: string): void {
    this.#session.sever(
      new DisconnectError(
        "ERR_DISCONNECT_HUNG",
        `${this.name}: ${name} could not be interrupted within ${this.#graceMs} ms; the context was ended`,
      ),
    );
  }

  #gone(): EcontextError {
    const reason = this.#closing === undefined ? this.#session.reason() : undefined;
    const message = `${this.name}: the context was closed`;
    return reason ?? new DisconnectError("ERR_DISCONNECT_CLOSED", message);
  }
}
