/**
 * Failures, on stderr: a line for each target that failed, and at the end their number and names.
 * As text, or as a record of `--log-format json`. Knows no context.
 */
import { type Facts, factsOf } from "../error-facts.ts";
import type { Host } from "../host.ts";
import { describe } from "../report-error.ts";
import { logLines } from "./log-lines.ts";

/** Of `LEVELS`: importing it would load the library. */
const LEVELS = { info: 20, error: 40 } as const;

export class Failures {
  readonly #host: Host;
  readonly #targets: readonly string[];
  readonly #format: "text" | "json";
  readonly #erased: () => string;
  readonly #failed = new Set<number>();

  /**
   * @param targets a single one is told with all details; of several, each gets one line
   * @param erased what is written before every text, to take a status line away
   */
  constructor(
    host: Host,
    targets: readonly string[],
    format: "text" | "json",
    erased: () => string = () => "",
  ) {
    this.#host = host;
    this.#targets = targets;
    this.#format = format;
    this.#erased = erased;
  }

  /** Names this target at the end. @param at its index */
  count(at: number): void {
    this.#failed.add(at);
  }

  async tell(target: string, error: unknown): Promise<void> {
    const isShort = this.#targets.length > 1 && this.#format === "text";
    const shown = isShort && error instanceof Error ? withoutTraceback(error) : error;
    const text = await describe(shown, this.#host.env);
    const shownText = isShort ? text.replace(/\n\s*/g, "; ") : text;
    this.say(target, shownText, { target, ...factsOf(error) });
  }

  /**
   * @param text one or more lines that are safe for a terminal
   * @param facts members of the record of `--log-format json`
   */
  say(target: string, text: string, facts: Facts = {}): void {
    const lines = failureLines(text, this.#format, "error", target, facts);
    this.#host.stderr.write(this.#erased() + lines).catch(() => {});
  }

  /** Writes the closing line if some of several targets failed. */
  conclude(): void {
    const failed = this.#targets.filter((_, at) => this.#failed.has(at));
    if (this.#targets.length < 2 || failed.length === 0) return;
    this.say("", `${failed.length} of ${this.#targets.length} failed: ${failed.join(" ")}`);
  }
}

/** @returns the text of econtext itself as lines, or as a record of a log */
export function failureLines(
  text: string,
  format: "text" | "json",
  level: keyof typeof LEVELS = "error",
  context = "",
  facts: Facts = {},
): string {
  if (format === "text") return `${text}\n`;
  const record = { context, logger: "econtext", level: LEVELS[level], message: text };
  return logLines({ ...record, time: Date.now() }, "json", false, facts);
}

function withoutTraceback(error: Error): Error {
  return "traceback" in error ? Object.create(error, { traceback: { value: "" } }) : error;
}
