/** What a broker is told when it is made. */
import type { CallLimits } from "../calls/options.ts";
import type { ConnectOptions } from "../context/connect-options.ts";
import type { LendProgress } from "../lend/lender.ts";
import type { LevelName, LogRecord } from "../logs/log.ts";
import type { Prompter } from "../prompts/prompter.ts";
import type { Exchange } from "../session/session-table.ts";
import type { KeptPaths } from "../tree/hop-table.ts";
import type { PathOptions } from "../tree/target-path.ts";

/** Options of a broker and of all its contexts. */
export interface BrokerOptions extends Pick<PathOptions, "schemes" | "targets" | "groups"> {
  /**
   * Folders whose modules a slave may ask for. Nothing outside of them is ever served. Default:
   * none.
   */
  readonly roots?: readonly string[];
  /** Options of every `connect`; options of the call itself take precedence. */
  readonly defaults?: ConnectOptions;
  /** The lowest level of log records. Slaves send no lower ones. Default `info`. */
  readonly logLevel?: LevelName;
  /**
   * Gets the logging, stdout and stderr of all slaves, one record for each line. Must not throw.
   */
  readonly onLog?: (record: LogRecord) => void;
  /**
   * Milliseconds that a cancelled call has to end, and a closed context to drain. Default 2,000.
   */
  readonly graceMs?: number;
  /** Cancels every call of all contexts, here and on the remote side. */
  readonly signal?: AbortSignal;
  /**
   * Milliseconds of silence after which both ends give up a remote context. Default 45,000; 0:
   * never.
   */
  readonly leaseMs?: number;
  /**
   * Whether modules that were transformed for sending are kept for other runs, in
   * `$XDG_CACHE_HOME/econtext`. Default true.
   */
  readonly cache?: boolean;
  /** @internal Gives the limits of each call and command that sets none of its own. */
  readonly callDefaults?: () => CallLimits;
  /** @internal Answers the questions of programs on the way. Default: the terminal does. */
  readonly prompter?: Prompter;
  /** Told often how much of a lent runtime has arrived. Must not throw. */
  readonly onLend?: (progress: LendProgress) => void;
  /** @internal Contexts that another broker keeps open, and that this one's are opened through. */
  readonly kept?: KeptPaths & { readonly exchange: Exchange };
}
