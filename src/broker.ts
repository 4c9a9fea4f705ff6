/**
 * Broker: opens contexts, and closes them all. It puts the parts together for each target:
 * transport, interpreter, lending and session.
 */

import { type CallLimits, checkMilliseconds, withDefaults } from "./calls/options.ts";
import { type ConnectOptions, chosenInterpreter, joined } from "./context/connect-options.ts";
import { Context, type OpenedSlave } from "./context/context.ts";
import { type EcontextError, UsageError } from "./errors.ts";
import { Fleet, type FleetOptions } from "./fleet/fleet.ts";
import { type Interpreter, type Language, readKind } from "./interpreters/kind.ts";
import { defaultArgv0 } from "./interpreters/process-title.ts";
import type { Hop } from "./launch/hop.ts";
import { checkLend, type LendOption, type LendProgress, lenderFor } from "./lend/lender.ts";
import { LEVELS, type LevelName, type LogRecord } from "./logs/log.ts";
import { findersIn } from "./modules/finders.ts";
import { Prompter } from "./prompts/prompter.ts";
import {
  type Exchange,
  localAt,
  type SessionEntry,
  SessionTable,
  type SlaveSettings,
  settingsBeside,
} from "./session/session-table.ts";
import {
  type HopPass,
  HopTable,
  type KeptPaths,
  type OpenHop,
  type SharedHop,
} from "./tree/hop-table.ts";
import {
  isSpelt,
  type PathOptions,
  type PathStep,
  parsePath,
  TargetTable,
} from "./tree/target-path.ts";

type Password = ConnectOptions["password"];

/** Options of a broker and of all its contexts. */
export interface BrokerOptions extends Pick<PathOptions, "schemes" | "targets" | "groups"> {
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
  /** @internal Answers the questions of programs on the way. Default: the terminal does. */
  readonly prompter?: Prompter;
  /** Told often how much of a lent runtime has arrived. Must not throw. */
  readonly onLend?: (progress: LendProgress) => void;
  /** @internal Contexts that another broker keeps open, and that this one's are opened through. */
  readonly kept?: KeptPaths & { readonly exchange: Exchange };
}

/** How the slaves of one context are opened. */
interface Opening {
  readonly settings: SlaveSettings;
  readonly lend: LendOption;
  /** Keeps the hops of the path open for one slave more; undefined if there are none. */
  readonly enter: () => HopPass | undefined;
  /** Limits of calls and commands that set none of their own. */
  readonly callDefaults: (() => CallLimits) | undefined;
  /** Variables of each command. */
  readonly env?: PathStep["env"];
  /** Lets paths go through the context, if it is as a hop of theirs would be. */
  readonly share?: (hop: OpenHop) => SharedHop;
}

/** Opens contexts, gets their logs, and closes them all. */
export class Broker implements AsyncDisposable {
  readonly #options: BrokerOptions;
  readonly #sessions: SessionTable;
  readonly #hops: HopTable;
  readonly #prompter: Prompter;
  readonly #targets: TargetTable;
  /** Contexts whose slaves are lent. */
  readonly #lent: { readonly context: Context; readonly entry: SessionEntry }[] = [];
  #closing: Promise<void> | undefined;

  /** @throws {UsageError} `ERR_USAGE_DEADLINE` */
  constructor(options: BrokerOptions = {}) {
    checkMilliseconds("graceMs", options.graceMs);
    checkMilliseconds("leaseMs", options.leaseMs);
    this.#options = options;
    this.#targets = TargetTable.of(options.targets, options.groups);
    const { roots = [], cache = true, onLog, prompter = Prompter.ofTerminal(), kept } = options;
    this.#prompter = prompter;
    this.#sessions = new SessionTable(findersIn(roots, cache), onLog, kept?.exchange);
    this.#hops = new HopTable((...hop) => this.#openHop(...hop));
  }

  /**
   * Open a context: `local`, a destination that `ssh` accepts, or a path: `bastion/web1/sudo:root`.
   * Each hop of a path is opened through the one before, once, and shared by all that goes through
   * it. Does not wait for the context, so that the first call's result costs one round trip. A
   * failure to open it is told by the first call, or by `context.ready()`.
   *
   * @throws {UsageError} `ERR_USAGE_TARGET`, `ERR_USAGE_CLOSED`, `ERR_USAGE_DEADLINE`,
   *   `ERR_USAGE_KIND`
   */
  async connect(target: string, options: ConnectOptions = {}): Promise<Context> {
    return this.#connect(target, options, undefined);
  }

  /**
   * The same work on many targets: `for await (const result of broker.fleet(targets).call(fn))`.
   *
   * @param targets names, or one text: a set, as of `expand`
   * @throws {UsageError} `ERR_USAGE_FLEET`, `ERR_USAGE_DEADLINE`, `ERR_USAGE_TARGET`;
   *   `ERR_USAGE_CONFIG`: a group has a command, which `expand` runs
   */
  fleet(targets: string | readonly string[], options: FleetOptions = {}): Fleet {
    const open = async (target: string, options: ConnectOptions, limits: () => CallLimits) =>
      this.#connect(target, options, undefined, limits);
    const { groups } = this.#targets;
    const names = typeof targets === "string" ? groups.expandNow(targets) : targets;
    return new Fleet(open, names, options);
  }

  /**
   * The names of a set of targets, in the order of writing: `broker.expand("web[01-20],@db!db3")`.
   * The command of a group is run when the group is first used.
   *
   * @throws {UsageError} `ERR_USAGE_TARGET`, `ERR_USAGE_CONFIG`
   */
  expand(set: string): Promise<readonly string[]> {
    return this.#targets.groups.expand(set);
  }

  /**
   * @param from the context that the path begins at; undefined: this process
   * @param limits of calls that set none of their own, besides those of the broker
   */
  #connect(
    target: string,
    options: ConnectOptions,
    from: SessionEntry | undefined,
    limits?: () => CallLimits,
  ): Context {
    this.#checkOpen();
    const chosen = joined(options, this.#options.defaults);
    checkMilliseconds("deadline", chosen.deadline);
    const { schemes } = this.#options;
    const { lend, password, ssh } = chosen;
    const interactive = this.#prompter.withFunction(password).isAble;
    const path = parsePath(target, {
      ssh: { interactive, ...ssh },
      schemes,
      targets: this.#targets,
      behind: from?.hop.name,
    });
    const step = path.at(-1) as PathStep;
    const { transport, interpreter: usual, env } = step;
    const interpreter = chosenInterpreter(options, chosen, usual);
    checkLend(lend, interpreter);
    const callDefaults = bothLimits(limits, this.#options.callDefaults);
    const { start, steps, lent } = this.#begin(path, from);
    if (lent !== undefined) {
      return this.#borrow(lent, { name: chosen.name ?? target, env, callDefaults });
    }
    const rest = path.slice(steps);
    const isWhole = rest.length === 0;
    const way = rest.slice(0, -1);
    const ofHops = { key: JSON.stringify(ssh), password };
    const hops = this.#hops;
    const enter = (): HopPass | undefined =>
      way.length === 0 ? undefined : hops.pass(way, start?.hop, ofHops);
    const pass = enter();
    const name = chosen.name ?? (from === undefined ? target : `${from.hop.name}/${target}`);
    const via = pass?.hop ?? start?.hop;
    // What is opened in a kept context is at the place of that context.
    const behind = isWhole ? start?.hop.way.at(-1) : via;
    const before = isWhole ? start?.context?.via : (pass?.context ?? start?.context);
    const isPlain = chosen.name === undefined && isSpelt(target, path, schemes);
    const place = isPlain ? placeOf(transport, behind) : `${name}: ${placeOf(transport, behind)}`;
    const settings = { ...this.#settingsOf(name, chosen), place, transport, interpreter, via };
    const opening = { settings, lend, enter, env, callDefaults };
    const within = { ...opening, settings: { ...settings, transport: localAt(transport) } };
    if (isWhole) return this.#open(within, pass, before).context;
    // Paths go through this host already: the context is one more process there.
    const host = hops.known(step, via, ofHops);
    if (host !== undefined) {
      pass?.release();
      const enter = (): HopPass => hops.pass(rest, start?.hop, ofHops);
      const beside = { ...within.settings, via: host.hop };
      return this.#open({ ...opening, settings: beside, enter }, host, before).context;
    }
    const isShared = isLikeHop(chosen, interpreter, readKind(usual));
    const share = (hop: OpenHop): SharedHop => hops.share(hop, step, via, ofHops);
    return this.#open(isShared ? { ...opening, share } : opening, pass, before).context;
  }

  /** @returns the context that a path begins at, after how many steps, and what is lent there */
  #begin(path: readonly PathStep[], from: SessionEntry | undefined) {
    const kept = from === undefined ? this.#options.kept?.find(path) : undefined;
    if (kept === undefined) return { start: from, steps: 0 };
    const { id, steps, lent } = kept;
    const slave = lent === undefined ? undefined : this.#sessions.get(lent);
    return { start: this.#sessions.get(id), steps, lent: slave };
  }

  /** Makes a context of a slave that is lent. It ends with its calls, and the slave stays. */
  #borrow(
    entry: SessionEntry,
    own: Pick<Opening, "env" | "callDefaults"> & { readonly name: string },
  ): Context {
    const { graceMs = 2_000, signal } = this.#options;
    const via = entry.context?.via?.via;
    const settings = { ...own, id: entry.hop.id, graceMs, signal, via, isLent: true };
    const context = new Context(settings, this.#sessions.router, entry.session);
    this.#lent.push({ context, entry });
    return context;
  }

  /** Opens a context that carries others. Any interpreter will do, unless settings name one. */
  #openHop(step: PathStep, via: Hop | undefined, password: Password): OpenHop {
    const { transport, interpreter: usual } = step;
    const { label } = transport;
    const name = via === undefined ? label : `${via.name}/${label}`;
    const place = placeOf(transport, via);
    const options = { ...this.#options.defaults, ...(password && { password }) };
    const own = this.#settingsOf(name, options);
    const settings = { ...own, place, transport, via, interpreter: readKind(usual) };
    const before = via === undefined ? undefined : this.#sessions.get(via.id)?.context;
    const { callDefaults } = this.#options;
    const opening = { settings, lend: undefined, enter: () => undefined, callDefaults };
    const entry = this.#open(opening, undefined, before);
    entry.isHop = true;
    return { hop: entry.hop, context: entry.context };
  }

  #open(
    opening: Opening,
    pass: HopPass | undefined,
    via: Context | undefined,
  ): SessionEntry & { context: Context } {
    const { graceMs = 2_000, signal } = this.#options;
    const {
      callDefaults,
      settings: { interpreter, name },
    } = opening;
    const first = this.#openSlave(opening, pass);
    // The slave that contexts are opened through: another, if the host cannot have the first.
    let current = first;
    const openBeside = (language: Language, isInstead: boolean): OpenedSlave => {
      if (!isInstead) first.hop.prepare();
      const settings = settingsBeside(opening.settings, first.hop, language, isInstead);
      const lend = language === "javascript" ? opening.lend : undefined;
      const pass = isInstead ? opening.enter() : undefined;
      const entry = this.#openSlave({ ...opening, settings, lend }, pass);
      if (isInstead) current = entry;
      if (first.context !== undefined) entry.context = first.context;
      return { id: entry.hop.id, session: entry.session };
    };
    const context = new Context(
      {
        ...{ id: first.hop.id, name, graceMs, signal, callDefaults, via, env: opening.env },
        connect: (target, options) => this.#connect(target, options, current),
        meet: (one, other) => this.#sessions.meet(one, other),
        isChosen: interpreter !== undefined,
        // An interpreter that was named by its path is the only one.
        openBeside: interpreter?.path === undefined ? openBeside : undefined,
        withdraw: () => shared?.withdraw(),
      },
      this.#sessions.router,
      first.session,
    );
    first.context = context;
    const shared = opening.share?.({ hop: first.hop, context });
    void first.session.gone.then(() => shared?.withdraw());
    return Object.assign(first, { context });
  }

  /** @param pass what its hops are kept open with; it is released when the slave is gone */
  #openSlave({ settings, lend }: Opening, pass: HopPass | undefined): SessionEntry {
    const { graceMs = 2_000, onLend } = this.#options;
    const id = this.#sessions.router.allocateId();
    const via = pass?.hop ?? settings.via;
    const lending = { target: { ...settings, via }, graceMs, onLend };
    const lender = lenderFor(lend, this.#sessions, lending);
    const entry = this.#sessions.open({ ...settings, id, via, lender });
    void entry.session.gone.then(() => pass?.release());
    return entry;
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return;
    throw new UsageError("ERR_USAGE_CLOSED", "the broker is closed\n  try: a new Broker");
  }

  #settingsOf(name: string, options: ConnectOptions) {
    const { leaseMs = 45_000, logLevel = "info" } = this.#options;
    return {
      name,
      prompter: this.#prompter.withFunction(options.password),
      argv0: options.argv0 ?? defaultArgv0(),
      level: LEVELS[logLevel],
      connectMs: options.deadline ?? 60_000,
      isConnectTotal: options.deadline !== undefined,
      leaseMs,
      unpacking: { names: options.unpack ?? [], into: options.unpackInto },
    };
  }

  /** @internal What brokers beside this one share with it. */
  get exchange(): Exchange {
    return this.#sessions.exchange;
  }

  /** Close every context, all at once, each as `Context.close` does. Idempotent; never rejects. */
  close(): Promise<void> {
    this.#prompter.stop();
    this.#closing ??= (async () => {
      const sessions = this.#sessions.all();
      this.#hops.close();
      // Hops close when nothing goes through them any more.
      const opened = sessions.filter(({ isHop }) => !isHop);
      const contexts = [...opened, ...this.#lent].map(({ context }) => context?.close());
      await Promise.all(contexts);
      await Promise.all(sessions.map(({ session }) => session.gone));
      await this.#prompter.close();
    })();
    return this.#closing;
  }

  /** End every context by force, at once; every pending call gets `reason`. */
  async sever(reason: EcontextError): Promise<void> {
    this.#prompter.stop();
    const all = [...this.#sessions.all(), ...this.#lent.map(({ entry }) => entry)];
    for (const { session } of all) session.sever(reason);
    await Promise.all(all.map(({ session }) => session.gone));
    await this.#prompter.close();
  }

  /** @internal */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "Broker {}";
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** @returns how errors of opening it name a context: the hop that starts it, then the word */
function placeOf({ label }: PathStep["transport"], via: Hop | undefined): string {
  return via === undefined ? label : `${via.name}: ${label}`;
}

function bothLimits(
  own: (() => CallLimits) | undefined,
  general: (() => CallLimits) | undefined,
): (() => CallLimits) | undefined {
  if (own === undefined || general === undefined) return own ?? general;
  return () => withDefaults(own(), general());
}

/**
 * Whether paths may go through a context.
 *
 * @param usual the interpreter of a hop in its place; undefined: any will do
 */
function isLikeHop(
  { name, lend }: ConnectOptions,
  interpreter: Interpreter | undefined,
  usual: Interpreter | undefined,
): boolean {
  const isUsual = interpreter?.kind === usual?.kind && interpreter?.path === usual?.path;
  return isUsual && name === undefined && lend === undefined;
}
