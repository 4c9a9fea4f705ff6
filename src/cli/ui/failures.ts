/**
 * Failures, on stderr: as text, or as records of `--log-format json`. Knows no context.
 */
import { type Facts, factsOf } from "../error-facts.ts";
import type { Host } from "../host.ts";
import { describe } from "../report-error.ts";
import { jsonLine } from "./log-lines.ts";
import { wrapFor } from "./wrap.ts";

/** Of `LEVELS`: importing it would load the library. */
const LEVELS = { info: 20, error: 40 } as const;

export class Failures {
  readonly #host: Host;
  readonly #targets: readonly string[];
  readonly #format: "text" | "json";
  readonly #erased: () => string;

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

  /** @returns one line for each of several targets; for a single one, all that is known */
  async textOf(error: unknown): Promise<string> {
    const isShort = this.#targets.length > 1 && this.#format === "text";
    const shown = isShort && error instanceof Error ? withoutTraceback(error) : error;
    const text = await describe(shown, this.#host.env);
    return isShort ? text.replace(/\n\s*/g, "; ") : text;
  }

  async tell(target: string, error: unknown): Promise<void> {
    this.say(target, await this.textOf(error), { target, ...factsOf(error) });
  }

  /**
   * @param text one or more lines that are safe for a terminal
   * @param facts members of the record of `--log-format json`
   */
  say(target: string, text: string, facts: Facts = {}): void {
    const { stderr } = this.#host;
    const shown = this.#format === "text" ? wrapFor(stderr, text) : text;
    const lines = failureLines(shown, this.#format, "error", target, facts);
    stderr.write(this.#erased() + lines).catch(() => {});
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
  return jsonLine({ ...record, time: Date.now() }, facts);
}

function withoutTraceback(error: Error): Error {
  return "traceback" in error ? Object.create(error, { traceback: { value: "" } }) : error;
}
