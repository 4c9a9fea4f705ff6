/** The broker of one run, with its log lines on stderr and the progress of lent runtimes. */

import { Broker } from "../index.ts";
import type { Prompter } from "../prompts/prompter.ts";
import type { HostConfiguration } from "./configuration.ts";
import type { Host, Output } from "./host.ts";
import { readCache, readLogFormat, readLogLevel } from "./option-values.ts";
import type { Flags } from "./parse-line.ts";
import { Lending } from "./ui/lend-progress.ts";
import { logLines } from "./ui/log-lines.ts";

interface BrokerPlan {
  readonly command: string;
  readonly flags: Flags;
  readonly roots: readonly string[];
}

/** What the user has set, what answers questions, and what is kept for the host. */
export interface Given extends HostConfiguration {
  readonly prompter: Prompter;
  readonly kept?: Host["kept"];
}

export class RunBroker {
  readonly broker: Broker;
  readonly #lending: Lending;

  /**
   * @param erased what takes all status lines away, before other output
   */
  constructor(
    { command, flags, roots }: BrokerPlan,
    { kept, ...given }: Given,
    stderr: Output,
    erased: () => string,
  ) {
    const format = readLogFormat(command, flags);
    this.#lending = new Lending(stderr);
    this.broker = new Broker({
      ...given,
      ...(kept === undefined ? {} : { kept }),
      onLend: this.#lending.show,
      roots,
      cache: readCache(flags),
      logLevel: readLogLevel(command, flags),
      onLog: (record) => {
        stderr.write(erased() + logLines(stderr, record, format)).catch(() => {});
      },
    });
  }

  /** @returns what takes the line about lent runtimes away */
  erased(): string {
    return this.#lending.erased();
  }
}
