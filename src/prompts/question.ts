/**
 * Questions of programs on the way to a context, and where answers come from. Types only;
 * prompter.ts chooses among the sources.
 */
import type { Secret } from "./secret.ts";

/** What a program asks for, as a function of the user's is told it. */
export interface PasswordQuestion {
  /** The name of the context that is being opened: `web1/sudo:root`. */
  readonly context: string;
  /** The account whose password is asked for; "" if that is not known. */
  readonly user: string;
  /** What the program asks, in its own words. */
  readonly prompt: string;
}

export interface Question extends PasswordQuestion {
  /** The machine where the account is, as a path of targets names it. */
  readonly host: string;
  /**
   * What the answer holds for, with the user: the way to the machine. A name alone could be that of
   * different machines behind different hops. Default: the host.
   */
  readonly way?: string;
  /**
   * A `password` of the account may come from every source. Any other question is put to a person
   * or to a function of the user's: a `passphrase`, whose answer holds wherever the same is asked,
   * a host key, or a one-time code. `change` is a question of a dialogue that gives the account a
   * new password, also the one for the old password.
   */
  readonly kind: "password" | "passphrase" | "change" | "other";
  /** Whether what a person types may be seen. */
  readonly isVisible: boolean;
  /**
   * Whether the answer before was wrong. Of a host key, which is kind `other`: whether it was none
   * that the program takes.
   */
  readonly isAgain: boolean;
}

/** Where answers come from. */
export interface Source {
  /** For messages: `--password-fd`. */
  readonly name: string;
  /** Whether a person answers, and may answer otherwise when asked again. */
  readonly isPerson: boolean;
  /** Whether it answers questions other than for a password. */
  readonly answersAll: boolean;
  /**
   * @param signal is aborted when the question is not of interest any more
   * @returns a secret of the caller's; undefined: another source may know
   */
  ask(question: Question, signal: AbortSignal): Promise<Secret | undefined>;
  /** Shows a line. */
  notice?(text: string): void;
}

/** An answer, and where it came from. */
export interface Answer {
  readonly secret: Secret;
  readonly source: Source;
  /** Tells whether the program took the answer; undefined: that is not known. Call it once. */
  settle(isRight: boolean | undefined): void;
}

/** What a function of the user's returns: undefined, if it does not know. */
export type PasswordValue = string | Uint8Array | undefined;

/** Asked for each password of a context and of the hops on the way to it. */
export type PasswordFunction = (
  question: PasswordQuestion,
) => PasswordValue | Promise<PasswordValue>;
