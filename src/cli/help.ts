/**
 * `--help`: one sentence, the usage, examples, own options, the shared options in one block, the
 * exit status and details. At most 80 columns wide.
 */
import type { HelpText } from "./command-definition.ts";
import { argumentEntries, type HelpEntry, optionEntries } from "./help-entries.ts";
import type { Output } from "./host.ts";
import { CHAPTERS, COMMON } from "./options.ts";

/** A summary of COMMON. */
const CONNECTION = `Connection options, the same for all commands (econtext help options):
  --kind KIND            python, node or bun; --python PATH, --node PATH or
                         --bun PATH names the program
  --lend-runtime         send a Bun to a host that has only Python, in memory
  --deadline TIME        give up after 5 (seconds), 500ms, 2m or 1h: status 124
  -o OPTION, -F FILE     as for ssh
  --ssh PROGRAM          run PROGRAM in place of ssh; embedded: none, econtext
                         speaks ssh itself; auto: the same where it can
  --ask-pass             ask for the password of sudo, su and ssh at the start
  --password-command CMD, --password-fd N
                         or take it from a command, or from a descriptor
  --log-level LEVEL      debug, info (the default), warning or error
  --log-format FORMAT    text, or json: one object a line
  --no-cache             do not keep prepared modules on this machine`;

/** The text of `econtext help options`. */
export async function showOptions(stdout: Output): Promise<void> {
  const chapters = CHAPTERS.map(
    ([title, definitions]) => `${wrapped(title, 0)}\n${rows(optionEntries(definitions))}`,
  );
  await stdout.write(`${["The options that all commands share.", ...chapters].join("\n\n")}\n`);
}

/** @param commands a line for each command, in the help of econtext itself */
export async function showHelp(
  help: HelpText,
  stdout: Output,
  commands: readonly string[] = [],
): Promise<void> {
  const { name, description, usage, examples, args, exitStatus, details } = help;
  const command = name === "" ? "econtext" : `econtext ${name}`;
  // A command that calls nothing has some of the shared options, without the block.
  const hasBlock = "deadline" in args;
  const own = Object.fromEntries(
    Object.entries(args).filter(([key]) => !(hasBlock && key in COMMON)),
  );
  const sections = [
    `${description}.`,
    usage.map((line, at) => `${at === 0 ? "USAGE" : "     "} ${command} ${line}`).join("\n"),
    section("Examples", examples.map((line) => `  ${line}`).join("\n")),
    section("Commands", commands.join("\n")),
    section("Arguments", rows(argumentEntries(own))),
    section("Options", rows(optionEntries(own))),
    hasBlock ? CONNECTION : "",
    exitStatus === undefined ? "" : `Exit status:\n  ${wrapped(exitStatus, 2)}`,
    details,
  ];
  await stdout.write(`${sections.filter((text) => text !== "").join("\n\n")}\n`);
}

function section(title: string, lines: string): string {
  return lines === "" ? "" : `${title}:\n${lines}`;
}

function rows(entries: readonly HelpEntry[]): string {
  return entries.map(([name, meaning]) => row(name, meaning)).join("\n");
}

const COLUMN = 25;
const WIDTH = 80;

/** @returns a name and its meaning, in two columns */
function row(name: string, meaning: string): string {
  const isShort = name.length + 3 < COLUMN;
  const begin = isShort ? `  ${name}`.padEnd(COLUMN) : `  ${name}\n${" ".repeat(COLUMN)}`;
  return begin + wrapped(meaning, COLUMN);
}

/** @param indent the indent of all lines; the first line has it already */
function wrapped(text: string, indent: number): string {
  let column = indent;
  let out = "";
  for (const word of text.split(/\s+/)) {
    const isFirst = column === indent;
    if (!isFirst && column + 1 + word.length > WIDTH) {
      out += `\n${" ".repeat(indent)}${word}`;
      column = indent + word.length;
    } else {
      out += isFirst ? word : ` ${word}`;
      column += word.length + (isFirst ? 0 : 1);
    }
  }
  return out;
}
