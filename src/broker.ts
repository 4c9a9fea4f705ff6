/**
 * Broker: opens contexts, and closes them all. It puts the parts together for each target:
 * transport, interpreter, lending and session.
 */
import { type CallLimits, checkMilliseconds } from "./calls/options.ts";
import { Context } from "./context/context.ts";
import { type EcontextError, UsageError } from "./errors.ts";
import { type KindOptions, readKind } from "./interpreters/kind.ts";
import { defaultArgv0 } from "./interpreters/process-title.ts";
import { checkLend, type LendProgress, lenderFor } from "./lend/lender.ts";
import { LEVELS, type LevelName, type LogRecord } from "./logs/log.ts";
import { findersIn } from "./modules/finders.ts";
import { SessionTable } from "./session/session-table.ts";
import type { SessionSettings } from "./session/settings.ts";
import type { SshOptions } from "./transports/ssh.ts";
import { parseTarget } from "./tree/target-path.ts";

/** Options of a broker and of all its contexts. */
export interface BrokerOptions {
  /**
   * Folders whose modules a slave may ask for. Nothing outside of them is ever served. Default:
   * none.
   */
  readonly roots?: readonly string[];
  /** Options of every `connect`; options of the call itself take precedence. */
  readonly defaults?: ConnectOptions;
  /** The lowest level of log records. Slaves send no lower ones. Default `info`. */
  readonly logLevel?: LevelName;
  /**
   * Gets the logging, stdout and stderr of all slaves, one record for each line. Must not throw.
   */
  readonly onLog?: (record: LogRecord) => void;
  /**
   * Milliseconds that a cancelled call has to end, and a closed context to drain. Default 2,000.
   */
  readonly graceMs?: number;
  /** Cancels every call of all contexts, here and on the remote side. */
  readonly signal?: AbortSignal;
  /**
   * Milliseconds of silence after which both ends give up a remote context. Default 45,000; 0:
   * never.
   */
  readonly leaseMs?: number;
  /**
   * Whether modules that were transformed for sending are kept for other runs, in
   * `$XDG_CACHE_HOME/econtext`. Default true.
   */
  readonly cache?: boolean;
  /** @internal Gives the limits of each call and command that sets none of its own. */
  readonly callDefaults?: () => CallLimits;
  /** Told often how much of a lent runtime has arrived. Must not throw. */
  readonly onLend?: (progress: LendProgress) => void;
}

/**
 * Packages that become real files on the remote machine, for code that does not read its files by
 * the means of its language.
 */
export interface UnpackOptions {
  /**
   * Names of packages. A Python module at the top of a root stands for all that is beside it. The
   * folder is removed with the context.
   */
  readonly unpack?: readonly string[];
  /** Where the folder is made. Default: in memory, in `$XDG_RUNTIME_DIR` or `/dev/shm`. */
  readonly unpackInto?: string;
}

/** Options of one context. */
export interface ConnectOptions extends KindOptions, UnpackOptions {
  /** The context's name in messages and logs; default: the target. */
  readonly name?: string;
  /** Milliseconds until the slave must have answered. Default 60,000. */
  readonly deadline?: number;
  /** What `ps` shows of the slave; default `econtext:USER@HOST:PID` of this process. */
  readonly argv0?: string;
  readonly ssh?: SshOptions;
  /**
   * Sends a Bun to a target that has a Python, but neither Bun nor Node.js. The Bun is kept in
   * memory there. `true`: the Bun that runs this program; or the path of a Bun for the target's
   * platform.
   */
  readonly lend?: boolean | string;
}

/** Opens contexts, gets their logs, and closes them all. */
export class Broker implements AsyncDisposable {
  readonly #options: BrokerOptions;
  readonly #sessions: SessionTable;
  #closing: Promise<void> | undefined;

  /** @throws {UsageError} `ERR_USAGE_DEADLINE` */
  constructor(options: BrokerOptions = {}) {
    checkMilliseconds("graceMs", options.graceMs);
    checkMilliseconds("leaseMs", options.leaseMs);
    this.#options = options;
    const { roots = [], cache = true, onLog } = options;
    this.#sessions = new SessionTable(findersIn(roots, cache), onLog);
  }

  /**
   * Open a context: `local`, or a destination that `ssh` accepts. Does not wait for the context, so
   * that the first call's result costs one round trip. A failure to open it is told by the first
   * call, or by `context.ready()`.
   *
   * @throws {UsageError} `ERR_USAGE_TARGET`, `ERR_USAGE_CLOSED`, `ERR_USAGE_DEADLINE`,
   *   `ERR_USAGE_KIND`
   */
  async connect(target: string, options: ConnectOptions = {}): Promise<Context> {
    if (this.#closing !== undefined) {
      throw new UsageError("ERR_USAGE_CLOSED", "the broker is closed");
    }
    const { callDefaults, defaults, graceMs = 2_000, onLend, signal } = this.#options;
    const chosen = withDefaults(options, defaults);
    const settings = this.#settingsOf(target, chosen);
    const { interpreter, name } = settings;
    checkLend(chosen.lend, interpreter);
    const { router } = this.#sessions;
    const id = router.allocateId();
    const lending = { target: settings, graceMs, onLend };
    const lender = lenderFor(chosen.lend, this.#sessions, lending);
    const entry = this.#sessions.open({ ...settings, id, lender });
    const limits = { graceMs, signal, callDefaults };
    entry.context = new Context({ id, name, ...limits }, router, entry.session);
    return entry.context;
  }

  /** @throws {UsageError} of an option, before anything is started */
  #settingsOf(target: string, options: ConnectOptions): Omit<SessionSettings, "id"> {
    checkMilliseconds("deadline", options.deadline);
    const { leaseMs = 45_000, logLevel = "info" } = this.#options;
    return {
      name: options.name ?? target,
      transport: parseTarget(target, options.ssh ?? {}),
      interpreter: readKind(options),
      argv0: options.argv0 ?? defaultArgv0(),
      level: LEVELS[logLevel],
      connectMs: options.deadline ?? 60_000,
      isConnectTotal: options.deadline !== undefined,
      leaseMs,
      unpacking: { names: options.unpack ?? [], into: options.unpackInto },
    };
  }

  /** Close every context, all at once, each as `Context.close` does. Idempotent; never rejects. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.all(this.#sessions.all().map(({ context }) => context?.close()));
    })();
    return this.#closing;
  }

  /** End every context by force, at once; every pending call gets `reason`. */
  async sever(reason: EcontextError): Promise<void> {
    const all = this.#sessions.all();
    for (const { session } of all) session.sever(reason);
    await Promise.all(all.map(({ session }) => session.gone));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * The options that choose an interpreter belong together: a `connect` that gives one of them
 * replaces the defaults of all.
 */
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
