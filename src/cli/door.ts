/** What a command of the command line is, and how one is made: citty shows it, our own strict reading of its options runs it. */
import { type ArgsDef, type CommandDef, defineCommand } from "citty";
import { type CommandLine, readCommandLine } from "./options.ts";

/** One command of the command line. `run` resolves to the exit status. */
export interface Door {
  readonly command: CommandDef;
  /** What `--help` says below the options. */
  readonly details: string;
}

export interface DoorPlan {
  readonly name: string;
  readonly description: string;
  readonly args: ArgsDef;
  readonly details: string;
  /** Resolves to the exit status. */
  readonly run: (line: CommandLine) => Promise<number>;
}

export function makeDoor({ name, description, args, details, run }: DoorPlan): Door {
  const command = defineCommand({
    meta: { name, description },
    args,
    run: ({ rawArgs }) => run(readCommandLine(name, args, rawArgs)),
  });
  return { command, details };
}

/** A command whose options are another program's: they are not read here. */
export function makeRawDoor(
  plan: Omit<DoorPlan, "run"> & { readonly run: (rawArgs: readonly string[]) => Promise<number> },
): Door {
  const { name, description, args, details, run } = plan;
  const command = defineCommand({
    meta: { name, description },
    args,
    run: ({ rawArgs }) => run(rawArgs),
  });
  return { command, details };
}
