/**
 * Slaves: the one or two processes that do the work of a context. The first is started by the first
 * use. The second is started by a call that needs the other language, and only then: beside the
 * first, or instead of it if the host has no interpreter for the first. Decides which slave does
 * what, and ends both in order.
 */
import type { Callee } from "../calls/callee.ts";
import { Caller, type CallerSettings } from "../calls/caller.ts";
import type { EcontextError } from "../errors.ts";
import {
  LACKS_INTERPRETER,
  type Language,
  otherLanguage,
  otherThan,
} from "../interpreters/kind.ts";
import type { MeetingPlace } from "../mux/context-link.ts";
import type { Router } from "../mux/router.ts";
import type { Session } from "./session.ts";

/** A slave that a broker has opened: it is not started yet. */
export interface OpenedSlave {
  readonly id: number;
  readonly session: Session;
}

export interface SlavesSettings {
  /** The name of the context, which all its slaves share. */
  readonly name: string;
  /** Milliseconds that a cancelled call has to end, and each slave to drain. */
  readonly graceMs: number;
  /** Cancels every call. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether the user asked for a kind. A name that may be of either language is then taken for the
   * kind's own; else for Python's.
   */
  readonly isChosen?: boolean | undefined;
  readonly meet?: Meet | undefined;
  /** The one slave is lent: it does not end with the context. */
  readonly isLent?: boolean | undefined;
  /**
   * Opens the second slave. Absent: the context has one slave only.
   *
   * @param isInstead there is no first one, because the host has no interpreter for it
   */
  readonly openBeside?: ((language: Language, isInstead: boolean) => OpenedSlave) | undefined;
}

/** @returns the last hop that two slaves are behind; undefined if there is none */
export type Meet = (one: number, other: number) => MeetingPlace | undefined;

/** One slave, and how it is called. */
export interface Slave {
  readonly session: Session;
  readonly caller: Caller;
}

export class Slaves {
  readonly #settings: SlavesSettings;
  readonly #router: Router;
  readonly #first: Slave;
  #second: Slave | undefined;

  constructor(settings: SlavesSettings, router: Router, first: OpenedSlave) {
    this.#settings = settings;
    this.#router = router;
    this.#first = this.#slave(first, (callee) => this.#callerFor(callee));
  }

  /** Takes every call of the context. */
  get caller(): Caller {
    return this.#first.caller;
  }

  /** The slave for work that either language can do: the first, if the host has its language. */
  get any(): Slave {
    const first = this.#first;
    const its = first.session.language();
    if (this.#settings.isChosen === true || its === undefined || !isLacking(first)) return first;
    return this.#secondFor(otherThan(its)) ?? first;
  }

  /**
   * The slave for work that `any` lacks something for, opened if there is none. Undefined: the
   * context has one slave only.
   */
  get other(): Slave | undefined {
    const { session, caller } = this.#first;
    const its = session.language();
    if (its === undefined || caller.unavailable() !== undefined) return undefined;
    return this.#secondFor(otherThan(its));
  }

  /** Whether a slave has answered. */
  get connected(): boolean {
    return this.#all.some(({ session }) => session.isReady());
  }

  /** Resolves when a slave has answered, or it is known that none will. Starts no slave. */
  async opened(): Promise<void> {
    await this.#first.session.settled();
    if (!isLacking(this.#first)) return;
    // A call that waits has the second slave started now.
    await new Promise((resolve) => setImmediate(resolve));
    await this.#second?.session.settled();
  }

  /** Why the first slave ended, once it has. */
  get failure(): EcontextError | undefined {
    return this.#first.session.reason();
  }

  /**
   * Why the context can do nothing more: it was closed, or its first slave has ended and the other
   * language cannot work either.
   */
  get ended(): EcontextError | undefined {
    const reason = this.caller.unavailable();
    return reason === this.failure && isLacking(this.#first) ? undefined : reason;
  }

  /** Resolves when no process of the first slave is left. */
  get gone(): Promise<void> {
    return this.#first.session.gone;
  }

  /** Refuses later calls. */
  refuse(): void {
    this.#first.caller.close();
  }

  /** No call follows: a slave that can end by itself after its calls is told so now. */
  finishAhead(): void {
    if (this.canFinishAhead) void this.#first.caller.finishAhead();
  }

  /** Whether a slave can be told, with its last call, that no other follows. */
  get canFinishAhead(): boolean {
    return this.#settings.isLent !== true && this.#second === undefined;
  }

  /**
   * Lets both slaves finish their calls, and ends both. A slave that does not end in its grace time
   * is ended by force.
   */
  async close(): Promise<void> {
    const first = this.#first;
    if (this.#settings.isLent === true) return this.#giveBack(first);
    severIfIdle(first);
    const timer = this.#grace(() => first.caller.overdue());
    // Calls that wait for the first slave's answer may be the second's.
    await first.caller.decided();
    clearTimeout(timer);
    if (this.#second !== undefined) {
      severIfIdle(this.#second);
      this.#second.caller.close();
    }
    const all = this.#all;
    for (const slave of all) await this.#end(slave, all);
  }

  /** Resolves when no caller waits, at the latest when the grace time is over. */
  async idle(): Promise<void> {
    const over = Promise.withResolvers<void>();
    const timer = this.#grace(over.resolve);
    const idle = this.#first.caller
      .decided()
      .then(() => Promise.all(this.#all.map(({ caller }) => caller.idle())));
    await Promise.race([idle, over.promise]);
    clearTimeout(timer);
  }

  /** Every slave, each before the one that it was opened through. */
  get #all(): readonly Slave[] {
    return this.#second === undefined ? [this.#first] : [this.#second, this.#first];
  }

  async #giveBack({ caller }: Slave): Promise<void> {
    const timer = this.#grace(() => caller.overdue());
    await caller.idle();
    clearTimeout(timer);
  }

  async #end(slave: Slave, all: readonly Slave[]): Promise<void> {
    const timer = this.#grace(() => {
      for (const one of all) if (one === slave || one.caller.waiting > 0) one.caller.overdue();
    });
    // A call of one slave may need what a call of the other sends.
    if (all.length > 1) await Promise.all(all.map(({ caller }) => caller.idle()));
    await slave.caller.finish();
    await slave.session.gone;
    clearTimeout(timer);
  }

  #grace(over: () => void): ReturnType<typeof setTimeout> {
    return setTimeout(over, this.#settings.graceMs);
  }

  /**
   * @returns undefined while it is not known whether the host has the first slave's language
   * @throws {UsageError} `ERR_USAGE_LANGUAGE`
   */
  #callerFor({ name, language, wants }: Callee): Caller | undefined {
    const { isChosen = false, openBeside } = this.#settings;
    const needed = isChosen || wants === "any" ? language : wants;
    const { session, caller } = this.#first;
    const its = session.language();
    if (its === undefined) return session.reason() === undefined ? undefined : caller;
    if (needed === its) return caller;
    if (needed === undefined) return this.any.caller;
    if (openBeside === undefined) throw otherLanguage(this.#settings.name, its, name, needed);
    return this.#secondFor(needed)?.caller;
  }

  /** @returns the second slave, which is opened if there is none; undefined: it is too early */
  #secondFor(language: Language): Slave | undefined {
    const { openBeside } = this.#settings;
    const { session } = this.#first;
    if (openBeside === undefined) return undefined;
    const isInstead = isLacking(this.#first);
    if (session.reason() !== undefined && !isInstead) return this.#first;
    if (!session.isReady() && !isInstead) return undefined;
    if (this.#second === undefined || isWorthATry(this.#second)) {
      this.#second = this.#slave(openBeside(language, isInstead));
      this.#second.session.start(language);
    }
    return this.#second;
  }

  #slave({ id, session }: OpenedSlave, route?: CallerSettings["route"]): Slave {
    const { name, graceMs, signal } = this.#settings;
    const mapStack = (text: string): string => session.mapStack(text);
    const meet = (other: number) => this.#settings.meet?.(id, other);
    const link = { id, name, router: this.#router, mapStack, meet };
    return { session, caller: new Caller(link, session, { graceMs, signal, route }) };
  }
}

/** A slave that has not answered, and for which no call waits, need not end in good order. */
function severIfIdle({ session, caller }: Slave): void {
  if (!session.isReady() && caller.waiting === 0) session.sever(caller.closed());
}

/** Whether the host has no interpreter for a slave. */
function isLacking({ session }: Slave): boolean {
  const reason = session.reason();
  return reason !== undefined && !session.isReady() && LACKS_INTERPRETER.includes(reason.code);
}

/** Whether a slave failed to start for a reason that may have passed. It has no state to lose. */
function isWorthATry({ session }: Slave): boolean {
  const reason = session.reason();
  return reason !== undefined && !session.isReady() && reason.code !== "ERR_USAGE_LANGUAGE";
}
