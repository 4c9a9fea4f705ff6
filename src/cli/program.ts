/** `econtext FILE [ARG...]`, also as the first line of FILE: which files are programs, how one is started, and what its end means. */
import { closeSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { dieWithReader } from "../kernel.ts";
import { fail, Usage } from "./exit.ts";
import { Lending } from "./lending.ts";
import { textLines } from "./log-lines.ts";
import { stderr, stdout } from "./output.ts";
import { printed, printSynchronously } from "./program-output.ts";
import { Stop } from "./stop.ts";
import { failUncaught, uncaught } from "./uncaught.ts";

const SCRIPT = /\.(?:[cm]?[jt]s|[jt]sx)$/;
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
  const broken = uncaught();
  const idle = new Promise<void>((done) => void process.once("beforeExit", () => done()));
  const ended = program.execute();
  try {
    // A top-level await of what never comes: nothing is left that could end it.
    const ran = await Promise.race([ended, broken, idle.then(() => undefined)]);
    if (stop.status !== undefined) return stop.status;
    if (ran === undefined) return fail(new Error(`${path}: waits for what never comes`));
    if (!ran) await Promise.race([idle, broken, stop.happened]);
    await Promise.race([printed(), broken, stop.happened]);
    return stop.status ?? Number(process.exitCode ?? 0);
  } catch (error) {
    if (stop.status !== undefined) return stop.status;
    const status = await failUncaught(error);
    // What it has started goes with it.
    stop.now(status);
    await ended.catch(() => {});
    return status;
  } finally {
    stop.dispose();
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
