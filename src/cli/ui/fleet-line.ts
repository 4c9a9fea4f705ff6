/** The status line of a run on several targets, on a terminal; elsewhere nothing is written. */
import type { FleetEvent } from "../../fleet/result.ts";
import type { Output } from "../host.ts";
import type { Progress } from "../results/progress.ts";
import { StatusLine } from "./status-line.ts";

/** A run that is over before is not worth a line. */
const FIRST_MS = 500;
/** The times in the line go on without an event. */
const EVERY_MS = 250;

export class FleetLine {
  readonly #line: StatusLine | undefined;
  readonly #progress: Progress;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isShown = false;

  constructor(stderr: Output, progress: Progress, isWanted: boolean) {
    this.#progress = progress;
    if (!stderr.isTerminal || !isWanted) return;
    this.#line = new StatusLine(stderr.screen());
    this.#timer = setTimeout(() => this.#draw(), FIRST_MS);
    this.#timer.unref();
  }

  /** Whether a user has seen the line. */
  get isShown(): boolean {
    return this.#isShown;
  }

  event(event: FleetEvent): void {
    this.#progress.event(event, performance.now());
  }

  /** @returns what takes the line away, to be written before other output */
  erased(): string {
    return this.#line?.erased() ?? "";
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #draw(): void {
    this.#isShown = true;
    this.#line?.show(this.#progress.text(performance.now()), true);
    this.#timer = setTimeout(() => this.#draw(), EVERY_MS);
    this.#timer.unref();
  }
}
