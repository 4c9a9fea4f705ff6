/** An error that ends a program because nothing in it catches it, and what is printed then. */
import { readFileSync, statSync } from "node:fs";
import { errorText } from "../traces/error-text.ts";
import { type Facts, factsOf } from "./error-facts.ts";
import type { Host } from "./host.ts";
import { fail, statusOf } from "./report-error.ts";
import { Failures } from "./ui/failures.ts";

/** A promise was rejected, and nothing waits for it. */
class UnhandledRejection {
  readonly reason: unknown;

  constructor(reason: unknown) {
    this.reason = reason;
  }
}

/** Gets all that no code catches. A program that listens for these events gets them itself. */
export function onUncaught(hear: (thrown: unknown) => void): void {
  const isAlone = (event: string) => process.listenerCount(event) === 1;
  process.on("unhandledRejection", (reason) => {
    if (isAlone("unhandledRejection")) hear(new UnhandledRejection(reason));
  });
  process.on("uncaughtException", (error) => {
    if (isAlone("uncaughtException")) hear(error);
  });
}

/** Rejects with the first error that no code catches. */
export function uncaught(): Promise<never> {
  const broken = new Promise<never>((_, reject) => onUncaught(reject));
  // It may come when nothing waits for this promise any more.
  broken.catch(() => {});
  return broken;
}

/** @returns the error or the reason itself */
export function reasonOf(thrown: unknown): unknown {
  return thrown instanceof UnhandledRejection ? thrown.reason : thrown;
}

/** Prints it as text, or as one record of `--log-format json`. @returns the exit status */
export async function failUncaught(
  thrown: unknown,
  format: "text" | "json",
  host: Host,
): Promise<number> {
  const error = reasonOf(thrown);
  if (host.env["ECONTEXT_DEBUG"]) return fail(error, host);
  tellEnd(uncaughtText(thrown), format, host, factsOf(error));
  return statusOf(error);
}

/** Writes to stderr why a program ended. */
export function tellEnd(
  text: string,
  format: "text" | "json",
  host: Host,
  facts: Facts = {},
): void {
  new Failures(host, [], format).say("", text, facts);
}

export function uncaughtText(thrown: unknown): string {
  if (thrown instanceof UnhandledRejection) {
    return `unhandled rejection: ${uncaughtText(thrown.reason)}`;
  }
  const isBuild = thrown instanceof AggregateError && thrown.errors.every(isMessage);
  if (isBuild) return thrown.errors.map(messageText).join("\n");
  return isMessage(thrown) ? messageText(thrown) : errorText(thrown);
}

/** The error of Bun for a module that cannot be read, or is not found. */
interface BuildMessage {
  readonly message: string;
  readonly position?: { file?: string; line: number; column: number; lineText?: string } | null;
  readonly referrer?: string;
  readonly specifier?: string;
}

function isMessage(thrown: unknown): thrown is BuildMessage {
  return thrown instanceof BuildMessage || thrown instanceof ResolveMessage;
}

function messageText({ position, message, referrer, specifier }: BuildMessage): string {
  if (position !== undefined && position !== null) {
    const { line, column, lineText = "", file = referrer } = position;
    return `${file}:${line}:${column}: ${message}\n  ${lineText.trim()}`;
  }
  if (specifier === undefined || referrer === undefined) return message;
  if (statSync(referrer, { throwIfNoEntry: false })?.isDirectory() === true) {
    return `cannot find ${JSON.stringify(specifier)} in ${referrer}`;
  }
  const file = referrer.replace(/\?\.ts$/, "");
  return `${file}:${lineOf(specifier, file)}: cannot find ${JSON.stringify(specifier)}`;
}

/** Finds the line of an import, which Bun does not tell. */
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
