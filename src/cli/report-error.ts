/**
 * From an error to its text and the exit status. The text is one readable block; only with
 * ECONTEXT_DEBUG does it have the stack of econtext itself.
 */
import type { Host } from "./host.ts";

/** The command line cannot be understood. */
export class Usage extends Error {
  override name = "Usage";
  readonly exitStatus = 2;
  readonly command: string;

  /** @param command whose `--help` says more; empty: econtext's own */
  constructor(command: string, problem: string) {
    super(problem);
    this.command = command;
  }
}

/** Writes the error to stderr, without waiting for the reader. @returns the exit status */
export async function fail(error: unknown, host: Host): Promise<number> {
  const text = await describe(error, host.env);
  host.stderr.write(`${text}\n`).catch(() => {});
  return statusOf(error);
}

export function statusOf(error: unknown): number {
  const { exitStatus } = (error ?? {}) as { readonly exitStatus?: unknown };
  return typeof exitStatus === "number" ? exitStatus : 1;
}

/**
 * @returns lines that are safe for a terminal: errors of the library name their context, and may
 * hold words that came from it
 */
export async function describe(error: unknown, env: Host["env"]): Promise<string> {
  // Not imported above: `--help` does not need the library.
  const { CallError, EcontextError, neutralise } = await import("../index.ts");
  const { tracebackLines } = await import("../traces/remote-trace.ts");
  if (env["ECONTEXT_DEBUG"]) {
    return error instanceof EcontextError
      ? `${error.stack}\n${Bun.inspect({ ...error })}`
      : Bun.inspect(error);
  }
  if (error instanceof Usage) {
    const command = `econtext${error.command === "" ? "" : ` ${error.command}`}`;
    return `${command}: ${neutralise(error.message)}\ntry: ${command} --help`;
  }
  const text = error instanceof Error ? error.message : String(error);
  const isOurs = error instanceof EcontextError;
  const message = neutralise(isOurs ? text : `econtext: ${text}`);
  if (!(error instanceof CallError)) return message;
  const lines = tracebackLines(error).map((line) => `  ${neutralise(line)}`);
  return [message, ...lines].join("\n");
}
