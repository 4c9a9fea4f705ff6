/** `econtext sh`: a shell script, from a file or from standard input, in one or several contexts. No file is made there. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import type { ArgsDef } from "citty";
import { type Door, makeDoor } from "./door.ts";
import { fail, Usage } from "./exit.ts";
import { COMMON, type CommandLine, readTargets } from "./options.ts";

const args: ArgsDef = {
  "target...": { type: "positional", description: "local, or a destination of ssh" },
  file: { type: "positional", required: false, description: "The script; default: standard input" },
  "-- file arg...": {
    type: "positional",
    required: false,
    description: "The script, and its arguments",
  },
  ...COMMON,
};

const details = `The script is read by sh, or by the shell that its first line names (#!/bin/bash). It is not shown by ps over there, and
no file is made. A script from a file has our standard input as its own; with one from standard input, that is empty.
The last of several targets is taken for the FILE if there is such a file here. Behind --, - is standard input.

The exit status is the script's; with several targets the highest, and each line begins with the target's name.

  econtext sh web1 setup.sh
  econtext sh web1 db1 -- setup.sh --verbose
  echo 'df -h | grep -v tmpfs' | econtext sh web1
  econtext sh web1 -- - nginx < restart.sh`;

export const door: Door = makeDoor({
  name: "sh",
  description: "Run a shell script over there, without copying it",
  args,
  details,
  run,
});

/** Shells that understand what the script is handed over with. */
const SHELLS = ["sh", "bash", "dash", "ksh", "zsh", "ash", "mksh"];

async function run(line: CommandLine): Promise<number> {
  const { targets, file, rest } = readPlaces(line);
  const script = file === "-" ? await Bun.stdin.bytes() : readScript(file);
  const { runCommands } = await import("./command.ts");
  return runCommands({
    command: "sh",
    flags: line.flags,
    targets,
    argv: [...shellOf(script), "-c", handOver(script.length), file === "-" ? "sh" : file, ...rest],
    name: file,
    hasInput: file !== "-",
    preface: script,
    failed: async (_target, error) => void (await fail(error)),
  });
}

interface Places {
  readonly targets: readonly string[];
  readonly file: string;
  readonly rest: readonly string[];
}

/** @throws {Usage} */
function readPlaces({ before, after }: CommandLine): Places {
  if (after !== undefined) {
    const [file = "-", ...rest] = after;
    return { targets: readTargets("sh", before), file, rest };
  }
  const script = before.findIndex((one, at) => at > 0 && one.includes("/") && existsSync(one));
  if (script > 0 && script < before.length - 1) {
    const [places, rest] = [before.slice(0, script), before.slice(script)];
    const line = ["econtext sh", ...places, "--", ...rest].join(" ");
    throw new Usage("sh", `a script with arguments stands behind --: ${line}`);
  }
  const last = before.at(-1) ?? "";
  const isFile = before.length > 1 && existsSync(last) && statSync(last).isFile();
  const targets = readTargets("sh", isFile ? before.slice(0, -1) : before);
  return { targets, file: isFile ? last : "-", rest: [] };
}

/** @throws {Usage} */
function readScript(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Usage("sh", (error as Error).message);
  }
}

/** The shell of its first line, and the options that stand there. @throws {Usage} when that names none */
function shellOf(script: Uint8Array): string[] {
  const [first = ""] = new TextDecoder().decode(script.subarray(0, 256)).split("\n");
  if (!first.startsWith("#!")) return ["sh"];
  const words = first.slice(2).trim().split(/\s+/);
  if (basename(words[0] ?? "") === "env") words.shift();
  if (words[0] === "-S") words.shift();
  const [shell = "", ...options] = words;
  const areOptions = options.every((option) => /^[-+]\w+$/.test(option));
  if (SHELLS.includes(basename(shell)) && areOptions) return [shell, ...options];
  throw new Usage("sh", `the script's first line names no shell that is known: ${first}`);
}

/**
 * Reads the script from standard input, and not a byte more: what follows is the script's own input. `fullblock` makes one block of it,
 * however it arrives; a `dd` without that option has read nothing when it fails, and then reads byte by byte.
 */
function handOver(bytes: number): string {
  const dd = (how: string) => `dd ${how} 2>/dev/null`;
  return `eval "$(${dd(`bs=${bytes} count=1 iflag=fullblock`)}||${dd(`bs=1 count=${bytes}`)})"`;
}
