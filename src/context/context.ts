/**
 * Context: one execution context as its user sees it: a host, whatever languages run there. Knows
 * the router and the protocol, no process and no transport: those are its sessions'. Calls are its
 * callers'.
 */
import type { Callable, ParametersAfterContext, Result } from "../calls/callee.ts";
import {
  type CallLimits,
  type CallOptions,
  checkMilliseconds,
  withDefaults,
} from "../calls/options.ts";
import { ping } from "../calls/ping.ts";
import type { TierCall } from "../calls/tier-call.ts";
import type { Input } from "../commands/feed.ts";
import { type ExecOptions, RemoteProcess } from "../commands/remote-process.ts";
import { type Shell, ShellCommand, scriptOf } from "../commands/shell-command.ts";
import {
  type CommonSources,
  type CopyOptions,
  type CopyResult,
  type ReadFileOptions,
  RemoteFiles,
  type WriteFileOptions,
} from "../files/remote-files.ts";
import type { AnyFunction } from "../functions/registry.ts";
import type { Router } from "../mux/router.ts";
import { callSite } from "../traces/call-site.ts";
import { located, locatedEach } from "../traces/error-stack.ts";
import type { ConnectOptions } from "./connect-options.ts";
import type { Session, SlaveInfo } from "./session.ts";
import { Slaves, type SlavesSettings } from "./slaves.ts";

export type { OpenedSlave } from "./slaves.ts";

export interface ContextSettings extends SlavesSettings {
  /** Of the first slave. */
  readonly id: number;
  /** Gives the limits of each call and command that sets none of its own. */
  readonly callDefaults?: (() => CallLimits) | undefined;
  /** Variables of each command. Those of a command itself take precedence. */
  readonly env?: ExecOptions["env"] | undefined;
  /** Opens contexts through this one; a helper's context has none. */
  readonly connect?: ContextOpener | undefined;
  /** The context that this one is opened through. */
  readonly via?: Context | undefined;
  /**
   * Takes the context out of the hops of paths, when it is closed.
   *
   * @returns what resolves when no path goes through it any more; undefined if none does
   */
  readonly withdraw?: (() => Promise<void> | undefined) | undefined;
}

/** Opens a context through this one. The options are those of `Broker.connect`. */
export type ContextOpener = (target: string, options: ConnectOptions) => Context;

/**
 * One execution context, on this or another machine. Functions of Python run in one process of it,
 * functions of JavaScript in another; each is started when it is first needed.
 */
export class Context implements AsyncDisposable {
  readonly id: number;
  readonly name: string;
  /** The context that this one is opened through; undefined: this machine opened it. */
  readonly via: Context | undefined;
  readonly #defaults: (() => CallLimits) | undefined;
  readonly #env: ExecOptions["env"];
  readonly #slaves: Slaves;
  readonly #caller: Slaves["caller"];
  readonly #commands: TierCall;
  readonly #files: RemoteFiles;
  readonly #connect: ContextOpener | undefined;
  readonly #withdraw: ContextSettings["withdraw"];
  readonly #isLent: boolean;
  /** Contexts that were opened through this one, and are not closed. */
  readonly #behind = new Set<Context>();
  #closing: Promise<void> | undefined;

  /** @internal Contexts are made by `Broker.connect`. */
  constructor(settings: ContextSettings, router: Router, session: Session) {
    const { id, name, callDefaults, connect } = settings;
    this.id = id;
    this.name = name;
    this.via = settings.via;
    this.#defaults = callDefaults;
    this.#env = settings.env;
    this.#connect = connect;
    this.#withdraw = settings.withdraw;
    this.#isLent = settings.isLent === true;
    this.#slaves = new Slaves(settings, router, { id, session });
    this.#caller = this.#slaves.caller;
    this.#commands = this.#caller.tierCall(["commands"]);
    this.#files = new RemoteFiles(name, this.#caller.tierCall(["files"]));
  }

  /** Whether a slave has answered. */
  get connected(): boolean {
    return this.#slaves.connected;
  }

  /** @internal Resolves when a slave has answered, or it is known that none will. Starts none. */
  opened(): Promise<void> {
    return this.#slaves.opened();
  }

  /** @internal Why the context has ended, once it has. */
  get failure(): Slaves["failure"] {
    return this.#slaves.failure;
  }

  /** @internal Why the context can do nothing more, once that is so. */
  get ended(): Slaves["failure"] {
    return this.#slaves.ended;
  }

  /** @internal Resolves when no process of the first slave is left. */
  get gone(): Promise<void> {
    return this.#slaves.gone;
  }

  /**
   * Wait until the slave answers. That is not necessary: calls can be made at once.
   *
   * @throws {BootstrapError} `ERR_BOOTSTRAP_…`, `ERR_TRANSPORT_…`
   */
  ready(): Promise<SlaveInfo> {
    const { session } = this.#slaves.any;
    session.start("any");
    return located(session.ready, new Error());
  }

  /**
   * Open a context through this one: another machine that this one reaches, another user, a
   * container. The target is one word, or a path of several: `bastion.connect("web1/sudo:root")`.
   * The options are those of `broker.connect`.
   *
   * @throws {UsageError} as `Broker.connect`
   */
  async connect(target: string, options: ConnectOptions = {}): Promise<Context> {
    const open = this.#closing === undefined ? this.#connect : undefined;
    if (open === undefined) throw this.#caller.closed();
    const context = open(target, options);
    this.#behind.add(context);
    void context.#slaves.gone.then(() => this.#behind.delete(context));
    return context;
  }

  /** Open a context as another user of the same machine, by sudo; default: root. */
  sudo(user = "root", options: ConnectOptions = {}): Promise<Context> {
    return this.connect(`sudo:${user}`, options);
  }

  /**
   * Call a function on the remote side. It is one of the program's own, `context.call(install,
   * "1.4")`, or a name: `context.call("os.getpid")`, `context.call("pkg.mod:Class.method", 1,
   * kwargs({ b: 2 }))`.
   *
   * @throws {UsageError} `ERR_USAGE_CLOSURE`, `ERR_USAGE_FUNCTION`, `ERR_USAGE_LANGUAGE`: the
   *   function cannot be called there; nothing of it was sent
   * @throws {CallError} the function failed there
   * @throws {ValueError} an argument cannot be sent
   * @throws {BootstrapError | DisconnectError | ProtocolError} the context could not be opened, or
   *   has ended
   */
  call<F extends AnyFunction>(fn: F, ...args: Parameters<F>): Result<F>;
  call(name: string, ...args: unknown[]): Promise<unknown> & AsyncIterable<unknown>;
  call(fn: Callable, ...args: unknown[]): Promise<unknown> & AsyncIterable<unknown> {
    const options = this.#defaults?.();
    const site = callSite(this.#caller.waiting);
    return this.#caller.call(
      options === undefined ? { fn, args, site } : { fn, args, options, site },
    );
  }

  /**
   * Call a function as `call` does, with limits.
   *
   * @throws {TimeoutError} `ERR_DEADLINE_CALL`: the deadline passed; the call is cancelled there
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
    const limited = withDefaults(options, this.#defaults?.());
    return this.#caller.call({ fn, args, options: limited, site: callSite(this.#caller.waiting) });
  }

  /**
   * Run a command on the remote side, without a shell: `await context.exec(["uname",
   * "-a"]).stdout.text()`. It starts at once. `exited` resolves with how it ended, and rejects with
   * the errors of `callWith`.
   *
   * @throws {UsageError} `ERR_USAGE_COMMAND`
   */
  exec(argv: readonly string[], options: ExecOptions = {}): RemoteProcess {
    const limited = withDefaults(options, this.#defaults?.());
    const otherwise = async (): Promise<TierCall | undefined> => {
      const { other } = this.#slaves;
      await other?.session.ready;
      return other?.caller.tierCall(["commands"]);
    };
    const env = this.#env && { env: { ...this.#env, ...options.env } };
    const isLast = options.isLast === true && this.#slaves.canFinishAhead;
    const whole = { ...limited, ...env, isLast, ...(this.#isLent ? { sweep: true } : {}) };
    const process = new RemoteProcess(this.name, argv, whole, this.#commands, otherwise);
    if (isLast) this.finishAhead();
    return process;
  }

  /**
   * Run a shell command on the remote side: await context.$`df -h ${folder} | tail -1`. It starts
   * when it is awaited or read.
   *
   * @throws {ShellError} `ERR_SHELL_STATUS`: its status is not 0
   */
  readonly $: Shell = (parts, ...values) =>
    new ShellCommand(this.name, scriptOf(parts, values), (argv, options) =>
      this.exec(argv, options),
    );

  /**
   * Copy files from this machine into the folder `remote`, or to that path if it is no folder. A
   * file gets its name when it is complete.
   *
   * @throws {FilesError} `ERR_FILES_COPY`: some could not be copied; the others were
   */
  put(
    local: string | readonly string[],
    remote: string,
    options: CopyOptions = {},
  ): Promise<CopyResult> {
    return located(this.#files.put(local, remote, options), new Error());
  }

  /** @internal As `put`, of sources that other contexts get, too. */
  putCommon(sources: CommonSources, remote: string, options: CopyOptions): Promise<CopyResult> {
    return this.#files.putCommon(sources, remote, withDefaults(options, this.#defaults?.()));
  }

  /** Copy files to this machine, as `put` does. */
  get(
    remote: string | readonly string[],
    local: string,
    options: CopyOptions = {},
  ): Promise<CopyResult> {
    return located(this.#files.get(remote, local, options), new Error());
  }

  /** Copy files to another context, as `put` does, without writing them to this machine's disk. */
  copy(
    path: string | readonly string[],
    to: Context,
    toPath: string,
    options: CopyOptions = {},
  ): Promise<CopyResult> {
    return located(this.#copy([path].flat(), to, toPath, options), new Error());
  }

  /** @returns the bytes of a file, as they arrive */
  readStream(
    path: string,
    options: ReadFileOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    return locatedEach(this.#files.read(path, options), new Error());
  }

  /** @returns the bytes of a file */
  async readFile(path: string, options: ReadFileOptions = {}): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    const stream = locatedEach(this.#files.read(path, options), new Error());
    for await (const piece of stream) pieces.push(piece);
    // The constructor copies the whole buffer; `Uint8Array.from` would copy byte by byte.
    return new Uint8Array(Buffer.concat(pieces));
  }

  /**
   * Write a file. It replaces the file of that name when it is complete. Without a `mode` it gets
   * the mode of the file that it replaces.
   *
   * @throws {FilesError} `ERR_FILES_COPY`
   * @throws the error of the stream or iterable `data`; the file stays as it was
   */
  async writeFile(path: string, data: Input, options: WriteFileOptions = {}): Promise<void> {
    await located(this.#files.write(path, data, options), new Error());
  }

  /**
   * @returns milliseconds until the slave's broker answers; it does even when user code hangs
   * @throws {TimeoutError} `ERR_DEADLINE_PING`
   */
  async ping(options: { readonly deadline?: number } = {}): Promise<number> {
    checkMilliseconds("deadline", options.deadline);
    const { caller, session } = this.#slaves.any;
    const unavailable = caller.unavailable();
    if (unavailable !== undefined) throw unavailable;
    session.start("any");
    return located(ping(caller.link, options.deadline), new Error());
  }

  /**
   * @internal No call follows those that were made, and no path goes through this context. Saves a
   * round trip when it is closed.
   */
  finishAhead(): void {
    this.#slaves.finishAhead();
  }

  /**
   * End the context: calls that were made before are finished, logs are drained, and the remote
   * process exits. It is ended by force when the grace time is over. While paths of others go
   * through the context, its process stays for them alone. Idempotent; never rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @internal The text for `console.log`, which would otherwise list the members. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `Context ${this.name} (${this.connected ? "connected" : "not connected"})`;
  }

  /**
   * A hop hands on what contexts behind it send each other, but not what it sends itself. So its
   * part of a copy is done by a context beside it.
   */
  async #copy(
    paths: readonly string[],
    to: Context,
    toPath: string,
    options: CopyOptions,
  ): Promise<CopyResult> {
    const hop = this.#isBefore(to) ? this : to.#isBefore(this) ? to : undefined;
    if (hop === undefined) return await this.#files.copy(paths, to.#files, toPath, options);
    await using beside = await hop.#openBeside();
    const [reader, writer] = hop === this ? [beside, to] : [this, beside];
    return await reader.#files.copy(paths, writer.#files, toPath, options);
  }

  /** Whether the other context is opened through this one. */
  #isBefore(other: Context): boolean {
    const { via } = other;
    return via !== undefined && (via === this || this.#isBefore(via));
  }

  /** @returns a context on the same host, by the same interpreter */
  async #openBeside(): Promise<Context> {
    const { kind, executable } = await this.ready();
    // A lent runtime has no file that another process could run.
    const path = executable.startsWith("/proc/") ? {} : { kind, [kind]: executable };
    return await this.connect("local", { name: this.name, ...path });
  }

  async #close(): Promise<void> {
    this.#slaves.refuse();
    const unused = this.#withdraw?.();
    await Promise.all([...this.#behind].map((context) => context.close()));
    const ended =
      unused === undefined ? this.#slaves.close() : unused.then(() => this.#slaves.close());
    // By force, it would end what goes through it.
    await (unused === undefined ? ended : Promise.race([ended, this.#slaves.idle()]));
  }
}
