/**
 * `econtext FILE [ARG...]`, also as the first line of FILE: starts a program in this process, and
 * makes an exit status of its end.
 */
import { realpathSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { dieWithReader } from "../../io/libc.ts";
import { readConfiguration } from "../configuration.ts";
import type { Host } from "../host.ts";
import { Stop } from "../interruption.ts";
import { openPrompter } from "../passwords.ts";
import type { ProgramLine } from "../program-options.ts";
import { printed, printSynchronously } from "../program-output.ts";
import { fail, Usage } from "../report-error.ts";
import { endAtSecondSignal } from "../second-signal.ts";
import { Lending } from "../ui/lend-progress.ts";
import { logLines } from "../ui/log-lines.ts";
import { failUncaught, tellEnd, uncaught } from "../uncaught.ts";

/** Asks for passwords that are wanted at the start. */
async function readSettings(line: ProgramLine, host: Host) {
  const { connect, logLevel, cache, flags } = line;
  const configuration = readConfiguration(host);
  const prompter = await openPrompter("", flags, host, configuration);
  const roots = line.roots.map((root) => resolve(root));
  return { connect, logLevel, cache, prompter, configuration, roots };
}

/** @returns the exit status, when the program and all that it started has ended */
export async function runProgram(line: ProgramLine, host: Host): Promise<number> {
  const { stdout, stderr } = host;
  const { file: path, args } = line;
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return fail(new Usage("", `no such file: ${path}`), host);
  if (!status.isFile()) return fail(new Usage("", `not a file: ${path}`), host);
  const settings = await readSettings(line, host);
  const file = realpathSync(path);
  process.argv = [process.execPath, resolve(path), ...args];
  const { Program } = await import("../../program/program.ts");
  dieWithReader();
  printSynchronously();
  for (const output of [stdout, stderr]) output.writeAtExit();
  const stop = new Stop(host);
  endAtSecondSignal();
  const lending = new Lending(stderr);
  const program = new Program(file, settings, {
    lend: lending.show,
    signal: stop.signal,
    stopped: stop.happened,
    log: (record) =>
      void stderr
        .write(lending.erased() + logLines(stderr, record, line.logFormat))
        .catch(() => {}),
  });
  const broken = uncaught();
  const idle = new Promise<void>((done) => void process.once("beforeExit", () => done()));
  const ended = program.execute();
  try {
    // Nothing is left that could settle the promise of a top-level await.
    const ran = await Promise.race([ended, broken, idle.then(() => undefined)]);
    if (stop.status !== undefined) return stop.status;
    if (ran === undefined) {
      tellEnd(
        `econtext: ${path}: awaits a promise that nothing can settle any more`,
        line.logFormat,
        host,
      );
      return 1;
    }
    if (!ran) await Promise.race([idle, broken, stop.happened]);
    // A promise that is rejected at the very end is told as unhandled in the next turn.
    const isTold = new Promise((resolve) => setImmediate(resolve));
    await Promise.race([isTold.then(printed), broken, stop.happened]);
    return stop.status ?? Number(process.exitCode ?? 0);
  } catch (error) {
    if (stop.status !== undefined) return stop.status;
    const status = await failUncaught(error, line.logFormat, host);
    // Contexts and calls of the program end with it.
    stop.now(status);
    await ended.catch(() => {});
    return status;
  } finally {
    stop.dispose();
  }
}
