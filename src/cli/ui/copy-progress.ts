/** How far a copy is, in one line of a terminal. Knows no context. */
import type { CopyProgress } from "../../index.ts";
import { amount } from "../../units/amount.ts";
import type { Host } from "../host.ts";
import { type Screen, StatusLine } from "./status-line.ts";

/** The span over which the rate is measured. */
const RATE_MS = 3_000;
const MAX_PATH = 16;
const MIN_BAR = 5;
const MAX_BAR = 30;
/** Columns of the line without its bar. */
const REST = 73;

export class ProgressLine {
  readonly #screen: Screen;
  readonly #line: StatusLine;
  #isStarted = false;
  #path = "";
  /** How many bytes were copied when, in the last `RATE_MS`. */
  #seen: { readonly at: number; readonly bytes: number }[] = [];

  constructor(screen: Screen) {
    this.#screen = screen;
    this.#line = new StatusLine(screen);
  }

  show({ path, files, totalFiles, bytes, totalBytes }: CopyProgress): void {
    if (path !== undefined) this.#path = path;
    // A copy that fails at once has nothing to show: the line would say 100 % of nothing.
    if (!this.#isStarted && totalBytes === 0 && files === 0) return;
    this.#isStarted = true;
    const rate = this.#rate(bytes);
    const part = totalBytes > 0 ? Math.min(bytes / totalBytes, 1) : 1;
    const left = rate > 0 ? clock((totalBytes - bytes) / rate) : "-:--";
    const line = [
      short(this.#path),
      `${Math.floor(part * 100)}%`,
      `[${this.#bar(part)}]`,
      `${amount(bytes)}/${amount(totalBytes)}`,
      `${amount(rate)}/s`,
      left,
      `${files}/${totalFiles}`,
    ].join(" ");
    this.#line.show(line, files === totalFiles && bytes === totalBytes);
  }

  /** @returns what to write before other output; the line comes again below that */
  erased(): string {
    return this.#line.erased();
  }

  /** Leaves the line as it is now. */
  stop(): void {
    this.#line.stop();
    this.#isStarted = false;
  }

  #bar(part: number): string {
    const width = Math.min(Math.max(this.#screen.columns - REST, MIN_BAR), MAX_BAR);
    const filled = Math.floor(part * width);
    return "=".repeat(filled) + "-".repeat(width - filled);
  }

  /** @returns bytes in a second */
  #rate(bytes: number): number {
    const now = performance.now();
    this.#seen = [...this.#seen.filter(({ at }) => now - at < RATE_MS), { at: now, bytes }];
    const [first] = this.#seen;
    if (first === undefined || now === first.at) return 0;
    return ((bytes - first.bytes) / (now - first.at)) * 1000;
  }
}

/** @returns undefined unless stderr is a terminal that can be written to in place */
export function progressLine({ stderr, env }: Host, isQuiet: boolean): ProgressLine | undefined {
  const isShown = stderr.isTerminal && env["TERM"] !== "dumb" && !isQuiet;
  return isShown ? new ProgressLine(stderr.screen()) : undefined;
}

function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (number: number) => String(number).padStart(2, "0");
  const end = two(whole % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${end}` : `${minutes}:${end}`;
}

/** The end of a path says more than its beginning. */
function short(path: string): string {
  return path.length <= MAX_PATH ? path.padEnd(MAX_PATH) : `…${path.slice(1 - MAX_PATH)}`;
}
