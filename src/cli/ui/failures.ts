/**
 * What went wrong, on stderr: a line for each target that failed, and at the end how many did and which. As text, or as a record of
 * `--log-format json`. Knows no context.
 */

import { describe } from "../report-error.ts";
import { logLines } from "./log-lines.ts";
import { stderr } from "./output.ts";

/** `LEVELS.error`, without the library that it is in. */
const ERROR = 40;

export class Failures {
  readonly #targets: readonly string[];
  readonly #format: "text" | "json";
  readonly #erased: () => string;
  readonly #failed = new Set<number>();

  /**
   * @param targets one alone says all that is known; of several, each says it in a line
   * @param erased what is written first, every time
   */
  constructor(targets: readonly string[], format: "text" | "json", erased: () => string) {
    this.#targets = targets;
    this.#format = format;
    this.#erased = erased;
  }

  /** To be named at the end. @param at which of the targets */
  count(at: number): void {
    this.#failed.add(at);
  }

  async tell(target: string, error: unknown): Promise<void> {
    const isShort = this.#targets.length > 1 && this.#format === "text";
    const shown = isShort && error instanceof Error ? withoutTraceback(error) : error;
    const text = await describe(shown);
    this.say(target, isShort ? text.replace(/\n\s*/g, "; ") : text);
  }

  /** @param text of one or more lines, made harmless for a terminal */
  say(target: string, text: string): void {
    const record = { context: target, logger: "econtext", level: ERROR, message: text };
    const isJson = this.#format === "json";
    const lines = isJson ? logLines({ ...record, time: Date.now() }, "json", false) : `${text}\n`;
    stderr.write(this.#erased() + lines).catch(() => {});
  }

  /** The closing line, when some of several have failed. */
  conclude(): void {
    const failed = this.#targets.filter((_, at) => this.#failed.has(at));
    if (this.#targets.length < 2 || failed.length === 0) return;
    this.say("", `${failed.length} of ${this.#targets.length} failed: ${failed.join(" ")}`);
  }
}

function withoutTraceback(error: Error): Error {
  return "traceback" in error ? Object.create(error, { traceback: { value: "" } }) : error;
}
