/** What a command printed, as texts, and how it ended. */
import { ShellError } from "../errors.ts";
import type { ExecResult, RemoteProcess } from "./remote-process.ts";

/** What a shell command printed, and how it ended. */
export interface ShellOutput {
  readonly stdout: string;
  /** If the command could not be started: the reason, as a shell would print it. */
  readonly stderr: string;
  readonly exitCode: number;
  readonly signal?: string;
}

/** @returns what `exited` and the two texts tell together */
export function shellOutput(
  { status, signal, problem = "" }: ExecResult,
  stdout: string,
  stderr: string,
): ShellOutput {
  return {
    stdout,
    stderr: stderr === "" ? problem : stderr,
    exitCode: status,
    ...(signal === undefined ? {} : { signal }),
  };
}

/** Reads both streams to their ends. */
export async function outputOf(process: RemoteProcess): Promise<ShellOutput> {
  const streams = [process.stdout.text(), process.stderr.text()] as const;
  const [stdout, stderr, result] = await Promise.all([...streams, process.exited]);
  return shellOutput(result, stdout, stderr);
}

/** @param script the command, as the user wrote it */
export function shellError(
  context: string,
  script: string,
  { exitCode, stdout, stderr }: ShellOutput,
): ShellError {
  return new ShellError(context, script, exitCode, stdout, stderr);
}
