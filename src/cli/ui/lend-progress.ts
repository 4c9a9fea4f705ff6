/** How far the lending of runtimes is, in one line of a terminal. Elsewhere nothing is written. */
import type { LendProgress } from "../../index.ts";
import { amount } from "../../units/amount.ts";
import type { Output } from "../host.ts";
import { StatusLine } from "./status-line.ts";

export class Lending {
  readonly #line: StatusLine | undefined;
  /** What is said of each context to which a runtime is being sent. */
  readonly #parts = new Map<string, string>();

  constructor(stderr: Output) {
    this.#line = stderr.isTerminal ? new StatusLine(stderr.screen()) : undefined;
  }

  readonly show = ({ context, sentBytes, totalBytes }: LendProgress): void => {
    const isDone = sentBytes >= totalBytes;
    if (isDone) this.#parts.delete(context);
    else this.#parts.set(context, `${amount(sentBytes)} of ${amount(totalBytes)}`);
    const [first, ...others] = [...this.#parts].map(([name, part]) => `${name}: ${part}`);
    const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
    this.#line?.show(first === undefined ? "" : `lending bun to ${first}${more}`, isDone);
  };

  /** @returns what takes the line away, to be written before other output */
  erased(): string {
    return this.#line?.erased() ?? "";
  }
}
