/**
 * The command line before a program: `econtext [OPTION...] FILE [ARG...]`. The words after FILE are
 * the program's.
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import type { ConnectOptions, LevelName } from "../index.ts";
import { isPythonRoot } from "../program/python-names.ts";
import type { Host } from "./host.ts";
import { refuseProblem } from "./line-errors.ts";
import { readCache, readConnect, readLogFormat, readLogLevel, texts } from "./option-values.ts";
import { COMMON, UNPACK } from "./options.ts";
import { type Definitions, type Flags, parseLine } from "./parse-line.ts";
import { Usage } from "./report-error.ts";

export interface ProgramLine {
  readonly file: string;
  readonly args: readonly string[];
  /** Options of each `connect` that does not set its own. */
  readonly connect: ConnectOptions;
  readonly logLevel: LevelName;
  readonly logFormat: "text" | "json";
  /** Folders whose modules may be sent, besides those of the program's package. */
  readonly roots: readonly string[];
  readonly cache: boolean;
  /** The flags, for the sources of passwords. */
  readonly flags: Flags;
}

const { deadline: _, ...OTHERS } = COMMON;
/** Without a deadline: a program sets its own for each call. */
export const PROGRAM_OPTIONS: Definitions = {
  ...UNPACK,
  ...OTHERS,
  roots: {
    type: "string",
    valueHint: "DIR",
    repeated: true,
    description: "One more folder whose modules may be sent; may be repeated",
  },
};

const DEADLINE =
  "--deadline is for commands; a program limits each call by itself: " +
  "web.callWith({ deadline: 5000 }, fn)";
const SCRIPT = /\.(?:[cm]?[jt]s|[jt]sx)$/;
const INTERPRETER_LINE = /^#![^\n]*\becontext\b/;

/** @returns undefined if no program is meant. @throws {Usage} */
export function readProgramLine(args: readonly string[], host: Host): ProgramLine | undefined {
  const line = parseLine(PROGRAM_OPTIONS, args, true);
  const { flags, problem, words } = line;
  const [word] = words;
  if (problem?.kind === "unknown" && problem.option === "--deadline") throw new Usage("", DEADLINE);
  // An unknown first option may be a mistyped one of any command.
  const isUnknown = problem?.kind === "unknown" && args[0]?.startsWith(problem.option) === true;
  if (args.length === 0 || isUnknown) return undefined;
  refuseProblem("", PROGRAM_OPTIONS, line);
  if (word === undefined) throw new Usage("", `a program is missing after ${args.join(" ")}`);
  const { text: file, index } = word;
  const rest = args.slice(index + 1);
  if (!isProgram(file, host)) {
    if (index === 0) return undefined;
    const whole = [file, ...args.slice(0, index), ...rest].join(" ");
    throw new Usage("", `not a program: ${file}; a command's options follow it: econtext ${whole}`);
  }
  const roots = texts(flags["roots"]).map((root) => {
    const path = host.path(root);
    if (isPythonRoot(path)) return path;
    throw new Usage("", `not a folder: --roots ${root}`);
  });
  return {
    file,
    args: rest,
    connect: readConnect("", flags),
    logLevel: readLogLevel("", flags),
    logFormat: readLogFormat("", flags),
    roots,
    cache: readCache(flags),
    flags,
  };
}

const NO_THROW = { throwIfNoEntry: false } as const;

/** No command has a dot or a slash in its name. */
function isProgram(argument: string, host: Host): boolean {
  if (argument.includes("/") || SCRIPT.test(argument)) return true;
  const path = host.path(argument);
  return statSync(path, NO_THROW)?.isFile() === true && INTERPRETER_LINE.test(firstBytes(path));
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
