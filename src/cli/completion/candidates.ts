/**
 * Which words can follow on a command line of econtext. Reads the definitions of the commands, so
 * that an option is defined once. Knows no shell.
 */
import type { CommandPlan } from "../command-definition.ts";
import { HELP_TOPICS } from "../help-entries.ts";
import type { Definition, Definitions } from "../parse-line.ts";

/** A word, or its beginning: one that ends with `/`, `:`, `=` or `,` goes on. */
export interface Candidate {
  readonly text: string;
  readonly meaning?: string | undefined;
}

/** Where the words come from that no definition has. */
export interface Sources {
  /** The commands, with what each is for. */
  readonly commands: readonly Candidate[];
  /** @returns the plan of a command; undefined if there is none of this name */
  planOf(name: string): Promise<CommandPlan | undefined>;
  /** Options that stand before a program. */
  readonly programOptions: Definitions;
  /** Targets that begin with this text. */
  targets(begin: string): readonly Candidate[];
  /** Files of this machine that begin with this text. */
  files(begin: string): readonly Candidate[];
  /** Files of a target that begin with this text. */
  remoteFiles(target: string, begin: string): Promise<readonly Candidate[]>;
}

/** Values of options that name a file of this machine. */
const FILES = ["FILE", "DIR", "PATH", "PROGRAM"];
/** Programs, and folders on the way to them. */
const PROGRAM = /\/$|\.[cm]?[jt]sx?$/;
const SHELLS = ["bash", "zsh", "fish"];
const HELP: Candidate = { text: "help", meaning: "Explain a command, the options, or targets" };

/** @param words all words behind `econtext` up to the cursor; the last one is being typed */
export async function candidates(
  words: readonly string[],
  sources: Sources,
): Promise<readonly Candidate[]> {
  const [name = "", ...rest] = words;
  const typed = words.at(-1) ?? "";
  if (rest.length === 0) {
    if (typed.startsWith("-")) return beginning(typed, optionsOf(sources.programOptions, []));
    const programs = sources.files(typed).filter(({ text }) => PROGRAM.test(text));
    return [...beginning(typed, [...sources.commands, HELP]), ...programs];
  }
  if (name === "help") return beginning(typed, [...sources.commands, ...HELP_TOPICS]);
  const plan = await sources.planOf(name);
  if (plan === undefined) return sources.files(typed);
  return ofCommand(plan, rest, sources);
}

async function ofCommand(
  plan: CommandPlan,
  words: readonly string[],
  sources: Sources,
): Promise<readonly Candidate[]> {
  const typed = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  // Behind `--` stands another program's command line.
  if (before.includes("--")) return sources.files(typed);
  const valued = valuedBy(plan.args, before.at(-1), typed);
  if (valued !== undefined) return ofValue(valued, sources);
  if (typed.startsWith("-")) return beginning(typed, optionsOf(plan.args, before));
  return ofPosition(plan.name, wordsAmong(plan.args, before), typed, sources);
}

interface Valued {
  readonly definition: Definition;
  /** What stands before the value in the same word: `--kind=`. */
  readonly prefix: string;
  readonly typed: string;
}

/** @returns the option whose value is being typed */
function valuedBy(args: Definitions, last: string | undefined, typed: string): Valued | undefined {
  const [, inline, value = ""] = /^(--[^=]+=)(.*)$/s.exec(typed) ?? [];
  if (inline !== undefined) {
    const definition = named(args, inline.slice(0, -1));
    return definition && { definition, prefix: inline, typed: value };
  }
  const definition = last === undefined ? undefined : named(args, last);
  if (definition === undefined || definition.type === "boolean") return undefined;
  return { definition, prefix: "", typed };
}

function named(args: Definitions, option: string): Definition | undefined {
  const [, name, letter] = /^(?:--(.+)|-(.))$/.exec(option) ?? [];
  const found = Object.entries(args).find(
    ([key, one]) =>
      key === name || (letter !== undefined && "alias" in one && one.alias === letter),
  )?.[1];
  return found?.type === "positional" ? undefined : found;
}

function ofValue({ definition, prefix, typed }: Valued, sources: Sources): readonly Candidate[] {
  const { suggested = [], ...rest } = definition;
  const values = rest.type === "enum" ? (rest.options ?? []) : suggested;
  // Where words are suggested, a file is meant by a path.
  const isPath = suggested.length === 0 || /^[./~]|\//.test(typed);
  const isFile = isPath && "valueHint" in rest && FILES.includes(rest.valueHint ?? "");
  const found = [
    ...beginning(
      typed,
      values.map((text) => ({ text: String(text) })),
    ),
    ...(isFile ? sources.files(typed) : []),
  ];
  return found.map((one) => ({ ...one, text: prefix + one.text }));
}

/** @returns the options, without those that were given and may not be repeated */
function optionsOf(args: Definitions, before: readonly string[]): readonly Candidate[] {
  return Object.entries(args).flatMap(([name, definition]) => {
    const { type, description = "", repeated } = definition;
    if (type === "positional" || description === "") return [];
    const isUsed = before.some((word) => word === `--${name}` || word.startsWith(`--${name}=`));
    return isUsed && repeated !== true ? [] : [{ text: `--${name}`, meaning: description }];
  });
}

/** @returns the words that are neither options nor their values */
function wordsAmong(args: Definitions, before: readonly string[]): readonly string[] {
  return before.filter((word, at) => {
    if (word.startsWith("-") && word !== "-") return false;
    return valuedBy(args, before[at - 1], word) === undefined;
  });
}

async function ofPosition(
  command: string,
  words: readonly string[],
  typed: string,
  sources: Sources,
): Promise<readonly Candidate[]> {
  switch (command) {
    case "completion":
      return beginning(
        typed,
        SHELLS.map((text) => ({ text })),
      );
    case "man":
      return beginning(typed, sources.commands);
    case "init":
      return sources.files(typed);
    case "cp":
      return ofCopy(typed, sources);
    case "call":
      return words.length === 0 ? sources.targets(typed) : sources.files(typed);
    case "sh":
      return [...sources.targets(typed), ...sources.files(typed)];
    default:
      return sources.targets(typed);
  }
}

/** A file of this machine, or `TARGET:PATH`. */
async function ofCopy(typed: string, sources: Sources): Promise<readonly Candidate[]> {
  const [, target, path] = /^([^:,]+(?:,[^:,]+)*):((?!\/\/).*)$/s.exec(typed) ?? [];
  const known = target?.split(",")[0];
  if (known !== undefined && path !== undefined && !/^[./~]/.test(typed)) {
    const found = await sources.remoteFiles(known, path);
    return found.map((one) => ({ ...one, text: `${target}:${one.text}` }));
  }
  const files = sources.files(typed);
  // A folder of this machine is no target.
  if (files.length > 0 && typed.includes("/")) return files;
  const targets = sources
    .targets(typed)
    .map((one) => ({ ...one, text: one.text.replace(/:?$/, ":") }));
  return [...files, ...targets];
}

export function beginning(typed: string, all: readonly Candidate[]): readonly Candidate[] {
  return all.filter(({ text }) => text.startsWith(typed));
}
