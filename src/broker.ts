/**
 * Broker: opens contexts, hears their logs, answers their imports, and sees them all out. Each context's process and stream are its
 * `Connection`'s.
 */
import { defaultArgv0 } from "./bootstrap/argv0.ts";
import { checkMilliseconds } from "./call.ts";
import { Connection, type Finders } from "./connection.ts";
import { Context } from "./context.ts";
import { type EcontextError, UsageError } from "./errors.ts";
import { type KindOptions, readKind } from "./kind.ts";
import { LEVELS, type LevelName, type LogRecord, RateLimit } from "./log.ts";
import { readLogMessage } from "./log-message.ts";
import { JavaScriptFinder } from "./modules/javascript-finder.ts";
import { PythonFinder } from "./modules/python-finder.ts";
import { HANDLES } from "./protocol/handles.ts";
import { LIMITS } from "./protocol/limits.ts";
import { Router } from "./router.ts";
import { parseTarget } from "./target.ts";
import type { SshOptions } from "./transport/ssh.ts";

export interface BrokerOptions {
  /** Folders whose modules the far side may ask for; nothing outside of them is ever served. Default: none. */
  readonly roots?: readonly string[];
  /** Lowest level of what is sent to `onLog`; what is below it never leaves the far side. Default `info`. */
  readonly logLevel?: LevelName;
  /** Hears far logging, stdout and stderr, a record a line. Must not throw. */
  readonly onLog?: (record: LogRecord) => void;
  /** Milliseconds that a cancelled call has to end, and a closed context to drain. Default 2,000. */
  readonly graceMs?: number;
  /** Cancels every call of its contexts, here and over there. */
  readonly signal?: AbortSignal;
  /** Milliseconds of silence after which a remote context is given up, by both ends. Default 45,000; 0: never. */
  readonly leaseMs?: number;
}

export interface ConnectOptions extends KindOptions {
  /** Its name in messages and logs; default: the target. */
  readonly name?: string;
  /** Milliseconds until it must have answered. Default 60,000. */
  readonly deadline?: number;
  /** What `ps` shows over there; default `econtext:USER@HOST:PID` of this process. */
  readonly argv0?: string;
  readonly ssh?: SshOptions;
}

export class Broker implements AsyncDisposable {
  readonly #options: BrokerOptions;
  readonly #router: Router;
  readonly #finders: Finders;
  readonly #contexts = new Map<number, { context: Context; connection: Connection }>();
  readonly #logLimits = new Map<number, { readonly limit: RateLimit; dropped: number }>();
  readonly #strikes = new Map<number, number>();
  #closing: Promise<void> | undefined;

  /** @throws {UsageError} `ERR_USAGE_DEADLINE` */
  constructor(options: BrokerOptions = {}) {
    checkMilliseconds("graceMs", options.graceMs);
    checkMilliseconds("leaseMs", options.leaseMs);
    this.#options = options;
    const roots = options.roots ?? [];
    this.#finders = { python: new PythonFinder(roots), javascript: new JavaScriptFinder(roots) };
    this.#router = new Router((id, problem) => this.#strike(id, problem));
    this.#router.listen(HANDLES.GET_MODULE, (message) => {
      this.#contexts.get(message.src)?.connection.answerModule(message);
    });
    this.#router.listen(HANDLES.FORWARD_LOG, (message) => this.#log(message.src, message.body));
    this.#router.listen(HANDLES.PING, (message) => {
      if (message.reply === 0) return;
      this.#router.send({ dst: message.src, handle: message.reply }, [message.body], true);
    });
  }

  /**
   * Open a context: `local`, or what `ssh` accepts as a destination. Does not wait for it, so that the first call's result
   * costs no round trip more: what goes wrong is told by the first call, or by `context.ready()`.
   *
   * @throws {UsageError} `ERR_USAGE_TARGET`, `ERR_USAGE_CLOSED`, `ERR_USAGE_DEADLINE`, `ERR_USAGE_KIND`
   */
  async connect(target: string, options: ConnectOptions = {}): Promise<Context> {
    if (this.#closing !== undefined) {
      throw new UsageError("ERR_USAGE_CLOSED", "the broker is closed");
    }
    checkMilliseconds("deadline", options.deadline);
    const { leaseMs = 45_000, graceMs = 2_000, logLevel = "info", signal } = this.#options;
    const transport = parseTarget(target, options.ssh ?? {});
    const name = options.name ?? target;
    const id = this.#router.allocateId();
    const settings = {
      id,
      name,
      transport,
      interpreter: readKind(options),
      argv0: options.argv0 ?? defaultArgv0(),
      level: LEVELS[logLevel],
      connectMs: options.deadline ?? 60_000,
      leaseMs,
    };
    const connection = new Connection(settings, this.#router, this.#finders);
    const context = new Context({ id, name, graceMs, signal }, this.#router, connection);
    this.#contexts.set(id, { context, connection });
    void connection.gone.then(() => {
      this.#contexts.delete(id);
      this.#logLimits.delete(id);
      this.#strikes.delete(id);
    });
    return context;
  }

  /** Close every context, all at once, each as `Context.close` does. Idempotent; never rejects. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.all([...this.#contexts.values()].map(({ context }) => context.close()));
    })();
    return this.#closing;
  }

  /** End every context by force, at once; every pending call gets `reason`. */
  async sever(reason: EcontextError): Promise<void> {
    const all = [...this.#contexts.values()];
    for (const { connection } of all) connection.sever(reason);
    await Promise.all(all.map(({ connection }) => connection.gone));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws {ProtocolError} when it is no log message */
  #log(id: number, body: Uint8Array): void {
    const { onLog } = this.#options;
    const context = this.#contexts.get(id)?.context.name ?? "";
    // The far side keeps to its rate. This one is for those that do not.
    const bucket = this.#logLimits.get(id) ?? {
      limit: new RateLimit(2 * LIMITS.logBytesPerSecond, 2 * LIMITS.logBurstBytes),
      dropped: 0,
    };
    this.#logLimits.set(id, bucket);
    if (!bucket.limit.take(body.length)) {
      bucket.dropped += body.length;
      return;
    }
    const records = readLogMessage(context, body);
    if (onLog === undefined) return;
    if (bucket.dropped > 0) {
      const message = `(${bucket.dropped} bytes dropped: too much output)`;
      bucket.dropped = 0;
      onLog({ context, logger: "econtext", level: LEVELS.warning, message, time: Date.now() });
    }
    const connection = this.#contexts.get(id)?.connection;
    for (const record of records) {
      onLog({ ...record, message: connection?.tellStack(record.message) ?? record.message });
    }
  }

  /** Say the first few: a hostile slave must not fill the log. */
  #strike(id: number, problem: string): void {
    const count = (this.#strikes.get(id) ?? 0) + 1;
    this.#strikes.set(id, count);
    if (count > 3) return;
    const context = this.#contexts.get(id)?.context.name ?? "";
    const message = `dropped ${problem}`;
    const time = Date.now();
    this.#options.onLog?.({ context, logger: "econtext", level: LEVELS.warning, message, time });
  }
}
