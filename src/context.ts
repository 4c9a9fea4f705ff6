/**
 * Context: one execution context as its user sees it. Calls are pipelined: each has a handle that its reply comes to. Knows the router
 * and the protocol, no process and no transport; what it needs of those is its `Lifeline`.
 */
import {
  type Callable,
  type CallOptions,
  checkMilliseconds,
  decodeFailure,
  encodeCall,
  type ParametersAfterContext,
  readCallee,
} from "./call.ts";
import {
  CancelledError,
  DisconnectError,
  type EcontextError,
  TimeoutError,
  UsageError,
} from "./errors.ts";
import { type ExecOptions, type ExecResult, execCommand } from "./exec.ts";
import type { AnyFunction } from "./functions.ts";
import { checkLanguage } from "./kind.ts";
import type { Lifeline, SlaveInfo } from "./lifeline.ts";
import { FLAGS } from "./protocol/frame.ts";
import { HANDLES } from "./protocol/handles.ts";
import { LIMITS } from "./protocol/limits.ts";
import { decodeValue, encodeValue } from "./protocol/value.ts";
import type { Router } from "./router.ts";
import { neutralise } from "./text.ts";

export interface ContextSettings {
  readonly id: number;
  readonly name: string;
  /** Milliseconds that a cancelled call has to end, and a closed context to drain. */
  readonly graceMs: number;
  /** Cancels every call. */
  readonly signal?: AbortSignal | undefined;
}

/** A place in the row of calls that wait. */
interface Turn {
  /** Resolves when it is this one's; never rejects. */
  readonly come: Promise<void>;
}

export class Context implements AsyncDisposable {
  readonly id: number;
  readonly name: string;
  readonly #graceMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #router: Router;
  readonly #lifeline: Lifeline;
  /** Calls that wait for room in the queue keep their order behind this. */
  #turn: Turn | undefined;
  #closing: Promise<void> | undefined;
  /** Calls whose callers wait. */
  #awaited = 0;

  /** Contexts are made by `Broker.connect`. */
  constructor(settings: ContextSettings, router: Router, lifeline: Lifeline) {
    this.id = settings.id;
    this.name = settings.name;
    this.#graceMs = settings.graceMs;
    this.#signal = settings.signal;
    this.#router = router;
    this.#lifeline = lifeline;
  }

  /** Whether the slave has answered. */
  get connected(): boolean {
    return this.#lifeline.isReady();
  }

  /**
   * Wait until the slave answers. Nobody has to: calls may be made at once.
   *
   * @throws {BootstrapError} `ERR_BOOTSTRAP_…`, `ERR_TRANSPORT_…`
   */
  ready(): Promise<SlaveInfo> {
    this.#lifeline.start("any");
    return this.#lifeline.ready;
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
  call<F extends AnyFunction>(fn: F, ...args: Parameters<F>): Promise<Awaited<ReturnType<F>>>;
  call(name: string, ...args: unknown[]): Promise<unknown>;
  call(fn: Callable, ...args: unknown[]): Promise<unknown> {
    return this.#counted({}, fn, args);
  }

  /**
   * @throws {TimeoutError} `ERR_DEADLINE_CALL`: the deadline passed; the call is cancelled over there
   * @throws {CancelledError} the signal was aborted
   */
  callWith<F extends AnyFunction>(
    options: CallOptions & { readonly withContext: true },
    fn: F,
    ...args: ParametersAfterContext<F>
  ): Promise<Awaited<ReturnType<F>>>;
  callWith<F extends AnyFunction>(
    options: CallOptions,
    fn: F,
    ...args: Parameters<F>
  ): Promise<Awaited<ReturnType<F>>>;
  callWith(options: CallOptions, name: string, ...args: unknown[]): Promise<unknown>;
  callWith(options: CallOptions, fn: Callable, ...args: unknown[]): Promise<unknown> {
    return this.#counted(options, fn, args);
  }

  async #counted(
    options: CallOptions,
    fn: Callable,
    args: readonly unknown[],
    tier2: readonly string[] = [],
  ): Promise<unknown> {
    this.#awaited++;
    try {
      return await this.#call(options, fn, args, tier2);
    } finally {
      this.#awaited--;
    }
  }

  /** @param tier2 what the function is in, if that is econtext's own */
  async #call(
    options: CallOptions,
    fn: Callable,
    args: readonly unknown[],
    tier2: readonly string[],
  ): Promise<unknown> {
    const callee = readCallee(fn);
    const { name } = callee;
    const { deadline } = options;
    const signal = anyOf(options.signal, this.#signal);
    checkMilliseconds("deadline", deadline);
    if (signal?.aborted) throw cancelled(this.name, name, signal);
    const body = encodeCall(callee.function, args, options);
    if (body.length > LIMITS.maxMessageBytes) {
      throw new UsageError(
        "ERR_USAGE_TOO_LARGE",
        `${this.name}: arguments of ${body.length} bytes are over the limit of ${LIMITS.maxMessageBytes}`,
      );
    }
    const started = performance.now();
    const late = (): TimeoutError =>
      new TimeoutError(
        "ERR_DEADLINE_CALL",
        `${this.name}: ${name} did not answer within ${deadline} ms; it is cancelled`,
      );
    this.#lifeline.start(callee.wants);
    const isFull = this.#lifeline.queuedBytes() > LIMITS.maxQueuedBytes;
    if (this.#turn !== undefined || isFull || this.#lifeline.language() === undefined) {
      const turn = await this.#waitForTurn(deadline, signal, late, name);
      if (this.#turn === turn) this.#turn = undefined;
    }
    if (this.#closing !== undefined || this.#lifeline.reason() !== undefined) throw this.#gone();
    const language = this.#lifeline.language();
    if (language !== undefined) checkLanguage(this.name, language, callee);
    if (this.#router.pending(this.id) >= LIMITS.maxPendingCalls) {
      throw new UsageError(
        "ERR_USAGE_PENDING",
        `${this.name}: ${LIMITS.maxPendingCalls} calls are outstanding; await some first`,
      );
    }
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      let grace: ReturnType<typeof setTimeout> | undefined;
      const onAbort = (): void => {
        giveUp(cancelled(this.name, name, signal), "cancelled");
      };
      const settle = (): void => {
        clearTimeout(timer);
        clearTimeout(grace);
        signal?.removeEventListener("abort", onAbort);
      };
      // The caller is free at once. The handle stays until the far side has let go of the call.
      const giveUp = (error: EcontextError, why: "deadline" | "cancelled"): void => {
        settle();
        reject(error);
        grace = setTimeout(() => this.#hung(name), this.#graceMs);
        const progress = withdraw();
        if (progress === "withdrawn") {
          this.#router.forget(handle);
          clearTimeout(grace);
          return;
        }
        // It must not overtake the call that it cancels.
        const { chunks } = encodeValue([handle, why]);
        const overtake = progress === "sent";
        this.#router.send({ dst: this.id, handle: HANDLES.CANCEL }, chunks, overtake);
      };
      const handle = this.#router.expect(this.id, {
        receive: (message) => {
          try {
            if (message.flags & FLAGS.ERROR) {
              const tell = (text: string) => this.#lifeline.tellStack(text);
              const failure = decodeFailure(this.name, message.body, tell);
              const isCancelled = failure.type === "econtext.Cancelled";
              // Its last word before it ends: the end of the stream says why.
              if (isCancelled && failure.remoteMessage === "disconnected") return;
              // Its clock may be the first to see the deadline pass.
              reject(isCancelled && deadline !== undefined ? late() : failure);
            } else if (message.flags & FLAGS.DEAD) reject(this.#dead(message.body));
            else resolve(decodeValue(message.body));
          } catch (error) {
            reject(error);
            throw error;
          }
          this.#router.forget(handle);
          settle();
        },
        dead: (reason) => {
          settle();
          reject(reason);
        },
      });
      const needs = [
        ...tier2,
        body.extended && "values",
        options.withContext && "external",
        typeof callee.function !== "string" && "importer",
      ];
      this.#lifeline.offer(
        callee.modules,
        needs.filter((need) => typeof need === "string"),
      );
      const to = { dst: this.id, handle: HANDLES.CALL_FUNCTION, reply: handle };
      const withdraw = this.#router.send(to, body.chunks);
      if (deadline !== undefined) {
        const left = Math.max(0, deadline - (performance.now() - started));
        timer = setTimeout(() => giveUp(late(), "deadline"), left);
      }
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /**
   * Run a command over there, without a shell: `context.exec(["uname", "-a"], { stdout: (chunk) => … })`. Its standard input is empty.
   *
   * @throws what `callWith` throws; and what a listener throws, which kills the command
   */
  exec(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const host = {
      id: this.id,
      name: this.name,
      router: this.#router,
      pause: () => this.#lifeline.pause(),
      resume: () => this.#lifeline.resume(),
      call: (limits: CallOptions, tier2: readonly string[], name: string, ...args: unknown[]) =>
        this.#counted(limits, name, args, tier2),
    };
    return execCommand(host, argv, options);
  }

  /**
   * Milliseconds until the far side's broker answers; it does even when user code hangs there.
   *
   * @throws {TimeoutError} `ERR_DEADLINE_PING`
   */
  async ping(options: { readonly deadline?: number } = {}): Promise<number> {
    checkMilliseconds("deadline", options.deadline);
    if (this.#closing !== undefined || this.#lifeline.reason() !== undefined) throw this.#gone();
    this.#lifeline.start("any");
    const started = performance.now();
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const handle = this.#router.expect(this.id, {
        receive: () => {
          this.#router.forget(handle);
          clearTimeout(timer);
          resolve(performance.now() - started);
        },
        dead: (reason) => {
          clearTimeout(timer);
          reject(reason);
        },
      });
      if (options.deadline !== undefined) {
        // The handle stays, for an answer that comes late.
        timer = setTimeout(() => {
          const message = `${this.name}: no answer within ${options.deadline} ms`;
          reject(new TimeoutError("ERR_DEADLINE_PING", message));
        }, options.deadline);
      }
      const { chunks } = encodeValue(null);
      this.#router.send({ dst: this.id, handle: HANDLES.PING, reply: handle }, chunks, true);
    });
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
    if (!this.connected && this.#awaited === 0) this.#lifeline.sever(this.#gone());
    const { chunks } = encodeValue("closed");
    const to = { dst: this.id, handle: HANDLES.CALL_FUNCTION, flags: FLAGS.DEAD };
    this.#router.send(to, chunks);
    const timer = setTimeout(() => {
      this.#lifeline.sever(
        new DisconnectError(
          "ERR_DISCONNECT_FORCED",
          `${this.name}: did not end within ${this.#graceMs} ms of being closed; it was ended by force`,
        ),
      );
    }, this.#graceMs);
    await this.#lifeline.gone;
    clearTimeout(timer);
  }

  /**
   * Calls that wait, for room or until it is known what the far side is, start in the order in which they were made. Giving up frees the
   * caller, not the place in the row.
   *
   * @returns what is `#turn` until the caller sends, if none has come after it: nothing may overtake
   */
  async #waitForTurn(
    deadline: number | undefined,
    signal: AbortSignal | undefined,
    late: () => TimeoutError,
    name: string,
  ): Promise<Turn> {
    const before = this.#turn?.come ?? Promise.resolve();
    const turn: Turn = { come: before.then(() => this.#lifeline.writable()) };
    this.#turn = turn;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let onAbort = (): void => {};
    const gaveUp = new Promise<never>((_, reject) => {
      if (deadline !== undefined) timer = setTimeout(() => reject(late()), deadline);
      onAbort = () => reject(cancelled(this.name, name, signal));
      signal?.addEventListener("abort", onAbort, { once: true });
    });
    try {
      await Promise.race([turn.come, gaveUp]);
      return turn;
    } catch (error) {
      void turn.come.then(() => {
        if (this.#turn === turn) this.#turn = undefined;
      });
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  #hung(name: string): void {
    this.#lifeline.sever(
      new DisconnectError(
        "ERR_DISCONNECT_HUNG",
        `${this.name}: ${name} could not be interrupted within ${this.#graceMs} ms; the context was ended`,
      ),
    );
  }

  #dead(body: Uint8Array): DisconnectError {
    return new DisconnectError(
      "ERR_DISCONNECT_DEAD",
      `${this.name}: ${neutralise(String(decodeValue(body)))}`,
    );
  }

  #gone(): EcontextError {
    const reason = this.#closing === undefined ? this.#lifeline.reason() : undefined;
    const message = `${this.name}: the context was closed`;
    return reason ?? new DisconnectError("ERR_DISCONNECT_CLOSED", message);
  }
}

function anyOf(...signals: (AbortSignal | undefined)[]): AbortSignal | undefined {
  const given = signals.filter((signal) => signal !== undefined);
  return given.length > 1 ? AbortSignal.any(given) : given[0];
}

function cancelled(context: string, name: string, signal: AbortSignal | undefined): CancelledError {
  return new CancelledError("ERR_CANCELLED", `${context}: ${name} was cancelled`, {
    cause: signal?.reason,
  });
}
