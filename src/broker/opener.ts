/**
 * Opener: from what a user writes to a context. It puts the parts together for each target:
 * transport, interpreter, lending and session, through the hops of its path.
 */
import { type CallLimits, checkMilliseconds, withDefaults } from "../calls/options.ts";
import { type ConnectOptions, chosenInterpreter, joined } from "../context/connect-options.ts";
import { Context, type OpenedSlave } from "../context/context.ts";
import { UsageError } from "../errors.ts";
import { type Interpreter, type Language, readKind } from "../interpreters/kind.ts";
import { defaultArgv0 } from "../interpreters/process-title.ts";
import type { Hop } from "../launch/hop.ts";
import { checkLend, type LendOption, lenderFor } from "../lend/lender.ts";
import { LEVELS } from "../logs/log.ts";
import type { Prompter } from "../prompts/prompter.ts";
import {
  localAt,
  type SessionEntry,
  type SessionTable,
  type SlaveSettings,
  settingsBeside,
} from "../session/session-table.ts";
import { type HopPass, HopTable, type OpenHop, type SharedHop } from "../tree/hop-table.ts";
import { isSpelt, type PathStep, parsePath, type TargetTable } from "../tree/target-path.ts";
import type { BrokerOptions } from "./options.ts";

type Password = ConnectOptions["password"];

/** What a path does not say of a context. */
interface Beginning {
  /** The context that the path begins at; undefined: this process. */
  readonly from?: SessionEntry | undefined;
  /** Limits of calls that set none of their own, besides those of the broker. */
  readonly limits?: () => CallLimits;
}

/** What a context is called, and what its commands and calls get. */
interface ContextUse {
  readonly name: string;
  /** Variables of each command. */
  readonly env: PathStep["env"];
  /** Limits of calls and commands that set none of their own. */
  readonly callDefaults: (() => CallLimits) | undefined;
}

/** How the slaves of one context are opened. */
interface Opening extends Omit<ContextUse, "name"> {
  readonly settings: SlaveSettings;
  readonly lend: LendOption;
  /** Keeps the hops of the path open for one slave more; undefined if there are none. */
  readonly enter: () => HopPass | undefined;
  /** Lets paths go through the context, if it is as a hop of theirs would be. */
  readonly share?: (hop: OpenHop) => SharedHop;
}

/** The way to a context that no lent slave stands at the end of. */
interface Way {
  readonly path: readonly PathStep[];
  /** How many steps of the path lead to `start`. */
  readonly steps: number;
  /** The context that the rest of the path begins at; undefined: this process. */
  readonly start: SessionEntry | undefined;
  /** Whether the context has the name of its path, spelt as its parts are. */
  readonly isPlain: boolean;
}

export class Opener {
  /** Contexts whose slaves are lent. */
  readonly lent: { readonly context: Context; readonly entry: SessionEntry }[] = [];
  readonly #options: BrokerOptions;
  readonly #targets: TargetTable;
  readonly #sessions: SessionTable;
  readonly #prompter: Prompter;
  readonly #hops: HopTable;
  #isStopped = false;

  constructor(
    options: BrokerOptions,
    targets: TargetTable,
    sessions: SessionTable,
    prompter: Prompter,
  ) {
    this.#options = options;
    this.#targets = targets;
    this.#sessions = sessions;
    this.#prompter = prompter;
    this.#hops = new HopTable((...hop) => this.#openHop(...hop));
  }

  /** As `connect` of a broker. Throws what that rejects with. */
  connect(target: string, options: ConnectOptions, { from, limits }: Beginning = {}): Context {
    if (this.#isStopped) {
      throw new UsageError("ERR_USAGE_CLOSED", "the broker is closed\n  try: a new Broker");
    }
    const chosen = joined(options, this.#options.defaults);
    checkMilliseconds("deadline", chosen.deadline);
    const path = this.#pathOf(target, chosen, from);
    const { interpreter: usual, env } = path.at(-1) as PathStep;
    const interpreter = chosenInterpreter(options, chosen, usual);
    checkLend(chosen.lend, interpreter);
    const callDefaults = bothLimits(limits, this.#options.callDefaults);
    const { start, steps, lent } = this.#begin(path, from);
    if (lent !== undefined) {
      return this.#borrow(lent, { name: chosen.name ?? target, env, callDefaults });
    }
    const name = chosen.name ?? (from === undefined ? target : `${from.hop.name}/${target}`);
    const isPlain = chosen.name === undefined && isSpelt(target, path, this.#options.schemes);
    return this.#openAlong({ path, steps, start, isPlain }, chosen, interpreter, {
      name,
      env,
      callDefaults,
    });
  }

  /** Opens no context any more. Hops end when nothing goes through them. */
  stop(): void {
    this.#isStopped = true;
    this.#hops.close();
  }

  /** @throws {UsageError} `ERR_USAGE_TARGET` */
  #pathOf(
    target: string,
    { password, ssh }: ConnectOptions,
    from: SessionEntry | undefined,
  ): readonly PathStep[] {
    const interactive = this.#prompter.withFunction(password).isAble;
    return parsePath(target, {
      ssh: { interactive, ...ssh },
      schemes: this.#options.schemes,
      targets: this.#targets,
      behind: from?.hop.name,
    });
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
  #borrow(entry: SessionEntry, use: ContextUse): Context {
    const { graceMs = 2_000, signal } = this.#options;
    const via = entry.context?.via?.via;
    const settings = { ...use, id: entry.hop.id, graceMs, signal, via, isLent: true };
    const context = new Context(settings, this.#sessions.router, entry.session);
    this.lent.push({ context, entry });
    return context;
  }

  #openAlong(
    { path, steps, start, isPlain }: Way,
    chosen: ConnectOptions,
    interpreter: Interpreter | undefined,
    { name, env, callDefaults }: ContextUse,
  ): Context {
    const { lend, password, ssh } = chosen;
    const step = path.at(-1) as PathStep;
    const { transport } = step;
    const rest = path.slice(steps);
    const isWhole = rest.length === 0;
    const way = rest.slice(0, -1);
    const ofHops = { key: JSON.stringify(ssh), password };
    const hops = this.#hops;
    const enter = (): HopPass | undefined =>
      way.length === 0 ? undefined : hops.pass(way, start?.hop, ofHops);
    const pass = enter();
    const via = pass?.hop ?? start?.hop;
    // What is opened in a kept context is at the place of that context.
    const behind = isWhole ? start?.hop.way.at(-1) : via;
    const before = isWhole ? start?.context?.via : (pass?.context ?? start?.context);
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
    const isShared = isLikeHop(chosen, interpreter, readKind(step.interpreter));
    const share = (hop: OpenHop): SharedHop => hops.share(hop, step, via, ofHops);
    return this.#open(isShared ? { ...opening, share } : opening, pass, before).context;
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
    const opening = {
      settings,
      lend: undefined,
      enter: () => undefined,
      env: undefined,
      callDefaults,
    };
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
        id: first.hop.id,
        name,
        graceMs,
        signal,
        callDefaults,
        via,
        env: opening.env,
        connect: (target, options) => this.connect(target, options, { from: current }),
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
