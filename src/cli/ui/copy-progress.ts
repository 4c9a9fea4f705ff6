/** How far a copy is, in one line of our terminal, by cli-progress. Nothing where stderr is none. Knows no context. */
import { SingleBar } from "cli-progress";
import type { CopyProgress } from "../../index.ts";
import { stderr } from "./output.ts";

/** Save and restore the cursor: lines that are written above the bar move it. */
const SAVING: readonly string[] = ["\x1b7", "\x1b8"];
/** Over which the rate is taken. */
const RATE_MS = 3_000;
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;
const MAX_PATH = 16;
const MAX_BAR = 30;
/** Columns that everything else takes. */
const REST = 73;

export class ProgressLine {
  readonly #bar: SingleBar;
  #isStarted = false;
  #path = "";
  /** What was there when: the last `RATE_MS`. */
  #seen: { readonly at: number; readonly bytes: number }[] = [];

  /** @param screen where it is written to; here for tests */
  constructor(screen: (text: string) => void = (text) => void stderr.write(text).catch(() => {})) {
    const stream = {
      isTTY: true,
      get columns() {
        return process.stderr.columns || 80;
      },
      write: (text: string) => {
        if (!SAVING.includes(text)) screen(text);
        return true;
      },
    };
    this.#bar = new SingleBar({
      stream: stream as unknown as NodeJS.WritableStream,
      format: "{path} {percentage}% [{bar}] {done}/{all} {rate}/s {left} {files}/{of}",
      barsize: Math.min(Math.max(stream.columns - REST, 5), MAX_BAR),
      hideCursor: false,
      linewrap: true,
      gracefulExit: false,
      etaBuffer: 50,
    });
  }

  show({ path, files, totalFiles, bytes, totalBytes }: CopyProgress): void {
    if (path !== undefined) this.#path = path;
    // A copy that fails at once has nothing to show: it would be 100 % of nothing.
    if (!this.#isStarted && totalBytes === 0 && files === 0) return;
    const rate = this.#rate(bytes);
    const left = rate > 0 ? clock((totalBytes - bytes) / rate) : "-:--";
    const payload = {
      path: short(this.#path),
      done: amount(bytes),
      all: amount(totalBytes),
      rate: amount(rate),
      left,
      files,
      of: totalFiles,
    };
    this.#bar.setTotal(totalBytes);
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#bar.start(totalBytes, bytes, payload);
    }
    this.#bar.update(bytes, payload);
  }

  /** For what is written in its place: the bar comes again below that. */
  erased(): string {
    return this.#isStarted ? "\r\x1b[K" : "";
  }

  /** It stays as it is now. */
  stop(): void {
    if (this.#isStarted) this.#bar.stop();
    this.#isStarted = false;
  }

  /** Bytes in a second. */
  #rate(bytes: number): number {
    const now = performance.now();
    this.#seen = [...this.#seen.filter(({ at }) => now - at < RATE_MS), { at: now, bytes }];
    const [first] = this.#seen;
    if (first === undefined || now === first.at) return 0;
    return ((bytes - first.bytes) / (now - first.at)) * 1000;
  }
}

/** On a terminal that can be written to in place, unless it is not wanted. */
export function progressLine(isQuiet: boolean): ProgressLine | undefined {
  const isShown = stderr.isTerminal && process.env["TERM"] !== "dumb" && !isQuiet;
  return isShown ? new ProgressLine() : undefined;
}

function amount(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1);
  const value = bytes / 1024 ** power;
  return `${value.toFixed(power === 0 || value >= 100 ? 0 : 1)} ${UNITS[power]}`;
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
