/**
 * One line at the bottom of a terminal that is written again and again: how far a copy is, or the
 * lending of a runtime. Knows terminals, and nothing of what the line says.
 */

/** The terminal that shows the line. */
export interface Screen {
  write(text: string): void;
  /** Its width in characters now. */
  readonly columns: number;
}

/** A reader can follow ten lines a second; more would only slow the work down. */
const EVERY_MS = 100;
/** Back to the first column; clear to the end of the line. */
export const ERASE = "\r\x1b[K";

export class StatusLine {
  readonly #screen: Screen;
  #text = "";
  #isShown = false;
  #shownAt = Number.NEGATIVE_INFINITY;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /**
   * Shows `text` in place of what the line showed, cut to the terminal's width. Soon after another
   * text, it is shown only by the next call, or by `stop`.
   *
   * @param isLast shows it in any case
   */
  show(text: string, isLast = false): void {
    this.#text = text;
    const now = performance.now();
    if (!isLast && now - this.#shownAt < EVERY_MS) return;
    this.#shownAt = now;
    this.#draw();
  }

  /** @returns what takes the line away, to be written before other output */
  erased(): string {
    const erase = this.#isShown ? ERASE : "";
    this.#isShown = false;
    this.#shownAt = Number.NEGATIVE_INFINITY;
    return erase;
  }

  /** Leaves the last text on the terminal, and goes to the next line. */
  stop(): void {
    if (this.#text === "") return;
    this.#draw();
    this.#screen.write("\n");
    this.#text = "";
    this.#isShown = false;
  }

  #draw(): void {
    // In the last column, a character would make some terminals begin a new line.
    this.#screen.write(ERASE + this.#text.slice(0, this.#screen.columns - 1));
    this.#isShown = this.#text !== "";
  }
}
