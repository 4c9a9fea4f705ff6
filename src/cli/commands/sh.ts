/**
 * `econtext sh`: a shell script on one or several targets, from a file, from the command line or
 * from standard input. No file is made on the remote machine.
 */
import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { makeCommand } from "../command-definition.ts";
import { runWithHeadStart } from "../head-start.ts";
import type { Host } from "../host.ts";
import { readCommandOptions } from "../option-values.ts";
import { COMMAND, COMMON, FLEET, RESULTS, TARGETS } from "../options.ts";
import type { CommandLine, Definitions } from "../parse-line.ts";
import { Usage } from "../report-error.ts";
import { hasHosts, readTargets } from "../targets.ts";
import { quoted, withSeparator } from "../words.ts";

const args: Definitions = {
  "target...": {
    type: "positional",
    description: "local, a host as for ssh, a path, or a set: web[01-20],@db",
  },
  file: {
    type: "positional",
    description: "The script; - or no FILE: standard input",
  },
  "-- file arg...": {
    type: "positional",
    description: "After --: the script and its arguments",
  },
  command: {
    type: "string",
    alias: "c",
    valueHint: "TEXT",
    description: "Run this text as the script; its arguments come after --",
  },
  ...COMMAND,
  ...TARGETS,
  ...FLEET,
  ...RESULTS,
  ...COMMON,
};

export const command = makeCommand({
  name: "sh",
  description: "Run a local shell script on other machines without copying it",
  usage: ["[OPTIONS] TARGET... [-- FILE ARG...]", "-c TEXT [OPTIONS] TARGET... [-- ARG...]"],
  examples: [
    "econtext sh web1 setup.sh",
    "econtext sh web1 db1 -- setup.sh --verbose",
    "econtext sh -c 'df -h | grep -v tmpfs' web1",
    "econtext sh web1 -- - nginx < restart.sh",
  ],
  args,
  exitStatus: `The script's own. With several targets the highest, and each line of
output begins with the target's name.`,
  details: `The script runs in sh, or in the shell that its first line names (#!/bin/bash).
It is not written to disk on the remote machine, and ps does not show it. A
script from a file or from -c reads your standard input. A script that comes
from standard input has an empty one.

Without --, the last of several words is the FILE if such a local file exists. A
word that looks like a file name must be one. Write a host with such a name with
a comma (web1,host.sh), or before "-- FILE".

Like ssh, econtext waits until the output of the script is closed: a process in
the background that keeps it open is waited for. Then what still runs in the
background is ended; nohup does not prevent that. To leave a process running:
  setsid -f CMD >/dev/null 2>&1 </dev/null`,
  begins: (word, host) => looksLikeFile(word) || isScript(host.path(word)),
  needs: async (line, host) => {
    const { flags, before } = line;
    const isText = typeof flags["command"] === "string";
    const { words, file } = isText ? { words: before, file: "-" } : readPlaces(line, host);
    // A file that cannot be read is told with its path.
    if (file !== "-") accessSync(host.path(file), constants.R_OK);
    return { targets: (await readTargets("sh", words, flags, host)).names, reuses: true };
  },
  run,
});

/** Shells that understand `handOver`. */
const SHELLS = ["sh", "bash", "dash", "ksh", "zsh", "ash", "mksh"];

/** Programs that read a script from standard input if its name is `-`. */
const INTERPRETERS = /^(?:python[\d.]*|node|perl|ruby)$/;

interface Plan {
  readonly targets: readonly string[];
  /** `$0` of the script, also its name in messages. */
  readonly name: string;
  readonly script: Uint8Array;
  readonly rest: readonly string[];
  readonly isFromInput: boolean;
  /** The targets came from standard input: neither the script nor its input can. */
  readonly takesInput: boolean;
}

async function run(line: CommandLine, host: Host): Promise<number> {
  const { flags } = line;
  const options = readCommandOptions("sh", flags);
  const { targets, name, script, rest, isFromInput, takesInput } = await readPlan(line, host);
  if (isFromInput && flags["no-stdin"] === true) {
    throw new Usage("sh", "-n leaves no script to read: give a FILE, or -c TEXT");
  }
  const plan = {
    command: "sh",
    flags,
    targets,
    argv: [
      ...shellOf(script, { targets, name, rest }),
      "-c",
      handOver(script.length),
      name,
      ...rest,
    ],
    name,
    hasInput: !isFromInput && !takesInput && flags["no-stdin"] !== true && !host.stdin.isEmpty,
    preface: script,
    options,
  };
  return runWithHeadStart(plan, host);
}

/** @throws {Usage} */
async function readPlan(line: CommandLine, host: Host): Promise<Plan> {
  const text = line.flags["command"];
  const targetsOf = async (words: readonly string[]) => {
    const { names, takesInput } = await readTargets("sh", words, line.flags, host);
    return { targets: names, takesInput };
  };
  if (typeof text === "string") {
    const script = new TextEncoder().encode(text);
    const targets = await targetsOf(line.before);
    return { ...targets, name: "sh", script, rest: line.after ?? [], isFromInput: false };
  }
  const { words, file, rest } = readPlaces(line, host);
  const targets = await targetsOf(words);
  if (file !== "-")
    return { ...targets, name: file, script: readScript(file, host), rest, isFromInput: false };
  if (targets.takesInput) {
    const problem = "standard input is the list of targets: give a FILE after --, or -c TEXT";
    throw new Usage("sh", problem);
  }
  const last = line.before.at(-1) ?? "";
  const mayBeFile = line.after === undefined && line.before.length > 1;
  // A script is rarely typed for several targets: the last word was meant as its file.
  const hint = `several targets, whose script you type: econtext sh ${line.before.join(",")}`;
  if (mayBeFile && host.stdin.isTerminal) throw new Usage("sh", `${noFile(last, host)}; ${hint}`);
  if (host.stdin.isTerminal) {
    await host.stderr.write("reading the script from the terminal; end it with ctrl-D\n");
  }
  const script = await host.stdin.bytes();
  if (mayBeFile && script.length === 0) {
    throw new Usage("sh", `${noFile(last, host)}, and standard input holds no script`);
  }
  return { ...targets, name: "sh", script, rest, isFromInput: true };
}

interface Places {
  /** Of the targets. */
  readonly words: readonly string[];
  readonly file: string;
  readonly rest: readonly string[];
}

/** @throws {Usage} */
function readPlaces(line: CommandLine, host: Host): Places {
  const { raw, before, after } = line;
  const isFile = (word: string): boolean => isScript(host.path(word));
  if (after !== undefined) {
    const [file = "-", ...rest] = after;
    const early = before.slice(1).findLast(isFile);
    if (early !== undefined && (after.length === 0 || (file !== "-" && !isFile(file)))) {
      const own = raw.slice(0, raw.indexOf("--"));
      own.splice(own.lastIndexOf(early), 1);
      const hint = ["econtext", "sh", ...[...own, "--", early, ...after].map(quoted)].join(" ");
      throw new Usage("sh", `the script comes after --\n  ${hint}`);
    }
    return { words: before, file, rest };
  }
  // The first word is a target, unless all targets are in a file.
  const [first = "", ...others] = hasHosts(line.flags) ? ["", ...before] : before;
  if (others.length === 0 && looksLikeFile(first) && isFile(first)) {
    throw new Usage("sh", `a TARGET is missing: econtext sh TARGET ${quoted(first)}`);
  }
  const at = others.findIndex((word) => looksLikeFile(word) || isFile(word));
  const file = others[at];
  if (file === undefined && looksLikeFile(first) && isFile(first)) {
    const words = [...raw.toSpliced(raw.indexOf(first), 1), first].map(quoted);
    throw new Usage("sh", `the script comes after its targets\n  econtext sh ${words.join(" ")}`);
  }
  if (file === undefined) return { words: before, file: "-", rest: [] };
  if (!isFile(file)) throw new Usage("sh", noFile(file, host));
  if (at < others.length - 1) {
    const hint = withSeparator("sh", line, (word) => word === file);
    throw new Usage("sh", `a script with arguments comes after --\n  ${hint}`);
  }
  return { words: before.slice(0, -1), file, rest: [] };
}

/** @returns whether a word can hardly be a host's name */
function looksLikeFile(word: string): boolean {
  if (word.includes("://") || /^[@!&^]/.test(word)) return false;
  const text = word.replaceAll(/\[[^\]]*\]/g, ""); // a step of a set has a slash
  return text.includes("/") || (!word.includes(",") && /\.(?:sh|bash|dash|ksh|zsh)$/.test(word));
}

/** @param path of this process */
function isScript(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === false;
}

function noFile(word: string, host: Host): string {
  const found = statSync(host.path(word), { throwIfNoEntry: false });
  return found?.isDirectory() === true ? `${word} is a folder` : `no such file: ${word}`;
}

/** @throws {Usage} */
function readScript(file: string, host: Host): Uint8Array {
  try {
    return readFileSync(host.path(file));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isKnown = code === "ENOENT" || code === "EISDIR";
    throw new Usage("sh", isKnown ? noFile(file, host) : message);
  }
}

/**
 * @returns the shell that the first line names, with its options; by default sh
 * @throws {Usage} if the first line names another program
 */
function shellOf(
  script: Uint8Array,
  { targets, name, rest }: Pick<Plan, "targets" | "name" | "rest">,
): string[] {
  const [first = ""] = new TextDecoder().decode(script.subarray(0, 256)).split("\n");
  if (!first.startsWith("#!")) return ["sh"];
  const words = first.slice(2).trim().split(/\s+/);
  if (basename(words[0] ?? "") === "env") words.shift();
  if (words[0] === "-S") words.shift();
  const [shell = "", ...options] = words;
  const areOptions = options.every((option) => /^[-+]\w+$/.test(option));
  if (SHELLS.includes(basename(shell)) && areOptions) return [shell, ...options];
  const problem = `the script's first line must name one of ${SHELLS.join(", ")}: ${first}`;
  if (!INTERPRETERS.test(basename(shell)) || name === "sh") throw new Usage("sh", problem);
  const line = [...targets, "--", basename(shell), "-", ...rest].map(quoted).join(" ");
  throw new Usage("sh", `${problem}\n  econtext exec ${line} < ${quoted(name)}`);
}

/**
 * A shell command that reads the script from standard input, and not a byte more: the next bytes
 * are the script's own input. `fullblock` reads it in one block. A `dd` without that option fails
 * before it reads, and a second one then reads byte by byte.
 */
function handOver(bytes: number): string {
  const dd = (how: string) => `dd ${how} 2>/dev/null`;
  return `eval "$(${dd(`bs=${bytes} count=1 iflag=fullblock`)}||${dd(`bs=1 count=${bytes}`)})"`;
}
