/** What a command of the command line is, and how one is made: its help is shown by help.ts, its options are read by options.ts. */
import { type ArgsDef, type CommandDef, defineCommand } from "citty";
import type { Host } from "./host.ts";
import { type CommandLine, readCommandLine, readConnect, Typo } from "./options.ts";
import { Usage } from "./report-error.ts";
import { withSeparator } from "./words.ts";

/** What `--help` shows of a command. */
export interface HelpText {
  readonly name: string;
  /** One sentence, without its full stop. */
  readonly description: string;
  /** What follows the command's name, a line for each way to use it. */
  readonly usage: readonly string[];
  readonly examples: readonly string[];
  readonly args: ArgsDef;
  readonly exitStatus?: string;
  readonly details: string;
}

/** One command of the command line. `run` of its definition resolves to the exit status. */
export interface Door {
  readonly command: CommandDef;
  readonly help: HelpText;
  /** Whether words of another program follow its own. */
  readonly takesWords: boolean;
}

export interface DoorPlan extends HelpText {
  /** Resolves to the exit status. */
  readonly run: (line: CommandLine, host: Host, rawArgs: readonly string[]) => Promise<number>;
  /**
   * For commands behind whose targets, after `--`, come words of another program: whether this word is rather the first of those than a
   * target.
   */
  readonly begins?: (word: string, host: Host) => boolean;
}

export function makeDoor(plan: DoorPlan): Door {
  return {
    command: commandOf(plan, (rawArgs, host) => {
      const line = read(plan, rawArgs, host);
      // Before the targets are read: an option without a value has taken one of them.
      if ("deadline" in plan.args) readConnect(plan.name, line.flags);
      return plan.run(line, host, rawArgs);
    }),
    help: plan,
    takesWords: plan.begins !== undefined,
  };
}

/** A command whose options are another program's: they are not read here. */
export function makeRawDoor(
  plan: HelpText & { readonly run: (rawArgs: readonly string[], host: Host) => Promise<number> },
): Door {
  return { command: commandOf(plan, plan.run), help: plan, takesWords: true };
}

function commandOf(
  { name, description }: HelpText,
  run: (rawArgs: readonly string[], host: Host) => Promise<number>,
): CommandDef {
  return defineCommand({
    meta: { name, description },
    // What is missing among the arguments is the command's to say: an option may have taken it.
    run: ({ rawArgs, data }) => run(rawArgs, data as Host),
  });
}

/** @throws {Usage} which, where the reason may be a missing `--`, shows the line with it */
function read(
  { name, args, begins }: DoorPlan,
  rawArgs: readonly string[],
  host: Host,
): CommandLine {
  try {
    return readCommandLine(name, args, rawArgs);
  } catch (error) {
    if (error instanceof Typo) throw error;
    const isForeign = begins !== undefined && !rawArgs.includes("--");
    const hint = isForeign
      ? withSeparator(name, args, rawArgs, (word) => begins(word, host))
      : undefined;
    if (hint === undefined || !(error instanceof Usage)) throw error;
    throw new Usage(
      name,
      `${error.message}; if it is not meant for econtext, put -- before it\n  ${hint}`,
    );
  }
}
