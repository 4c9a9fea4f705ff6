/**
 * ConfigurationCache: what `ssh -G` has said to a command line, kept while something is connected
 * by it. So for a host that a hundred connections jump through, ssh is asked once; and for hosts
 * that it treats alike, too.
 */
import { classOf, forOther, type HostClass } from "./alike-hosts.ts";
import {
  type Configured,
  configurationOf,
  type SshConfiguration,
  usualConfiguration,
} from "./configuration.ts";

export interface Answer extends Configured {
  /** What ssh takes without a file and without options. */
  readonly usual: SshConfiguration;
}

interface Entry {
  readonly answer: Promise<Answer>;
  /** Ends the client when nothing waits for its answer any more. */
  readonly abort: AbortController;
  readonly alike: HostClass | undefined;
  users: number;
}

export class ConfigurationCache {
  readonly #kept = new Map<string, Entry>();
  /** The entry of each class of hosts that ssh was asked about, by its key. */
  readonly #classes = new Map<string, Entry>();

  /**
   * @param options of ssh's command line
   * @returns the answer, and a function to call once it is not used any more
   */
  lease(options: readonly string[], destination: string): readonly [Promise<Answer>, () => void] {
    const words = JSON.stringify([options, destination]);
    const kept = this.#kept.get(words) ?? this.#begin(options, destination);
    this.#kept.set(words, kept);
    kept.users += 1;
    const release = (): void => {
      kept.users -= 1;
      if (kept.users > 0) return;
      this.#kept.delete(words);
      kept.abort.abort();
      const { key = "" } = kept.alike ?? {};
      if (this.#classes.get(key) === kept) this.#classes.delete(key);
    };
    return [kept.answer, release];
  }

  #begin(options: readonly string[], destination: string): Entry {
    const abort = new AbortController();
    const alike = classOf(options, destination);
    const other = alike && this.#classes.get(alike.key);
    const ownAnswer = (): Promise<Answer> => ask(options, destination, abort.signal);
    const answer =
      alike === undefined || other === undefined
        ? ownAnswer()
        : answerOf(other, alike.name).then((found) => found ?? ownAnswer());
    answer.catch(() => {}); // the one that waited for it may have left
    const entry = { answer, abort, alike, users: 0 };
    if (alike !== undefined && other === undefined) this.#classes.set(alike.key, entry);
    return entry;
  }
}

/** @returns the answer for a host of the same class; undefined: ssh has to be asked */
async function answerOf({ answer, alike }: Entry, name: string): Promise<Answer | undefined> {
  const known = await answer.catch(() => undefined);
  const configuration = known && forOther(known, alike?.name ?? "", name);
  return configuration && { ...known, configuration };
}

/** @throws {ConfigurationProblem} */
async function ask(
  options: readonly string[],
  destination: string,
  signal: AbortSignal,
): Promise<Answer> {
  const [configured, usual] = await Promise.all([
    configurationOf(options, destination, signal),
    usualConfiguration(),
  ]);
  return { ...configured, usual };
}
