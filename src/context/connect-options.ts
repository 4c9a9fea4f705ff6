/** Options of one context. */

import { type Interpreter, type KindOptions, readKind } from "../interpreters/kind.ts";
import type { PasswordFunction } from "../prompts/question.ts";
import type { SshOptions } from "../transports/ssh.ts";

/**
 * Packages that become real files on the remote machine, for code that does not read its files by
 * the means of its language.
 */
export interface UnpackOptions {
  /**
   * Names of packages. A Python module at the top of a root stands for all that is beside it. The
   * folder is removed with the context.
   */
  readonly unpack?: readonly string[];
  /** Where the folder is made. Default: in memory, in `$XDG_RUNTIME_DIR` or `/dev/shm`. */
  readonly unpackInto?: string;
}

/** Options of one context. */
export interface ConnectOptions extends KindOptions, UnpackOptions {
  /** The context's name in messages and logs; default: the target. */
  readonly name?: string;
  /** Milliseconds until the slave must have answered. Default 60,000. */
  readonly deadline?: number;
  /** What `ps` shows of the slave; default `econtext:USER@HOST:PID` of this process. */
  readonly argv0?: string;
  readonly ssh?: SshOptions;
  /**
   * Answers the questions of programs on the way: sudo's and su's for a password, and those of the
   * ssh client of this machine. Asked once for each account of a machine. What it does not know
   * (undefined) is asked on the terminal, if there is one.
   */
  readonly password?: PasswordFunction;
  /**
   * Sends a Bun to a target that has a Python, but neither Bun nor Node.js. The Bun is kept in
   * memory there. `true`: the Bun that runs this program; or the path of a Bun for the target's
   * platform.
   */
  readonly lend?: boolean | string;
}

/** Whether options choose an interpreter. */
function isKindChosen({ kind, python, node, bun }: ConnectOptions): boolean {
  return [kind, python, node, bun].some((one) => one !== undefined);
}

/**
 * The options that choose an interpreter belong together: a `connect` that gives one of them
 * replaces the defaults of all.
 */
export function joined(own: ConnectOptions, defaults: ConnectOptions = {}): ConnectOptions {
  const { kind, python, node, bun, lend, ssh, ...others } = defaults;
  const isChosen = isKindChosen(own);
  const options = [...(own.ssh?.options ?? []), ...(ssh?.options ?? [])];
  return {
    ...others,
    ...(isChosen ? {} : { kind, python, node, bun, lend }),
    ...own,
    ssh: { ...ssh, ...own.ssh, options },
  } as ConnectOptions;
}

/**
 * @param own the options of the call itself
 * @param chosen those with the defaults
 * @param usual the settings of the target
 * @returns the interpreter to start; undefined: the first call decides
 */
export function chosenInterpreter(
  own: ConnectOptions,
  chosen: ConnectOptions,
  usual: KindOptions,
): Interpreter | undefined {
  return readKind(!isKindChosen(own) && isKindChosen(usual) ? usual : chosen);
}
