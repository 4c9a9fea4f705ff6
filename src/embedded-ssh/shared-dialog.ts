/**
 * SharedDialog: the dialog of a connection that several commands share. While it is opened, the
 * command that has waited longest is asked, and hears what is printed. When it leaves, the next one
 * takes its place: it hears what was printed before, and is asked a question that is still open.
 * Once the connection is open, all commands hear what is printed.
 */
import type { Asker } from "../launch/child.ts";
import type { Dialog } from "./connection.ts";

/** A server may print without end. */
const PRINTED_CHARACTERS = 32768;

interface Member {
  readonly dialog: Dialog;
  /** Is aborted when the command leaves. Its asker then ends its questions without an answer. */
  readonly signal: AbortSignal;
  /** Number of characters that the dialog was told. */
  heard: number;
  /** Whether the dialog was told that the connection begins. */
  hasBegun: boolean;
  /** Whether it waits for the connection. */
  isWaiting: boolean;
}

/** A command's place among those that share the connection. */
export interface Place {
  /** Tells the command that the connection has begun, unless it was told before. */
  begin(): void;
  /** Tells the command what it has not heard yet. */
  catchUp(): void;
  /** The connection is open: the command is asked nothing, and hears what comes from now on. */
  settle(): void;
  leave(): void;
}

export class SharedDialog implements Dialog {
  readonly asker: Asker | undefined;
  /** The longest first. */
  readonly #members = new Set<Member>();
  #printed = "";
  /** Number of characters that were printed so far. */
  #total = 0;
  #hasBegun = false;
  #hasFailed = false;

  /** @param canAsk whether the command that opens the connection can be asked */
  constructor(canAsk: boolean) {
    const ask: Asker["ask"] = (prompt, client) => this.#ask(prompt, client);
    this.asker = canAsk ? { ask, hasFailed: () => this.#hasFailed } : undefined;
  }

  join(dialog: Dialog, signal: AbortSignal): Place {
    const member = { dialog, signal, heard: 0, hasBegun: false, isWaiting: true };
    this.#members.add(member);
    return {
      begin: () => begin(member),
      catchUp: () => this.#tell(member),
      settle: () => {
        member.isWaiting = false;
        member.heard = this.#total;
      },
      leave: () => void this.#members.delete(member),
    };
  }

  readonly say = (text: string): void => {
    this.#printed = (this.#printed + text).slice(-PRINTED_CHARACTERS);
    this.#total += text.length;
    const first = this.#first();
    for (const one of first === undefined ? this.#here() : [first]) this.#tell(one);
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
      // The others would be asked what was declined, or was answered wrong.
      this.#hasFailed ||= asker.hasFailed?.() === true;
      // A connection that waits for this one leaves a few microtasks after its own commands.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#hasFailed || !first.signal.aborted) return undefined;
    }
  }

  #here(): Member[] {
    return [...this.#members].filter(({ signal }) => !signal.aborted);
  }

  /** @returns one that waits, and that can be asked, if there is one */
  #first(): Member | undefined {
    const waiting = this.#here().filter(({ isWaiting }) => isWaiting);
    return waiting.find(({ dialog }) => dialog.asker !== undefined) ?? waiting[0];
  }

  #tell(member: Member): void {
    const missed = this.#total - member.heard;
    member.heard = this.#total;
    if (missed > 0) member.dialog.say(this.#printed.slice(-missed));
  }
}

function begin(member: Member): void {
  if (!member.hasBegun) member.dialog.begin?.();
  member.hasBegun = true;
}
