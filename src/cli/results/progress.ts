/**
 * How far a run is: the text of the status line, and the closing line. Counts the events of a
 * fleet. Knows no terminal.
 */
import type { FleetEvent } from "../../fleet/result.ts";
import { oneLine, SkippedError } from "../../index.ts";
import { failuresInWords } from "./reasons.ts";
import type { TargetEnd } from "./report.ts";

/** A target that runs for so long is named. */
const SLOW_MS = 2000;
/** With fewer targets at their end, nothing can be said of the others. */
const ENOUGH_ENDED = 3;

export class Progress {
  readonly #count: number;
  readonly #startedAt: number;
  /** When a target began to connect, or to run. */
  readonly #since = new Map<string, number>();
  readonly #connecting = new Set<number>();
  readonly #running = new Set<number>();
  readonly #failed: TargetEnd[] = [];
  /** How many targets were not begun, because the run was stopped before. */
  #skipped = 0;
  #ended = 0;

  /** @param now on the clock of the caller, in milliseconds */
  constructor(count: number, now: number) {
    this.#count = count;
    this.#startedAt = now;
  }

  /** Whether a target is still to end. */
  get isOver(): boolean {
    return this.#ended >= this.#count;
  }

  event({ type, target, index }: FleetEvent, now: number): void {
    this.#connecting.delete(index);
    this.#running.delete(index);
    if (type === "connecting" || type === "retrying") this.#connecting.add(index);
    if (type === "running") this.#running.add(index);
    if (["connecting", "running", "retrying"].includes(type)) this.#since.set(target, now);
    else this.#since.delete(target);
  }

  ended(end: TargetEnd): void {
    this.#ended += 1;
    if (end.error instanceof SkippedError) this.#skipped += 1;
    else if (end.status !== 0) this.#failed.push(end);
  }

  /** @returns `4 connecting, 12 running, 80 ok, 4 failed; 12 s left; web7 has run for 8 s` */
  text(now: number): string {
    const failed = this.#failed.length;
    const parts = [
      [this.#count - this.#ended - this.#connecting.size - this.#running.size, "waiting"],
      [this.#connecting.size, "connecting"],
      [this.#running.size, "running"],
      [this.#ended - failed - this.#skipped, "ok"],
      [failed, "failed"],
      [this.#skipped, "not begun"],
    ] as const;
    const counts = parts
      .filter(([number]) => number > 0)
      .map(([number, what]) => `${number} ${what}`);
    return [counts.join(", "), this.#left(now), this.#slowest(now)].filter(Boolean).join("; ");
  }

  /** @returns undefined if there is nothing that the user does not know */
  closing(isShown: boolean, now: number): string | undefined {
    const [failed, skipped] = [this.#failed, this.#skipped];
    const ok = this.#ended - failed.length - skipped;
    if (failed.length + skipped > 0) {
      const others = this.#count - this.#ended;
      const failures = failuresInWords(failed.toSorted((a, b) => a.index - b.index));
      const parts = [
        ok > 0 && `${ok} ok`,
        failed.length > 0 && `${failed.length} failed: ${failures}`,
        skipped > 0 && `${skipped} not begun`,
        others > 0 && `${others} not ended`,
      ];
      return oneLine(parts.filter(Boolean).join("; "));
    }
    return isShown && this.isOver ? `${ok} ok, in ${seconds(now - this.#startedAt)}` : undefined;
  }

  /** The time left, if the others take as long as those that have ended. */
  #left(now: number): string {
    const [ended, rest] = [this.#ended, this.#count - this.#ended];
    if (ended < ENOUGH_ENDED || rest === 0) return "";
    const ms = ((now - this.#startedAt) / ended) * rest;
    return ms < SLOW_MS ? "" : `about ${seconds(ms)} left`;
  }

  #slowest(now: number): string {
    const [name, since] = this.#since.entries().next().value ?? [];
    if (name === undefined || since === undefined || now - since < SLOW_MS) return "";
    return `${oneLine(name)} for ${seconds(now - since)}`;
  }
}

function seconds(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const whole = Math.round(ms / 1000);
  return whole < 120 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
