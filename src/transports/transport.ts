/**
 * A transport turns the first stage's argument vector into one that reaches an interpreter
 * elsewhere. It knows programs, flags and exit codes. It knows nothing of frames, contexts or
 * calls.
 */
export interface Transport {
  /** The transport's name, in paths and in errors: `local`, `ssh`, `sudo`. */
  readonly scheme: string;
  /** The name of the place that it leads to, for messages: `web1`, `root`. */
  readonly destination: string;
  /** The word that names the transport in a path: `local`, `web1`, `sudo:root`. */
  readonly label: string;
  /** Whether a network lies between, which can fall silent. Both ends then keep a lease. */
  readonly hasNetwork: boolean;
  /**
   * Whether the program only leads to a process tree elsewhere, as ssh and `podman exec` do. If
   * such a program is killed, its slave gets an end of file. If not, the program stands for the
   * slave's own guard: it becomes the guard, or waits for it.
   */
  readonly isClient: boolean;
  /** Whether the slave sees the files of the machine that starts it, as the same user. */
  readonly sharesDisk: boolean;
  /**
   * Whether the program may ask something on the terminal. It then stays in the terminal's session,
   * and gets its ctrl-C.
   */
  readonly asks: boolean;
  /**
   * `embedded`: this process speaks ssh itself, to what the argument vector leads to; `auto`: where
   * it can. Absent: the program is started.
   */
  readonly engine?: SshEngine;
  /** Present if the program may read a password from the pipe that the slave will use. */
  readonly password?: PasswordRule;
  /** Whether the user has defined it, so that its program's messages are not known. */
  readonly isCustom?: boolean;
  /**
   * Whether a server may run a command of its own instead of ours: `ForceCommand` of sshd, or the
   * account's shell.
   */
  readonly mayRunAnother?: boolean;
  /** What to say if its program failed and nothing tells why. Absent: its status tells. */
  readonly failed?: Explanation;
  /**
   * @param prompt text for the program's question, if the program lets us choose it: a nonce
   * @returns an argument vector that runs `argv` there. Starts nothing: `econtext bootstrap` shows
   *   it.
   */
  wrap(argv: readonly string[], prompt?: string): string[];
  /**
   * @param exitCode of the wrapped command
   * @param stderr the last of the command's error output
   * @param stdout the last of what the command printed before the marker
   * @returns why the child ended, if that was the transport's failure and not the remote side's
   */
  explain(exitCode: number | undefined, stderr: string, stdout?: string): Explanation | undefined;
  /**
   * @param stderr what the program has said on its way to a slave that answers
   * @returns what the user has to know of it all the same
   */
  alarm?(stderr: string): string | undefined;
}

export const SSH_ENGINES = ["embedded", "auto"] as const;
export type SshEngine = (typeof SSH_ENGINES)[number];

/**
 * How a program asks for a password. Nothing but answers may be written to the program before its
 * command has printed a line: the program would take the first bytes for a password.
 */
export interface PasswordRule {
  /**
   * How a question is recognised.
   *
   * - `nonce`: the text given to `wrap` stands in it, on standard error;
   * - `any`: it is text on standard error with no newline at its end;
   * - `terminal`: the program asks on its terminal only, so it must be given one;
   * - `ssh`: the same, and it is an ssh client, whose words are known.
   */
  readonly prompt: "nonce" | "any" | "terminal" | "ssh";
  /** The account whose password is asked for. Undefined: the one that runs the program. */
  readonly user: string | undefined;
}

export interface Explanation {
  /** `ERR_TRANSPORT_…` */
  readonly code: string;
  /** What is wrong, without the word of the path: the error has that before it. */
  readonly message: string;
  /** What the user can try. */
  readonly hint: string;
  /** The lines of the program that matter. Absent: all that it printed. */
  readonly said?: string;
}
