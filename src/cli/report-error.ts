/** From an error to what is said about it and the exit status: one readable block, never our own stack unless ECONTEXT_DEBUG is set. */
import { stderr } from "./ui/output.ts";

/** The command line itself makes no sense. */
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

/** Say it on stderr, without waiting for whoever reads that. @returns the exit status */
export async function fail(error: unknown): Promise<number> {
  stderr.write(`${await describe(error)}\n`).catch(() => {});
  return statusOf(error);
}

export function statusOf(error: unknown): number {
  const { exitStatus } = (error ?? {}) as { readonly exitStatus?: unknown };
  return typeof exitStatus === "number" ? exitStatus : 1;
}

/** The library's errors name their context, and are neutralised here once more: their words come from the far side. */
export async function describe(error: unknown): Promise<string> {
  // Not above: `--help` has no need of the library.
  const { CallError, EcontextError, neutralise } = await import("../index.ts");
  const { tracebackLines } = await import("../traces/remote-trace.ts");
  if (process.env["ECONTEXT_DEBUG"]) {
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
