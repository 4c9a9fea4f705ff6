/**
 * A command of the command line: its plan is all that the list of commands, the parser, the help
 * and the advice for errors know of it. Options are defined in citty's form (parse-line.ts).
 */
import type { SshOptions } from "../index.ts";
import type { Host } from "./host.ts";
import { refuseProblem } from "./line-errors.ts";
import { readConnect } from "./option-values.ts";
import { type CommandLine, type Definitions, parseLine } from "./parse-line.ts";

/** The text of `--help`. */
export interface HelpText {
  readonly name: string;
  /** One sentence, without its full stop. */
  readonly description: string;
  /** The words after the command's name, a line for each way to use it. */
  readonly usage: readonly string[];
  readonly examples: readonly string[];
  readonly args: Definitions;
  readonly exitStatus?: string;
  readonly details: string;
}

export interface CommandPlan extends HelpText {
  /** Resolves to the exit status. */
  readonly run: (line: CommandLine, host: Host, catalogue: Catalogue) => Promise<number>;
  /**
   * For commands whose targets are followed by `--` and the words of another program: whether this
   * word is rather the first of those than a target.
   */
  readonly begins?: (word: string, host: Host) => boolean;
  /** All words are another program's, and only a first `--help` is for econtext. */
  readonly isRaw?: boolean;
  /**
   * What a line needs of connections that are kept (`econtext up`). Absent: nothing of them.
   *
   * @returns undefined: this line does not use them
   * @throws what `run` would throw
   */
  readonly needs?: (line: CommandLine, host: Host) => Promise<KeptNeeds | undefined>;
}

/** What a command needs of connections that are kept. */
export interface KeptNeeds {
  readonly targets: readonly string[];
  /** Whether it may use an interpreter that has run other commands: it runs no code there. */
  readonly reuses: boolean;
  /** Used in place of the options for ssh among the flags. */
  readonly ssh?: SshOptions;
}

/** All commands, for those that are about others. */
export interface Catalogue {
  /** The help of econtext itself. */
  readonly root: HelpText;
  plans(): Promise<readonly CommandPlan[]>;
}

/** What a command runs with. */
interface Invocation {
  readonly line: CommandLine;
  readonly host: Host;
  readonly catalogue: Catalogue;
}

export interface Command {
  readonly plan: CommandPlan;
  /** Resolves to the exit status. @throws {Usage} the line is not a line of this command */
  run(invocation: Invocation): Promise<number>;
}

export function makeCommand(plan: CommandPlan): Command {
  const { name, args, begins } = plan;
  return {
    plan,
    run: async ({ line, host, catalogue }) => {
      if (plan.isRaw !== true) {
        refuseProblem(name, args, line, begins && ((word) => begins(word, host)));
        // Before the targets are read: an option without a value may have taken one of them.
        if ("deadline" in args) readConnect(name, line.flags);
      }
      return plan.run(line, host, catalogue);
    },
  };
}

/** Reads the words of a command, once. */
export function readLine({ args, isRaw }: CommandPlan, words: readonly string[]): CommandLine {
  if (isRaw !== true) return parseLine(args, words);
  const { helpAt } = parseLine({}, words.slice(0, 1));
  return { ...parseLine({}, []), raw: words, before: words, helpAt };
}
