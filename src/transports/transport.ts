/**
 * A transport turns the first stage's argument vector into one that reaches an interpreter
 * elsewhere. It knows programs, flags and exit codes. It knows nothing of frames, contexts or
 * calls.
 */
export interface Transport {
  /** The transport's name, in targets and in errors: `local`, `ssh`. */
  readonly scheme: string;
  /** The name of the place that it leads to, for messages: `web1`. */
  readonly destination: string;
  /**
   * @returns an argument vector that runs `argv` there. Starts nothing: `econtext bootstrap` shows
   * it.
   */
  wrap(argv: readonly string[]): string[];
  /** Whether a network lies between, which can fall silent. Both ends then keep a lease. */
  readonly remote: boolean;
  /**
   * Whether the program may ask something on the terminal. It then stays in the terminal's session,
   * and gets its ctrl-C.
   */
  readonly asks: boolean;
  /**
   * @param exitCode of the wrapped command
   * @param stderr the last of the command's error output
   * @returns why the child ended, if that was the transport's failure and not the remote side's
   */
  explain(exitCode: number | undefined, stderr: string): Explanation | undefined;
}

export interface Explanation {
  /** `ERR_TRANSPORT_…` */
  readonly code: string;
  readonly message: string;
  /** What the user can try. */
  readonly hint: string;
}
