/**
 * SharedDialog: the dialog of a connection that several commands wait for while it is opened. The
 * command that has waited longest is asked, and hears what is printed. When it leaves, the next one
 * takes its place: it hears what was printed before, and is asked a question that is still open.
 */
import type { Asker } from "../launch/child.ts";
import type { Dialog } from "./connection.ts";

/** A server may print without end. */
const PRINTED_CHARACTERS = 32768;

interface Waiting {
  readonly dialog: Dialog;
  /** Is aborted when the command leaves. Its asker then ends its questions without an answer. */
  readonly signal: AbortSignal;
  /** Number of characters that the dialog was told. */
  heard: number;
  /** Whether the dialog was told that the connection begins. */
  hasBegun: boolean;
}

/** A command's place among those that wait. */
export interface Place {
  /** Tells the command that the connection has begun, unless it was told before. */
  begin(): void;
  /** Tells the command what it has not heard yet. */
  catchUp(): void;
  leave(): void;
}

export class SharedDialog implements Dialog {
  readonly asker: Asker | undefined;
  /** The longest first. */
  readonly #waiting = new Set<Waiting>();
  #printed = "";
  /** Number of characters that were printed so far. */
  #total = 0;
  #hasBegun = false;

  /** @param canAsk whether the command that opens the connection can be asked */
  constructor(canAsk: boolean) {
    const ask: Asker["ask"] = (prompt, client) => this.#ask(prompt, client);
    this.asker = canAsk ? { ask } : undefined;
  }

  join(dialog: Dialog, signal: AbortSignal): Place {
    const waiting = { dialog, signal, heard: 0, hasBegun: false };
    this.#waiting.add(waiting);
    return {
      begin: () => begin(waiting),
      catchUp: () => this.#tell(waiting),
      leave: () => void this.#waiting.delete(waiting),
    };
  }

  readonly say = (text: string): void => {
    this.#printed = (this.#printed + text).slice(-PRINTED_CHARACTERS);
    this.#total += text.length;
    const first = this.#first();
    if (first !== undefined) this.#tell(first);
  };

  readonly begin = (): void => {
    this.#hasBegun = true;
    const first = this.#first();
    if (first !== undefined) begin(first);
  };

  async #ask(prompt: string, client: number | undefined): ReturnType<Asker["ask"]> {
    for (;;) {
      const first = this.#first();
      const { asker } = first?.dialog ?? {};
      if (first === undefined || asker === undefined) return undefined;
      if (this.#hasBegun) begin(first);
      this.#tell(first);
      const answer = await asker.ask(prompt, client);
      if (answer !== undefined) return answer;
      // A connection that waits for this one leaves a few microtasks after its own commands.
      await new Promise((resolve) => setImmediate(resolve));
      if (!first.signal.aborted) return undefined;
    }
  }

  /** @returns one that can be asked, if there is one */
  #first(): Waiting | undefined {
    const here = [...this.#waiting].filter(({ signal }) => !signal.aborted);
    return here.find(({ dialog }) => dialog.asker !== undefined) ?? here[0];
  }

  #tell(waiting: Waiting): void {
    const missed = this.#total - waiting.heard;
    waiting.heard = this.#total;
    if (missed > 0) waiting.dialog.say(this.#printed.slice(-missed));
  }
}

function begin(waiting: Waiting): void {
  if (!waiting.hasBegun) waiting.dialog.begin?.();
  waiting.hasBegun = true;
}
