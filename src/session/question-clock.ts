/**
 * QuestionClock: when a session was last waiting for the answer to a question. A person may take
 * long, and no deadline of connecting ends meanwhile: neither that of the session, nor that of a
 * session behind it.
 */
export class QuestionClock {
  #open = 0;
  #last = Number.NEGATIVE_INFINITY;

  /** A question is asked. @returns what tells that it is over; to be called once */
  ask(): () => void {
    this.#open++;
    return () => {
      this.#open--;
      this.#last = performance.now();
    };
  }

  /** The time on `performance.now` of the last moment with a question: now, while there is one. */
  last(): number {
    return this.#open > 0 ? performance.now() : this.#last;
  }
}
