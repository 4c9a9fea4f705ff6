/**
 * ClientPerson: the person at the terminal of a command whose process is at the other end of a
 * socket. Twin: ask.ts, which asks there. A question that is of no interest any more ends here at
 * once, and is withdrawn there.
 */
import { CancelledError } from "../../index.ts";
import type { Question, Source } from "../../prompts/question.ts";
import { Secret } from "../../prompts/secret.ts";
import { shownPrompt } from "../../prompts/terminal.ts";
import { FRAME, type Wire } from "../../up/wire.ts";
import { ANSWER, readAnswer } from "./answer.ts";

export class ClientPerson implements Source {
  readonly name = "the terminal";
  readonly isPerson = true;
  readonly answersAll = true;
  readonly #wire: Pick<Wire, "send">;
  /** Questions that wait for an answer, by their numbers. */
  readonly #asking = new Map<number, PromiseWithResolvers<Secret | undefined>>();
  #count = 0;
  #isGone = false;

  constructor(wire: Pick<Wire, "send">) {
    this.#wire = wire;
  }

  async ask(question: Question, signal: AbortSignal): Promise<Secret | undefined> {
    if (signal.aborted) return undefined;
    if (this.#isGone) throw cancelled();
    this.#count += 1;
    const number = this.#count;
    const answer = Promise.withResolvers<Secret | undefined>();
    const withdraw = (): void => {
      // It may be answered already.
      if (!this.#asking.delete(number)) return;
      this.#wire.send(FRAME.withdraw, JSON.stringify({ number }));
      answer.resolve(undefined);
    };
    this.#asking.set(number, answer);
    signal.addEventListener("abort", withdraw, { once: true });
    const { isVisible } = question;
    const shown = { number, prompt: shownPrompt(question), isVisible };
    this.#wire.send(FRAME.ask, JSON.stringify(shown));
    try {
      return await answer.promise;
    } finally {
      signal.removeEventListener("abort", withdraw);
    }
  }

  notice(text: string): void {
    this.#wire.send(FRAME.notice, text);
  }

  /** @param frame is overwritten, also if its question was withdrawn */
  answered(frame: Uint8Array): void {
    const { question, kind, typed } = readAnswer(frame);
    frame.fill(0);
    const answer = this.#asking.get(question);
    this.#asking.delete(question);
    if (answer === undefined) typed.fill(0);
    else if (kind === ANSWER.given) answer.resolve(new Secret(typed));
    else if (kind === ANSWER.cancelled) answer.reject(cancelled());
    else answer.resolve(undefined);
  }

  /** The process at the other end is gone. */
  gone(): void {
    this.#isGone = true;
    for (const answer of this.#asking.values()) answer.reject(cancelled());
    this.#asking.clear();
  }
}

function cancelled(): CancelledError {
  return new CancelledError("ERR_CANCELLED", "cancelled at a question");
}
