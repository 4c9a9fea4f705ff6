/** `econtext FILE [ARG...]`, also as the first line of FILE: which files are programs, how one is started, and what its end means. */
import { closeSync, openSync, readFileSync, readSync, realpathSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { dieWithReader } from "../kernel.ts";
import { fail, statusOf, Usage } from "./exit.ts";
import { Lending } from "./lending.ts";
import { textLines } from "./log-lines.ts";
import { stderr, stdout } from "./output.ts";
import { printed, printSynchronously } from "./program-output.ts";
import { Stop } from "./stop.ts";

const SCRIPT = /\.(?:[cm]?[jt]s|[jt]sx)$/;
/** Where this program is, when it is run from its source. */
const SOURCES = `(${dirname(import.meta.dir)}/`;
const INTERPRETER_LINE = /^#![^\n]*\becontext\b/;

/** The path, if the first argument is one: no command has a dot or a slash in its name. */
export function programPath(argument: string): string | undefined {
  if (argument.startsWith("-")) return undefined;
  if (argument.includes("/") || SCRIPT.test(argument)) return argument;
  const isFile = statSync(argument, { throwIfNoEntry: false })?.isFile() === true;
  return isFile && INTERPRETER_LINE.test(firstBytes(argument)) ? argument : undefined;
}

/** @returns the exit status; does not return while what the program started goes on */
export async function runProgram(path: string, args: readonly string[]): Promise<number> {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return fail(new Usage("", `no such file: ${path}`));
  if (!status.isFile()) return fail(new Usage("", `not a file: ${path}`));
  const file = realpathSync(path);
  process.argv = [process.execPath, resolve(path), ...args];
  const { Program } = await import("../program/program.ts");
  dieWithReader();
  printSynchronously();
  for (const output of [stdout, stderr]) output.writeAtExit();
  const stop = new Stop();
  const lending = new Lending();
  const program = new Program(file, {
    lend: lending.show,
    signal: stop.signal,
    stopped: stop.happened,
    log: (record) =>
      void stderr.write(lending.erased() + textLines(record, stderr.coloured)).catch(() => {}),
  });
  const idle = new Promise<void>((done) => void process.once("beforeExit", () => done()));
  try {
    const ended = program.execute();
    // A top-level await of what never comes: nothing is left that could end it.
    const ran = await Promise.race([ended, idle.then(() => undefined)]);
    if (stop.status !== undefined) return stop.status;
    if (ran === undefined) return fail(new Error(`${path}: waits for what never comes`));
    if (!ran) await Promise.race([idle, stop.happened]);
    await Promise.race([printed(), stop.happened]);
    return stop.status ?? Number(process.exitCode ?? 0);
  } catch (error) {
    if (stop.status !== undefined) return stop.status;
    return await failed(error);
  } finally {
    stop.dispose();
  }
}

/** The user's program is theirs to mend: where it failed is told, except what our own errors say better. */
async function failed(error: unknown): Promise<number> {
  const { EcontextError } = await import("../index.ts");
  if (process.env["ECONTEXT_DEBUG"]) return fail(error);
  if (error instanceof EcontextError) {
    const status = await fail(error);
    const [, ...frames] = withoutOurs(error.stack ?? "").split("\n");
    if (frames.length > 0) stderr.write(`${frames.join("\n")}\n`).catch(() => {});
    return status;
  }
  stderr.write(`${explain(error)}\n`).catch(() => {});
  return statusOf(error);
}

interface BuildMessage {
  readonly message: string;
  readonly position?: { file?: string; line: number; column: number; lineText?: string } | null;
  readonly referrer?: string;
  readonly specifier?: string;
}

function explain(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(explain).join("\n");
  const { position, message, referrer, specifier } = error as BuildMessage;
  if (position !== undefined && position !== null) {
    const { line, column, lineText = "", file = referrer } = position;
    return `${file}:${line}:${column}: ${message}\n  ${lineText.trim()}`;
  }
  if (specifier !== undefined && referrer !== undefined) {
    const file = referrer.replace(/\?\.ts$/, "");
    return `${file}:${lineOf(specifier, file)}: cannot find ${JSON.stringify(specifier)}`;
  }
  if (!(error instanceof Error)) return `thrown: ${Bun.inspect(error)}`;
  return withoutOurs(error.stack ?? String(error));
}

/** Frames of this program and of the runtime's own. */
const OURS = /^\s+at .*(?:\/\$bunfs\/|\bnative\b|\b(?:internal|node):)/;

/** A stack's message and the user's own frames. */
function withoutOurs(stack: string): string {
  const lines = stack.split("\n").filter((line) => !OURS.test(line) && !line.includes(SOURCES));
  // A file without an ending was loaded as if it had one.
  return lines.join("\n").replaceAll("?.ts:", ":");
}

/** The runtime does not say where it was asked for. */
function lineOf(specifier: string, file: string): number {
  try {
    const text = readFileSync(file, "utf8");
    const at = ['"', "'", "`"].map((quote) => text.indexOf(quote + specifier + quote));
    const first = Math.min(...at.filter((one) => one >= 0));
    return Number.isFinite(first) ? text.slice(0, first).split("\n").length : 1;
  } catch {
    return 1;
  }
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
