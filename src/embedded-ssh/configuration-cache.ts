/**
 * ConfigurationCache: what `ssh -G` has said to a command line, kept while something is connected
 * by it. So for a host that a hundred connections jump through, ssh is asked once.
 */
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
  users: number;
}

export class ConfigurationCache {
  readonly #kept = new Map<string, Entry>();

  /**
   * @param options of ssh's command line
   * @returns the answer, and a function to call once it is not used any more
   */
  lease(options: readonly string[], destination: string): readonly [Promise<Answer>, () => void] {
    const words = JSON.stringify([options, destination]);
    const kept = this.#kept.get(words) ?? begin(options, destination);
    this.#kept.set(words, kept);
    kept.users += 1;
    const release = (): void => {
      kept.users -= 1;
      if (kept.users > 0) return;
      this.#kept.delete(words);
      kept.abort.abort();
    };
    return [kept.answer, release];
  }
}

function begin(options: readonly string[], destination: string): Entry {
  const abort = new AbortController();
  const answer = ask(options, destination, abort.signal);
  answer.catch(() => {}); // the one that waited for it may have left
  return { answer, abort, users: 0 };
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
