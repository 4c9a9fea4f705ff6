/**
 * A transport turns the first stage's argument vector into one that reaches an interpreter elsewhere. It knows programs,
 * flags and exit codes; it knows nothing of frames, contexts or calls.
 */
export interface Transport {
  /** Word that selects it, and that errors name: `local`, `ssh`. */
  readonly scheme: string;
  /** Where it leads, for names and messages: `web1`. */
  readonly destination: string;
  /** Wrap `argv` so that it runs there. Starts nothing: `econtext bootstrap` shows it. */
  wrap(argv: readonly string[]): string[];
  /** Whether a network lies between, which can fall silent: then both ends keep a lease. */
  readonly remote: boolean;
  /** Whether its program may ask something on the terminal: then it stays in the terminal's session, and hears its ctrl-C. */
  readonly asks: boolean;
  /**
   * Why the child ended, when that was the transport's own doing and not the far side's.
   * @param exitCode of the wrapped command; `stderr` is the last that it printed there
   */
  explain(exitCode: number | undefined, stderr: string): Explanation | undefined;
}

export interface Explanation {
  /** `ERR_TRANSPORT_…` */
  readonly code: string;
  readonly message: string;
  /** What to try. */
  readonly hint: string;
}
