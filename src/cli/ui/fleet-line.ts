/** The status line of a run, on a terminal; elsewhere nothing is written. */
import type { FleetEvent } from "../../fleet/result.ts";
import type { Output } from "../host.ts";
import { ERASE, type Screen, StatusLine } from "./status-line.ts";

/** What the line says. Times are milliseconds on the clock of `performance.now()`. */
export interface LineText {
  event(event: FleetEvent, now: number): void;
  /** A question to the user, who may take long to answer, is over. */
  resumed?(now: number): void;
  text(now: number): string;
}

/** The times in the line go on without an event. */
const EVERY_MS = 250;

export class FleetLine {
  readonly #stderr: Output;
  readonly #screen: Screen | undefined;
  readonly #line: StatusLine | undefined;
  readonly #text: LineText;
  readonly #firstMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isShown = false;
  #isOver = false;
  #isPaused = false;

  /** @param firstMs a run that is over within this time is not worth a line */
  constructor(stderr: Output, text: LineText, firstMs: number) {
    this.#stderr = stderr;
    this.#text = text;
    this.#firstMs = firstMs;
    if (!stderr.isTerminal) return;
    this.#screen = stderr.screen();
    this.#line = new StatusLine(this.#screen);
    this.#drawIn(firstMs);
  }

  /** Whether a user has seen the line, or a question in its place. */
  get isShown(): boolean {
    return this.#isShown;
  }

  event(event: FleetEvent): void {
    this.#text.event(event, performance.now());
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
    this.#isShown ||= this.#line !== undefined;
    return () => {
      this.#isPaused = false;
      this.#text.resumed?.(performance.now());
      if (this.#line === undefined || this.#isOver) return;
      if (this.#isShown) this.#draw();
      else this.#drawIn(this.#firstMs);
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

  #drawIn(ms: number): void {
    this.#timer = setTimeout(() => this.#draw(), ms);
    this.#timer.unref();
  }

  #draw(): void {
    this.#isShown = true;
    this.#line?.show(this.#text.text(performance.now()), true);
    this.#drawIn(EVERY_MS);
  }
}
