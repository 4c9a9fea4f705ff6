/** The commands of the prompt that begin with a dot. Knows no terminal. */
import { readFileSync, writeFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { UsageError } from "../index.ts";
import { titleOf } from "./contexts.ts";
import type { Evaluated, Evaluator } from "./evaluator.ts";
import type { Prompt } from "./prompt.ts";

/** What a command may ask of the terminal that it was typed at. */
export interface CommandHost {
  /** The inputs of this session. */
  readonly inputs: readonly string[];
  /** Switches between Python and TypeScript. */
  setPython(isPython: boolean): void;
  readonly isPython: boolean;
  /** @throws {UsageError} */
  setLogLevel(level: string): void;
}

export interface Command {
  readonly help: string;
  /** @returns the text to print, or what an input evaluates to */
  run(argument: string, host: CommandHost): string | Promise<string | Evaluated>;
}

export function commandsOf(prompt: Prompt, evaluator: Evaluator): Record<string, Command> {
  const { contexts } = prompt;
  return {
    connect: {
      help: "TARGET: open it, as a variable, and make it the current one",
      async run(target) {
        if (target === "") throw usage(".connect needs a target: .connect web1");
        const one = await prompt.open(target);
        await one.context.ready();
        contexts.current = one;
        return `${titleOf(one)}\n`;
      },
    },
    contexts: { help: "Show the open contexts as a tree", run: () => contexts.tree() },
    python: {
      help: "Type Python, for the current context; .js leaves",
      run(_, host) {
        host.setPython(!host.isPython);
        return host.isPython ? `Python on ${contexts.current.name}; .js leaves\n` : "";
      },
    },
    js: {
      help: "Type TypeScript again",
      run(_, host) {
        host.setPython(false);
        return "";
      },
    },
    log: {
      help: "LEVEL: show log records from debug, info, warning or error up",
      run(level, host) {
        host.setLogLevel(level);
        return "";
      },
    },
    load: {
      help: "FILE: evaluate it as one input",
      run: (file) => evaluator.evaluate(readFileSync(pathOf("load", file), "utf8")),
    },
    reload: {
      help: "Import your changed files anew, and open the targets anew",
      async run() {
        const changed = await prompt.reload();
        if (changed.length === 0) return "no imported file has changed\n";
        return `${changed.map((file) => relative(process.cwd(), file)).join(", ")}\n`;
      },
    },
    save: {
      help: "FILE: write the inputs of this session to it",
      run(file, { inputs }) {
        const text = inputs.map((input) => `${input.trimEnd()}\n`).join("");
        writeFileSync(pathOf("save", file), text);
        return `${inputs.length} inputs in ${file}\n`;
      },
    },
  };
}

function pathOf(command: string, file: string): string {
  if (file === "") throw usage(`.${command} needs a file: .${command} work.ts`);
  return resolve(file);
}

function usage(problem: string): UsageError {
  return new UsageError("ERR_USAGE_COMMAND", problem);
}
