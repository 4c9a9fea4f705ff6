/** From the flags of a command line to what answers the questions of programs on the way. */
import type { Configuration } from "../config/files.ts";
import { atExit } from "../io/at-exit.ts";
import { Prompter } from "../prompts/prompter.ts";
import type { Question, Source } from "../prompts/question.ts";
import type { Secret } from "../prompts/secret.ts";
import { commandSource, givenSource, readDescriptor } from "../prompts/sources.ts";
import { TerminalSource } from "../prompts/terminal.ts";
import type { Host } from "./host.ts";
import { givenPasswordOptions, type PasswordOption } from "./option-values.ts";
import type { Flags } from "./parse-line.ts";
import { Usage } from "./report-error.ts";

/** What --ask-pass asks. */
const QUESTION: Question = {
  context: "",
  host: "",
  user: "",
  kind: "password",
  isVisible: false,
  isAgain: false,
  prompt: "Password: ",
};

/** What else writes to the terminal, and makes way for a question. */
export interface TerminalUser {
  /**
   * Makes the terminal free.
   *
   * @param again shows the question again, after something else was written
   * @returns what takes it again
   */
  free(again: () => void): () => void;
  /** ctrl-C was pressed in place of an answer. Default: a signal, as without a question. */
  interrupt?(): void;
}

/**
 * @returns the option that says where the password comes from, if one is given
 * @throws {Usage} several are given, or its value is no command or no number
 */
export function readPasswordOption(command: string, flags: Flags): PasswordOption | undefined {
  const given = givenPasswordOptions(flags);
  if (given.length > 1) {
    throw new Usage(command, `--${given[0]} and --${given[1]}: give one of them`);
  }
  const [name] = given;
  const value = name === undefined ? "" : String(flags[name]);
  if (name === "password-command" && value === "") {
    throw new Usage(command, "--password-command is empty");
  }
  const isNumber = /^\d+$/.test(value) && Number.isSafeInteger(Number(value));
  if (name === "password-fd" && !isNumber) {
    throw new Usage(command, `--password-fd ${value}: must be a number`);
  }
  return name;
}

/**
 * Asks for the password of `--ask-pass`, and reads that of `--password-fd`: before anything is
 * started.
 *
 * @param configuration its command is used without an option
 * @throws {Usage} the options contradict each other, or there is no terminal
 */
export async function openPrompter(
  command: string,
  flags: Flags,
  host: Host,
  configuration: Pick<Configuration, "passwordCommand">,
  user?: TerminalUser,
): Promise<Prompter> {
  const { passwordCommand } = configuration;
  const name = readPasswordOption(command, flags);
  const atEnd = (restore: () => void, again: () => void) => {
    const take = user?.free(again) ?? (() => {});
    const forget = [host.ending.before(restore), atExit(restore)];
    return () => {
      for (const one of forget) one();
      take();
    };
  };
  const settle = (): Promise<void> => host.stderr.flushed();
  const terminal = new TerminalSource({
    atEnd,
    settle,
    ...(user?.interrupt && { interrupt: user.interrupt }),
  });
  const sources: Source[] = [];
  const ask = (): Promise<Secret | undefined> =>
    (host.person ?? terminal).ask(QUESTION, new AbortController().signal);
  if (name !== undefined) sources.push(await openSource(command, name, flags[name], ask));
  else if (passwordCommand !== undefined) sources.push(commandSource(passwordCommand));
  const { person = TerminalSource.isThere() ? terminal : null } = host;
  if (person !== null) sources.push(person);
  return new Prompter(sources);
}

async function openSource(
  command: string,
  name: PasswordOption,
  value: unknown,
  ask: () => Promise<Secret | undefined>,
): Promise<Source> {
  if (name === "password-command") return commandSource(String(value), "--password-command");
  if (name === "password-fd") {
    return givenSource("--password-fd", await readDescriptor(Number(value)));
  }
  const secret = await ask();
  if (secret !== undefined) return givenSource("--ask-pass", secret);
  const others = "without one, use --password-command or --password-fd";
  throw new Usage(command, `--ask-pass needs a terminal, and an answer; ${others}`);
}
