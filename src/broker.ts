/**
 * Broker: opens contexts, hears their logs, answers their imports, and sees them all out. Each context's process and stream are its
 * `Connection`'s.
 */
import { basename } from "node:path";
import { checkMilliseconds } from "./calls/options.ts";
import { Context } from "./context/context.ts";
import { type EcontextError, UsageError } from "./errors.ts";
import { type KindOptions, readKind } from "./interpreters/kind.ts";
import { defaultArgv0 } from "./interpreters/process-title.ts";
import { BunLender, type Helper, type LendProgress } from "./lend/lender.ts";
import { LEVELS, type LevelName, type LogRecord, RateLimit } from "./logs/log.ts";
import { readLogMessage } from "./logs/log-record.ts";
import type { Finders } from "./modules/finders.ts";
import { JavaScriptFinder } from "./modules/javascript/finder.ts";
import { PythonFinder } from "./modules/python/finder.ts";
import { TransformCache } from "./modules/transform-cache.ts";
import { Router } from "./mux/router.ts";
import { HANDLES } from "./protocol/handles.ts";
import { LIMITS } from "./protocol/limits.ts";
import { Connection, type ConnectionSettings } from "./session/connection.ts";
import type { SshOptions } from "./transports/ssh.ts";
import { parseTarget } from "./tree/target-path.ts";

export interface BrokerOptions {
  /** Folders whose modules the far side may ask for; nothing outside of them is ever served. Default: none. */
  readonly roots?: readonly string[];
  /** Options of every `connect`, unless that says otherwise. */
  readonly defaults?: ConnectOptions;
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
  /** Whether what modules become on their way is kept for other runs, in `$XDG_CACHE_HOME/econtext`. Default true. */
  readonly cache?: boolean;
  /** Hears how far the lending of a runtime has come, often. Must not throw. */
  readonly onLend?: (progress: LendProgress) => void;
}

/** Packages that are placed on the other machine as real files, for code that reads forwarded ones by other means than the language's own. */
export interface UnpackOptions {
  /** Names of packages; of a Python module at the top of a root, all that is beside it. The folder is removed with the context. */
  readonly unpack?: readonly string[];
  /** Where the folder is made there. Default: one in memory, `$XDG_RUNTIME_DIR` or `/dev/shm`. */
  readonly unpackInto?: string;
}

export interface ConnectOptions extends KindOptions, UnpackOptions {
  /** Its name in messages and logs; default: the target. */
  readonly name?: string;
  /** Milliseconds until it must have answered. Default 60,000. */
  readonly deadline?: number;
  /** What `ps` shows over there; default `econtext:USER@HOST:PID` of this process. */
  readonly argv0?: string;
  readonly ssh?: SshOptions;
  /**
   * Where there is a Python, but neither Bun nor Node.js: bring a Bun along, which lives in memory there. `true`: the one that runs this
   * program; or the path of one for that platform.
   */
  readonly lend?: boolean | string;
}

/** An entry of a context that is no user's has no `context` to close. */
interface Entry {
  readonly name: string;
  readonly connection: Connection;
  readonly context?: Context;
}

const PYTHON = { kind: "python" } as const;

export class Broker implements AsyncDisposable {
  readonly #options: BrokerOptions;
  readonly #router: Router;
  readonly #finders: Finders;
  readonly #contexts = new Map<number, Entry>();
  readonly #logLimits = new Map<number, { readonly limit: RateLimit; dropped: number }>();
  #closing: Promise<void> | undefined;

  /** @throws {UsageError} `ERR_USAGE_DEADLINE` */
  constructor(options: BrokerOptions = {}) {
    checkMilliseconds("graceMs", options.graceMs);
    checkMilliseconds("leaseMs", options.leaseMs);
    this.#options = options;
    const roots = options.roots ?? [];
    // What packages of JavaScript bring along in Python is no module of the user's.
    const pythonRoots = roots.filter((root) => basename(root) !== "node_modules");
    this.#finders = {
      python: new PythonFinder(pythonRoots),
      javascript: new JavaScriptFinder(
        roots,
        options.cache === false ? undefined : new TransformCache(),
      ),
    };
    this.#router = new Router((id, problem, strikes) => this.#strike(id, problem, strikes));
    this.#router.listen(HANDLES.GET_MODULE, (message) => {
      this.#contexts.get(message.src)?.connection.answerModule(message);
    });
    this.#router.listen(HANDLES.FORWARD_LOG, (message) => this.#log(message.src, message.body));
    this.#router.listen(HANDLES.PING, (message) => {
      if (message.reply === 0) return;
      this.#router.send({ dst: message.src, handle: message.reply }, [message.body], "control");
    });
  }

  /**
   * Open a context: `local`, or what `ssh` accepts as a destination. Does not wait for it, so that the first call's result
   * costs no round trip more: what goes wrong is told by the first call, or by `context.ready()`.
   *
   * @throws {UsageError} `ERR_USAGE_TARGET`, `ERR_USAGE_CLOSED`, `ERR_USAGE_DEADLINE`, `ERR_USAGE_KIND`
   */
  async connect(target: string, own: ConnectOptions = {}): Promise<Context> {
    const options = withDefaults(own, this.#options.defaults);
    if (this.#closing !== undefined) {
      throw new UsageError("ERR_USAGE_CLOSED", "the broker is closed");
    }
    checkMilliseconds("deadline", options.deadline);
    const { leaseMs = 45_000, graceMs = 2_000, logLevel = "info", signal } = this.#options;
    const transport = parseTarget(target, options.ssh ?? {});
    const name = options.name ?? target;
    const id = this.#router.allocateId();
    const interpreter = readKind(options);
    const settings = {
      name,
      transport,
      argv0: options.argv0 ?? defaultArgv0(),
      level: LEVELS[logLevel],
      connectMs: options.deadline ?? 60_000,
      leaseMs,
      unpacking: { names: options.unpack ?? [], into: options.unpackInto },
    };
    const help = (): Helper => {
      const python = { ...settings, id: this.#router.allocateId(), interpreter: PYTHON };
      const connection = this.#open(python);
      return { connection, context: new Context({ ...python, graceMs }, this.#router, connection) };
    };
    const progress = (at: LendProgress): void => {
      // A deadline that was asked for is for all of it.
      if (options.deadline === undefined) connection.progress();
      this.#options.onLend?.(at);
      if (at.sentBytes === at.totalBytes)
        this.#say(name, "info", "a Bun was lent to it; it is in memory only");
    };
    const { lend = false } = options;
    if (lend !== false && interpreter !== undefined && interpreter.kind !== "bun") {
      const problem = `a ${interpreter.kind} cannot be lent; leave the kind out, or say bun`;
      throw new UsageError("ERR_USAGE_KIND", problem);
    }
    const path = lend === true ? undefined : lend || undefined;
    const lender = lend === false ? undefined : new BunLender({ name, path, help, progress });
    const connection = this.#open({ ...settings, id, interpreter, lender });
    const context = new Context({ id, name, graceMs, signal }, this.#router, connection);
    this.#contexts.set(id, { name, connection, context });
    return context;
  }

  #open(settings: ConnectionSettings): Connection {
    const { id, name } = settings;
    const connection = new Connection(settings, this.#router, this.#finders);
    this.#contexts.set(id, { name, connection });
    void connection.gone.then(() => {
      this.#contexts.delete(id);
      this.#logLimits.delete(id);
    });
    return connection;
  }

  /** Close every context, all at once, each as `Context.close` does. Idempotent; never rejects. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.all([...this.#contexts.values()].map(({ context }) => context?.close()));
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
    const context = this.#contexts.get(id)?.name ?? "";
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
      const message = connection?.mapStack(record.message) ?? record.message;
      onLog(message === record.message ? record : { ...record, message });
    }
  }

  /** Reports the first three only: a hostile slave must not fill the log. */
  #strike(id: number, problem: string, strikes: number): void {
    if (strikes > 3) return;
    this.#say(this.#contexts.get(id)?.name ?? "", "warning", `dropped ${problem}`);
  }

  #say(context: string, level: LevelName, message: string): void {
    const { logLevel = "info", onLog } = this.#options;
    if (LEVELS[level] < LEVELS[logLevel]) return;
    onLog?.({ context, logger: "econtext", level: LEVELS[level], message, time: Date.now() });
  }
}

/** Options that choose the interpreter belong together: a `connect` that gives one of them replaces all defaults of these. */
function withDefaults(own: ConnectOptions, defaults: ConnectOptions = {}): ConnectOptions {
  const { kind, python, node, bun, lend, ssh, ...others } = defaults;
  const isChosen = [own.kind, own.python, own.node, own.bun].some((one) => one !== undefined);
  const options = [...(own.ssh?.options ?? []), ...(ssh?.options ?? [])];
  return {
    ...others,
    ...(isChosen ? {} : { kind, python, node, bun, lend }),
    ...own,
    ssh: { ...ssh, ...own.ssh, options },
  } as ConnectOptions;
}
