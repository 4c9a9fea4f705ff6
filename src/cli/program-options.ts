/** The command line in front of a program: `econtext [OPTION...] FILE [ARG...]`. What follows FILE is the program's. */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { parseArgs } from "node:util";
import type { ArgsDef } from "citty";
import type { ConnectOptions, LevelName } from "../index.ts";
import { isPythonRoot } from "../program/python-names.ts";
import {
  COMMON,
  optionsOf,
  readCache,
  readCommandLine,
  readConnect,
  readLogFormat,
  readLogLevel,
  texts,
  UNPACK,
} from "./options.ts";
import { Usage } from "./report-error.ts";

export interface ProgramLine {
  readonly file: string;
  readonly args: readonly string[];
  /** Of each `connect` that does not say otherwise. */
  readonly connect: ConnectOptions;
  readonly logLevel: LevelName;
  readonly logFormat: "text" | "json";
  /** Folders that the far side may have modules from, besides those of the program's package. */
  readonly roots: readonly string[];
  readonly cache: boolean;
}

const { deadline: _, ...OTHERS } = COMMON;
/** A deadline for all that a program does is its own to set. */
export const PROGRAM_OPTIONS: ArgsDef = {
  ...UNPACK,
  ...OTHERS,
  roots: {
    type: "string",
    valueHint: "DIR",
    description: "One more folder whose modules may be sent; may be repeated",
  },
};

const SCRIPT = /\.(?:[cm]?[jt]s|[jt]sx)$/;
const INTERPRETER_LINE = /^#![^\n]*\becontext\b/;

/** @returns undefined where no program is meant. @throws {Usage} */
export function readProgramLine(args: readonly string[]): ProgramLine | undefined {
  const at = firstPositional(args);
  const [own, file] = [args.slice(0, at), args[at]];
  if (args.length === 0 || (own.length > 0 && !isOption(own[0] ?? ""))) return undefined;
  const { flags } = readCommandLine("", PROGRAM_OPTIONS, own);
  if (file === undefined) throw new Usage("", `a program is missing after ${own.join(" ")}`);
  if (!isProgram(file)) {
    if (own.length === 0) return undefined;
    const line = [file, ...own, ...args.slice(at + 1)].join(" ");
    throw new Usage("", `not a program: ${file}; a command's options follow it: econtext ${line}`);
  }
  const roots = texts(flags["roots"]);
  const missing = roots.find((root) => !isPythonRoot(root));
  if (missing !== undefined) throw new Usage("", `not a folder: --roots ${missing}`);
  return {
    file,
    args: args.slice(at + 1),
    connect: readConnect("", flags),
    logLevel: readLogLevel("", flags),
    logFormat: readLogFormat("", flags),
    roots,
    cache: readCache(flags),
  };
}

const NO_THROW = { throwIfNoEntry: false } as const;

/** Where the options end: their values are none. */
function firstPositional(args: readonly string[]): number {
  const { tokens } = parseArgs({
    args: [...args],
    options: optionsOf(PROGRAM_OPTIONS),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  return tokens.find(({ kind }) => kind === "positional")?.index ?? args.length;
}

/** Whether it is one of a program's options. */
function isOption(arg: string): boolean {
  const [, long, short] = /^--([^=]+)|^-(.)/.exec(arg) ?? [];
  return Object.entries(PROGRAM_OPTIONS).some(
    ([name, definition]) =>
      name === long || ("alias" in definition && short !== undefined && definition.alias === short),
  );
}

/** No command has a dot or a slash in its name. */
function isProgram(argument: string): boolean {
  if (argument.includes("/") || SCRIPT.test(argument)) return true;
  return (
    statSync(argument, NO_THROW)?.isFile() === true && INTERPRETER_LINE.test(firstBytes(argument))
  );
}

function firstBytes(path: string): string {
  const bytes = Buffer.alloc(256);
  try {
    const fd = openSync(path, "r");
    try {
      return bytes.toString("latin1", 0, readSync(fd, bytes));
    } finally {
      closeSync(fd);
    }
  } catch {
    return "";
  }
}
