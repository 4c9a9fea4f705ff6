/**
 * Interrupt: cancels all calls that run, as often as the user presses ctrl-C. It works through the
 * default limits of calls, which a broker asks for with each call. Knows no terminal.
 */
export class Interrupt {
  readonly #deadline: () => number | undefined;
  #controller = new AbortController();

  /** @param deadline gives the milliseconds that a call without a deadline of its own has left */
  constructor(deadline: () => number | undefined) {
    this.#deadline = deadline;
  }

  /** Cancels all calls that run. Later calls are not affected. */
  now(): void {
    const controller = this.#controller;
    this.#controller = new AbortController();
    controller.abort();
  }

  /** The limits of a call that begins now, for `BrokerOptions.callDefaults`. */
  limits(): { readonly deadline: number | undefined; readonly signal: AbortSignal } {
    return { deadline: this.#deadline(), signal: this.#controller.signal };
  }
}
