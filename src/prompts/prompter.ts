/**
 * Prompter: answers the questions of programs on the way to contexts. It asks the sources in their
 * order, and remembers a password for each account of each machine until the broker is closed.
 */
import { Askpass, type AskpassDoor, type AskpassListener } from "./askpass.ts";
import type { Answer, PasswordFunction, Question, Source } from "./question.ts";
import type { Secret } from "./secret.ts";
import { SharedWait } from "./shared-wait.ts";
import { functionSource } from "./sources.ts";
import { TerminalSource } from "./terminal.ts";
import { Trials } from "./trials.ts";

/** Why there is no answer: no source has one, it was refused before, or `stop` was called. */
export type NoAnswer = "none" | "refused" | "stopped";

interface Found {
  readonly secret: Secret;
  readonly source: Source;
}

type Finding = SharedWait<Found | undefined>;

/** What a broker knows, whatever the sources of a single connection are. */
interface Memory {
  /** By way and user. A source is asked once, for all that want to know meanwhile. */
  readonly known: Map<string, Finding>;
  /** Sources that are still being asked for none: each ends soon. */
  readonly leaving: Set<Promise<void>>;
  readonly trials: Trials;
  /** Ends all questions. */
  readonly closing: AbortController;
  /** Made for the first ssh; null: there can be none. */
  askpass: Askpass | null | undefined;
}

export class Prompter {
  readonly #sources: readonly Source[];
  readonly #memory: Memory;
  /** Whether what it knows is another's, who ends it. */
  #isShared = false;

  constructor(
    sources: readonly Source[],
    memory: Memory = {
      known: new Map(),
      leaving: new Set(),
      trials: new Trials(),
      closing: new AbortController(),
      askpass: undefined,
    },
  ) {
    this.#sources = sources;
    this.#memory = memory;
  }

  /** Whether any question can be answered. */
  get isAble(): boolean {
    return this.#sources.length > 0;
  }

  /** @returns a prompter that asks a person, if there is a terminal */
  static ofTerminal(): Prompter {
    return new Prompter(TerminalSource.isThere() ? [new TerminalSource()] : []);
  }

  /** @returns a prompter that asks this function first, and remembers together with this one */
  withFunction(password: PasswordFunction | undefined): Prompter {
    if (password === undefined) return this;
    return new Prompter([functionSource(password), ...this.#sources], this.#memory);
  }

  /** @returns the same for one of several brokers: when that one is closed, this can still ask */
  shared(): Prompter {
    const prompter = new Prompter(this.#sources, this.#memory);
    prompter.#isShared = true;
    return prompter;
  }

  /**
   * @param signal is aborted when the question is not of interest any more
   * @returns the caller's answer: it must settle it, and overwrite the secret after use
   * @throws what a source throws
   */
  async ask(question: Question, signal: AbortSignal): Promise<Answer | NoAnswer> {
    const { host, way = host, user, kind, prompt } = question;
    const { known, trials } = this.#memory;
    if (signal.aborted) return this.#nothing;
    // The password that is known is about to be replaced.
    if (kind === "change") known.delete(keyOf(way, user));
    if (kind === "other" || kind === "change") {
      const found = await this.#find(question, signal);
      return found === undefined ? this.#nothing : { ...found, settle: () => {} };
    }
    const key = kind === "passphrase" ? `\0\0${prompt}` : keyOf(way, user);
    const finding = known.get(key) ?? this.#begin(key, question);
    const found = await finding.wait(signal);
    if (found === undefined) return this.#nothing;
    // A passphrase is tried on this machine, where nothing gets locked.
    const told = kind === "passphrase" ? () => {} : await trials.begin(found.secret, user, signal);
    if (told === undefined) return "refused";
    const settle = (isRight: boolean | undefined): void => {
      told(isRight);
      // Another context may have found a better answer meanwhile.
      if (isRight === false && known.get(key) === finding) known.delete(key);
    };
    return { secret: found.secret.copy(), source: found.source, settle };
  }

  /** A password of an account is also that of another name for the same account. */
  remember(way: string, user: string, other: string): void {
    const { known } = this.#memory;
    const found = known.get(keyOf(way, user));
    if (found !== undefined && !known.has(keyOf(other, user))) known.set(keyOf(other, user), found);
  }

  /** @returns a way for ssh's own questions; undefined if there can be none */
  door(listener: AskpassListener): AskpassDoor | undefined {
    const hasTerminal = this.#sources.some(({ isPerson }) => isPerson);
    const memory = this.#memory;
    if (memory.askpass === undefined) memory.askpass = Askpass.open() ?? null;
    return memory.askpass?.door(listener, hasTerminal);
  }

  /** Shows a line to a person, if there is one. */
  notice(text: string): void {
    for (const source of this.#sources) source.notice?.(text);
  }

  /** No question is answered any more. One that is being asked ends at once. */
  stop(): void {
    if (!this.#isShared) this.#memory.closing.abort();
  }

  /** Forgets all. */
  async close(): Promise<void> {
    if (this.#isShared) return;
    const { known, leaving, trials, askpass } = this.#memory;
    askpass?.close();
    this.#memory.askpass = undefined;
    trials.wipe();
    const all = [...known.values()];
    known.clear();
    for (const { result } of all) await wiped(result);
    await Promise.all(leaving);
  }

  get #nothing(): NoAnswer {
    return this.#memory.closing.signal.aborted ? "stopped" : "none";
  }

  /** Asks the sources, for all that want to know the same. */
  #begin(key: string, question: Question): Finding {
    const { known, leaving } = this.#memory;
    const forget = (): void => {
      if (known.get(key) === finding) known.delete(key);
    };
    const left = (): void => {
      // What asks the same from now on must not get the end of this question for an answer.
      forget();
      const ended = wiped(finding.result).finally(() => leaving.delete(ended));
      leaving.add(ended);
    };
    const finding: Finding = new SharedWait((signal) => this.#find(question, signal), left);
    known.set(key, finding);
    finding.result.then((found) => found ?? forget(), forget);
    return finding;
  }

  async #find(question: Question, signal: AbortSignal): Promise<Found | undefined> {
    const { closing } = this.#memory;
    const either = AbortSignal.any([signal, closing.signal]);
    for (const source of this.#sources) {
      if (either.aborted) return undefined;
      if (question.kind !== "password" && !source.answersAll) continue;
      const secret = await source.ask(question, either);
      if (secret !== undefined) return { secret, source };
    }
    return undefined;
  }
}

/** Resolves when what is found is overwritten. */
async function wiped(result: Promise<Found | undefined>): Promise<void> {
  (await result.catch(() => undefined))?.secret.wipe();
}

function keyOf(way: string, user: string): string {
  return `${way}\0${user}`;
}
