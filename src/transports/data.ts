/**
 * What a transport is made of: an argument vector with gaps, how its program asks for a password,
 * and what its messages mean. Users define transports of the same form in `econtext.toml`. Types
 * only.
 */
import type { Cause } from "./causes.ts";
import type { PasswordRule } from "./transport.ts";

/**
 * An argument vector with gaps. `{destination}`, `{prompt}` and options such as `{user}` stand for
 * texts, also inside a word. The word `{command}` stands for all words of the command. A group,
 * which is a list in the list, is left out if one of its gaps has no value.
 */
export type Template = readonly (string | readonly string[])[];

export interface TransportData {
  /** What stands before the colon in a word of a path: `sudo`. */
  readonly scheme: string;
  /** What follows the colon. Absent: nothing does. */
  readonly destination?: DestinationData;
  /** Options that may follow: `?user=www&cwd=%2Fsrv`. */
  readonly options?: Readonly<Record<string, OptionData>>;
  readonly argv: Template;
  /** A character that the program takes as it is only if it is written twice. */
  readonly doubled?: string;
  readonly password?: PasswordData;
  /** As of `Transport`; default false. */
  readonly hasNetwork?: boolean;
  /** As of `Transport`; default false. */
  readonly isClient?: boolean;
  /** The first one that fits tells why the program failed. */
  readonly failures: readonly Failure[];
  /** Whether the user has defined it, so that its program's messages are not known. */
  readonly isCustom?: boolean;
  /** What is wrong with the user's definition. It is thrown where a path uses the transport. */
  readonly problem?: Error;
}

export interface DestinationData {
  /** For messages: `user`, `container`. */
  readonly noun: string;
  /** For messages, as it is written in a path: `podman:app`. */
  readonly example: string;
  /** Taken if the word is the scheme alone. */
  readonly default?: string;
  /** As of `OptionData`. */
  readonly isFolder?: boolean;
  /**
   * If the destination has parts: their names, for one part, for two, and so on. Parts are
   * separated by `:`, or by `/` in a destination without a colon.
   */
  readonly parts?: readonly (readonly string[])[];
}

export interface OptionData {
  readonly default?: string;
  /**
   * Whether the value is a folder. It then begins with a slash, so that a path in which the slash
   * is not written `%2F` is an error, and not a shorter folder and another word.
   */
  readonly isFolder?: boolean;
  /**
   * If the value is a list of names with `+` between: what each name stands for. Absent: the
   * value is any text.
   */
  readonly words?: Readonly<Record<string, readonly string[]>>;
}

export interface PasswordData {
  readonly prompt: PasswordRule["prompt"];
  /** Whose password it is. */
  readonly of: "caller" | "destination";
  /** The argument vector if questions are answered; default: the same as without. */
  readonly argv?: Template;
}

/** What the program printed, or its exit status, or both; and what that means. */
export interface Failure {
  /** Looked for on standard error, and in what was printed before the marker. */
  readonly text?: RegExp;
  readonly status?: number;
  readonly cause: Cause;
  /** What the user can try, if the hint of the cause is too general. */
  readonly hint?: string;
}
