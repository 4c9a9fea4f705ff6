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
/** How long there must be no output before a question is shown again. */
const AGAIN_MS = 150;

export class FleetLine {
  readonly #stderr: Output;
  readonly #screen: Screen | undefined;
  readonly #line: StatusLine | undefined;
  readonly #text: LineText;
  readonly #firstMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isShown = false;
  #isOver = false;
  /** Shows the question again that stands in the line's place. */
  #again: (() => void) | undefined;

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
    if (this.#line === undefined || this.#isOver) return "";
    if (this.#again !== undefined) return this.#belowQuestion(this.#again);
    // It may be drawn again before the output is written.
    return this.#line.erased() || ERASE;
  }

  /**
   * Takes the line away, for a question.
   *
   * @param again shows the question again, after other output
   * @returns what shows the line again
   */
  pause(again: () => void): () => void {
    this.#stop();
    this.#screen?.write(this.erased());
    this.#again = again;
    this.#isShown ||= this.#line !== undefined;
    return () => {
      this.#stop();
      this.#again = undefined;
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

  /** A question stays where it is, and is shown again below the output. */
  #belowQuestion(again: () => void): string {
    const isBelow = this.#timer !== undefined;
    this.#stop();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      again();
    }, AGAIN_MS);
    return isBelow ? "" : "\n";
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
