/** The status line of a run on several targets, on a terminal; elsewhere nothing is written. */
import type { FleetEvent } from "../../fleet/result.ts";
import type { Output } from "../host.ts";
import type { Progress } from "../results/progress.ts";
import { ERASE, type Screen, StatusLine } from "./status-line.ts";

/** A run that is over before is not worth a line. */
const FIRST_MS = 500;
/** The times in the line go on without an event. */
const EVERY_MS = 250;

export class FleetLine {
  readonly #stderr: Output;
  readonly #screen: Screen | undefined;
  readonly #line: StatusLine | undefined;
  readonly #progress: Progress;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isShown = false;
  #isOver = false;
  #isPaused = false;

  constructor(stderr: Output, progress: Progress, isWanted: boolean) {
    this.#stderr = stderr;
    this.#progress = progress;
    if (!stderr.isTerminal || !isWanted) return;
    this.#screen = stderr.screen();
    this.#line = new StatusLine(this.#screen);
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
    // A question stands in its place: that must not be taken away.
    if (this.#line === undefined || this.#isOver || this.#isPaused) return "";
    // It may be drawn again before the output is written.
    return this.#line.erased() || ERASE;
  }

  /** Takes the line away. @returns what shows it again */
  pause(): () => void {
    this.#stop();
    this.#screen?.write(this.erased());
    this.#isPaused = true;
    return () => {
      this.#isPaused = false;
      if (this.#line !== undefined && !this.#isOver) this.#draw();
    };
  }

  /**
   * Ends the line: it is not shown again. Resolves when it is off the screen: what is written to
   * another stream afterwards must not come before.
   */
  async end(): Promise<void> {
    this.#stop();
    const erased = this.#line?.erased() ?? "";
    this.#isOver = true;
    if (erased === "") return;
    this.#screen?.write(erased);
    await this.#stderr.flushed();
  }

  #stop(): void {
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
