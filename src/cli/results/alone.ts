/** One target, without a way to show it chosen: its bytes as they are. */

import type { Host } from "../host.ts";
import { display } from "../ui/result.ts";
import type { Report, TargetEnd, TargetOutput } from "./report.ts";

export class Alone implements Report {
  readonly #host: Host;
  readonly #asJson: boolean;
  readonly #tell: (end: TargetEnd) => Promise<void>;

  /** @param asJson values are shown as JSON @param tell shows a failure */
  constructor(host: Host, asJson: boolean, tell: (end: TargetEnd) => Promise<void>) {
    this.#host = host;
    this.#asJson = asJson;
    this.#tell = tell;
  }

  open(): TargetOutput {
    const { stdout } = this.#host;
    return {
      write: (stream, chunk) => this.#host[stream].write(chunk),
      // No result prints nothing.
      value: async (value) => {
        if (!this.#asJson && (value === null || value === undefined)) return;
        await stdout.write(display(value, this.#asJson, stdout.isTerminal));
      },
    };
  }

  ended(end: TargetEnd): Promise<void> {
    return this.#tell(end);
  }

  conclude(): Promise<void> {
    return Promise.resolve();
  }
}
