/**
 * Keeper: contexts that stay open between commands, and what is lent to a command of them. A kept
 * context carries others and runs no code of a user. A command gets a slave of its own behind the
 * context, or one that has run other commands, and no function, before.
 */
import { Broker } from "../broker/broker.ts";
import type { BrokerOptions } from "../broker/options.ts";
import type { Context } from "../context/context.ts";
import type { SlaveInfo } from "../context/session.ts";
import type { Link } from "../mux/link.ts";
import { Exchange } from "../session/exchange.ts";
import type { KeptPart } from "../tree/hop-table.ts";
import { type PathStep, parsePath, prefixesOf } from "../tree/target-path.ts";
import { type Entry, idleOf, type KeptContext, type Opening, sshOf } from "./kept-context.ts";
import { Reopening } from "./reopening.ts";
import { compareWays, keyOf } from "./way-key.ts";

/** What the brokers of commands take. */
export type KeptContexts = NonNullable<BrokerOptions["kept"]>;

/** A context that was open for so many milliseconds is opened anew without a pause. */
const STABLE_MS = 60_000;
/** How many slaves that no command uses stay open for one context. */
const MAX_IDLE = 4;

/** What is lent to one command. */
export interface Loan extends KeptContexts {
  /** @param isClean whether the slaves may be lent again */
  end(isClean: boolean): void;
}

export class Keeper {
  readonly #exchange = new Exchange();
  readonly #entries = new Map<string, Entry>();
  /** Contexts that are being opened. */
  readonly #opening = new Map<string, Promise<Entry>>();

  /** The contexts that are kept, or were until they were lost: hops before what is behind them. */
  list(): KeptContext[] {
    this.tend();
    const all = [...this.#entries.values()];
    const inOrder = all.sort((one, other) => compareWays(one.way, other.way));
    return inOrder.map((entry) => ({
      target: entry.target,
      context: entry.context,
      slave: entry.slave,
      openedAt: entry.openedAt,
      commands: entry.users.size,
      served: entry.served,
      idleMs: idleOf(entry),
      depth: entry.way.filter((_, at) => at > 0 && this.#entries.has(keyOf(entry.way.slice(0, at))))
        .length,
      via: this.#entries.get(keyOf(entry.way.slice(0, -1)))?.target,
      ssh: sshOf(entry.way.at(-1)?.transport),
      sshRefusal: this.#exchange.get(entry.context.id)?.sshRefusal,
      traffic: entry.way.length > 1 ? undefined : this.#linkOf(entry)?.traffic,
      lost: this.#lossOf(entry),
      retryMs: this.#reopeningOf(entry)?.dueMs,
      retryError: this.#reopeningOf(entry)?.error,
    }));
  }

  /**
   * Opens a context and keeps it, with the hops on the way.
   *
   * @throws {EcontextError} it could not be opened
   */
  async open(target: string, opening: Opening): Promise<SlaveInfo> {
    // A person may be asked now: an attempt that asks no person must not take its place.
    for (const entry of this.#entries.values()) await this.#stopReopening(entry);
    const entry = await this.#openWay(target, opening);
    entry.isNamed = true;
    return entry.slave;
  }

  /** Opens lost contexts anew. To be called often. */
  tend(): void {
    if (this.#opening.size > 0) return;
    for (const entry of this.#entries.values()) {
      if (!entry.isNamed || this.#lossOf(entry) === undefined) continue;
      const isStable = Date.now() - entry.openedAt > STABLE_MS;
      entry.reopening ??= new Reopening(
        (signal) => this.#reopen(entry, signal),
        isStable ? 0 : entry.attempts,
      );
      entry.reopening.turn();
    }
  }

  async #reopen({ target, opening }: Entry, signal: AbortSignal): Promise<void> {
    const { prompter, ...settings } = await opening.again();
    const own = { ...settings, ...(prompter && { prompter }), signal };
    try {
      await this.#openWay(target, { ...opening, settings: own });
    } finally {
      await prompter?.close();
      // `close` may have been called meanwhile. What it has left is closed here.
      if (signal.aborted) await this.#closeNeedless();
    }
  }

  async #stopReopening(entry: Entry): Promise<void> {
    await entry.reopening?.stop();
    entry.reopening = undefined;
  }

  /** Opens the hops on the way, each through the one before, and the context. */
  async #openWay(target: string, opening: Opening): Promise<Entry> {
    for (const hop of prefixesOf(target)) await this.#open(hop, opening);
    return this.#open(target, opening);
  }

  async #open(target: string, opening: Opening): Promise<Entry> {
    const { options, settings } = opening;
    const way = parsePath(target, { ssh: { interactive: false, ...options.ssh }, ...settings });
    const key = keyOf(way);
    const known = this.#entries.get(key);
    if (known !== undefined && this.#lossOf(known) === undefined) return known;
    const connecting = this.#opening.get(key) ?? this.#connect({ target, way, key }, opening);
    this.#opening.set(key, connecting);
    try {
      return await connecting;
    } finally {
      this.#opening.delete(key);
    }
  }

  async #connect(place: Pick<Entry, "target" | "way" | "key">, opening: Opening): Promise<Entry> {
    const { target, key } = place;
    const { signal, prompter, ...settings } = opening.settings;
    const find = (steps: readonly PathStep[]) => this.#find(steps);
    const broker = new Broker({
      ...settings,
      // Others may be opened with it at the same time.
      ...(prompter && { prompter: prompter.shared() }),
      kept: { exchange: this.#exchange, find },
    });
    const stop = (): void => void broker.close();
    signal?.addEventListener("abort", stop);
    try {
      const context = await broker.connect(target, opening.options);
      const slave = await context.ready();
      const isPython = slave.kind === "python";
      const isTidy = isPython && (await context.call("os.path.exists", "/proc/loadavg")) === true;
      const before = this.#entries.get(key);
      const entry: Entry = {
        ...place,
        opening,
        broker,
        context,
        slave,
        isTidy,
        reason: this.#reasonOf(context),
        openedAt: Date.now(),
        users: new Set(),
        idle: [],
        served: before?.served ?? 0,
        usedAt: before?.usedAt,
        isNamed: before?.isNamed === true,
        reopening: undefined,
        attempts: before?.reopening?.attempts ?? 0,
      };
      this.#entries.set(key, entry);
      void before?.broker.close();
      // The first command shall not wait for an interpreter.
      if (isTidy) entry.idle.push(await this.#openSlave(entry));
      return entry;
    } catch (error) {
      await broker.close();
      throw error;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  /** @returns how many steps of this way are kept; 0: none */
  covers(way: readonly PathStep[]): number {
    const steps = this.#find(way)?.steps ?? 0;
    if (steps < way.length) this.#hurry(way);
    return steps;
  }

  /** A command wants contexts that were lost: they are opened anew at once. */
  #hurry(way: readonly PathStep[]): void {
    for (const at of way.keys()) {
      this.#entries.get(keyOf(way.slice(0, at + 1)))?.reopening?.hurry();
    }
  }

  /**
   * @param reuses whether the command may use a slave that has run other commands
   * @param revoked is called when a context that the command uses is about to close
   */
  async lend(
    ways: readonly (readonly PathStep[])[],
    reuses: boolean,
    revoked: () => void,
  ): Promise<Loan> {
    // Its own function: one command may use a context several times, and is told once.
    const user = (): void => revoked();
    const used: Entry[] = [];
    const lent: { readonly entry: Entry; readonly slave: Context }[] = [];
    const free = new Map<string, number[]>();
    for (const way of ways) {
      const entry = this.#entryOf(way);
      if (entry === undefined) continue;
      entry.users.add(user);
      entry.served += 1;
      used.push(entry);
      if (!reuses || !entry.isTidy || entry.key !== keyOf(way)) continue;
      const slave = await this.#take(entry);
      lent.push({ entry, slave });
      free.set(entry.key, [...(free.get(entry.key) ?? []), slave.id]);
    }
    return {
      exchange: this.#exchange,
      find: (way) => {
        const part = this.#find(way);
        const whole = part?.steps === way.length ? free.get(keyOf(way))?.shift() : undefined;
        return part && { ...part, lent: whole };
      },
      end: (isClean) => {
        for (const entry of used.splice(0)) {
          entry.users.delete(user);
          entry.usedAt = Date.now();
        }
        for (const { entry, slave } of lent.splice(0)) this.#giveBack(entry, slave, isClean);
      },
    };
  }

  /**
   * Ends contexts, and all that is behind them; hops that lead nowhere else end with them.
   *
   * @returns the names that are not kept
   */
  async close(targets: readonly string[]): Promise<string[]> {
    const unknown = targets.filter((target) => this.#named(target).length === 0);
    for (const target of targets) {
      for (const entry of this.#named(target)) entry.isNamed = false;
    }
    await this.#closeNeedless();
    return unknown;
  }

  async closeAll(): Promise<void> {
    for (const entry of this.#entries.values()) entry.isNamed = false;
    await this.#closeNeedless();
  }

  /** Whether it keeps no context. A lost one counts until the user closes it. */
  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  async #closeNeedless(): Promise<void> {
    const needed = new Set<string>();
    for (const { isNamed, way } of this.#entries.values()) {
      if (isNamed) for (const at of way.keys()) needed.add(keyOf(way.slice(0, at + 1)));
    }
    const ending = [...this.#entries.values()].filter(({ key }) => !needed.has(key));
    for (const { key } of ending) this.#entries.delete(key);
    // A command that is told can end in good order, and says why.
    for (const user of new Set(ending.flatMap(({ users }) => [...users]))) user();
    await Promise.all(ending.map((entry) => this.#stopReopening(entry)));
    // What is behind a hop ends before the hop.
    for (const { broker } of ending.toReversed()) await broker.close();
  }

  async #take(entry: Entry): Promise<Context> {
    for (let slave = entry.idle.pop(); slave !== undefined; slave = entry.idle.pop()) {
      if (this.#isOpen(slave)) return slave;
    }
    return this.#openSlave(entry);
  }

  #giveBack(entry: Entry, slave: Context, isClean: boolean): void {
    const isUseful = isClean && this.#isOpen(slave) && entry.idle.length < MAX_IDLE;
    if (isUseful) entry.idle.push(slave);
    else void slave.close();
  }

  /** The interpreter is known: it need not be looked for. */
  #openSlave({ context, target, slave }: Entry): Promise<Context> {
    return context.connect("local", { name: target, python: slave.executable });
  }

  #find(way: readonly PathStep[]): KeptPart | undefined {
    const entry = this.#entryOf(way);
    if (entry === undefined) return undefined;
    return { steps: entry.way.length, id: entry.context.id };
  }

  /** @returns the entry of the longest beginning that is open */
  #entryOf(way: readonly PathStep[]): Entry | undefined {
    for (let steps = way.length; steps > 0; steps -= 1) {
      const entry = this.#entries.get(keyOf(way.slice(0, steps)));
      if (entry !== undefined && this.#lossOf(entry) === undefined) return entry;
    }
    return undefined;
  }

  #named(target: string): Entry[] {
    return [...this.#entries.values()].filter((one) => one.isNamed && one.target === target);
  }

  #linkOf({ context }: Entry): Link | undefined {
    return this.#exchange.router.linkOf(context.id);
  }

  /** @returns what opens a lost entry anew; for a hop, what opens an entry behind it */
  #reopeningOf(entry: Entry): Reopening | undefined {
    if (this.#lossOf(entry) === undefined) return undefined;
    const begin = entry.key.slice(0, -1);
    const all = [...this.#entries.values()].filter(({ key }) => key.startsWith(begin));
    return entry.reopening ?? all.find(({ reopening }) => reopening !== undefined)?.reopening;
  }

  #lossOf({ reason }: Entry): string | undefined {
    return reason()?.message;
  }

  #isOpen({ id }: Context): boolean {
    const session = this.#exchange.get(id)?.session;
    return session !== undefined && session.reason() === undefined;
  }

  #reasonOf({ id }: Context): Entry["reason"] {
    const session = this.#exchange.get(id)?.session;
    return () => session?.reason();
  }
}
