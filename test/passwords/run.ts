/** Runs econtext as a user of this machine, with a password from a descriptor or a terminal. */
import { join } from "node:path";
import { ECONTEXT } from "../cli/econtext.ts";
import { Tmux } from "../repl/tmux.ts";

export interface Ran {
  /** `I am root`, or the code of the error. */
  readonly said: string;
  /** All that was printed. */
  readonly all: string;
}

const WHO = join(import.meta.dir, "../fixtures/passwords/who.ts");

/** Starts a program as another user. */
export function asUser(name: string): string[] {
  return ["setpriv", `--reuid=${name}`, `--regid=${name}`, "--init-groups", "--reset-env"];
}

/** Tells who it is at a target. Without a terminal. */
export async function askWho(
  target: string,
  options: {
    /** The account that econtext runs as. */
    readonly user?: string;
    /** Standard input, whose first line is the password. */
    readonly input?: string;
    readonly args?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<Ran> {
  const { user, input, args = [], env = {} } = options;
  const given = input === undefined ? [] : ["--password-fd", "0"];
  const argv = [...ECONTEXT, "--log-level", "debug", ...given, ...args, WHO, target];
  // In a session of its own there is no terminal that could be asked.
  const child = Bun.spawn(["setsid", "-w", ...(user === undefined ? [] : asUser(user)), ...argv], {
    cwd: "/",
    env: { ...process.env, ...env },
    stdio: [Buffer.from(input === undefined ? "" : `${input}\n`), "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  const [, said = ""] = /^(I am \S+|ERR_\w+)/m.exec(stdout) ?? [];
  return { said, all: stdout + stderr };
}

/** Runs a program of test/fixtures/passwords. @param input its standard input */
export async function runProgram(
  name: string,
  args: readonly string[],
  input: string,
): Promise<Ran> {
  const file = join(import.meta.dir, "../fixtures/passwords", name);
  const child = Bun.spawn(["setsid", "-w", ...ECONTEXT, file, ...args], {
    stdio: [Buffer.from(input), "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { said: "", all: stdout + stderr };
}

/**
 * Runs `id -un` at a target, on a terminal.
 *
 * @param answers to each question, in their order
 * @returns all that the terminal has shown, with `LEFT status` at its end
 */
export async function askWhoOnTerminal(
  target: string,
  user: string | undefined,
  answers: readonly string[],
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  await using terminal = new Tmux();
  const own = ["exec", ...args, target, "--", "id", "-un"];
  const argv = [...(user === undefined ? [] : asUser(user)), ...ECONTEXT, ...own];
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  argv.unshift("env", ...variables);
  const words = argv.map((word) => `'${word}'`).join(" ");
  const same = '[ "$before" = "$(stty -g)" ] && echo SANE || echo RAW';
  await terminal.open(`cd /; before=$(stty -g); ${words}; echo LEFT $?; ${same}; exec cat`);
  for (const [at, answer] of answers.entries()) {
    await terminal.until(questions(at + 1));
    if (/^C-.$/.test(answer)) await terminal.press(answer);
    else await terminal.paste(answer);
  }
  return await terminal.until(/LEFT \d+\n(?:SANE|RAW)/);
}

/** Matches when so many questions were asked. */
function questions(count: number): RegExp {
  return new RegExp(
    `(?:(?:password|passphrase|continue connecting|code)[^\\n]*[:?][^]*){${count}}`,
    "i",
  );
}
