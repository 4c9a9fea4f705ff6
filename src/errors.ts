/**
 * The taxonomy of what can go wrong: one class for each layer that can fail, so that the class says who must act, and a
 * stable `code` for each cause. Leaf. Every code stands in docs/errors.md with its meaning and exit status.
 *
 * Names are literals: `new.target.name` is one letter after minification.
 */
import { neutralise } from "./text.ts";

export interface ErrorOptions {
  readonly cause?: unknown;
}

/** Gives each error that is made its stack: error-stack.ts. A slave, which has this file as well, does without. */
export const stacks: { made?: (error: EcontextError) => void } = {};

/** Base of all errors that econtext throws. */
export class EcontextError extends Error {
  override name = "EcontextError";
  /** Status with which the command line ends because of it. */
  readonly exitStatus: number = 1;
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    stacks.made?.(this);
  }

  /** As `console.log` shows it: by itself that would quote this program's own text, which is minified. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    const head = `${this.name} [${this.code}]: ${this.message}`;
    const [, ...lines] = (this.stack ?? "").replace(this.message, "").split("\n");
    return [head, ...lines].join("\n");
  }
}

/** The caller asked for something that makes no sense: their turn. */
export class UsageError extends EcontextError {
  override name = "UsageError";
  override readonly exitStatus: number = 2;
}

/** A value cannot be sent; `path` names it: `args[0].socket`. */
export class ValueError extends EcontextError {
  override name = "ValueError";
  override readonly exitStatus: number = 2;
  readonly path: string;

  constructor(path: string, problem: string) {
    super("ERR_VALUE_UNSENDABLE", `cannot send ${path}: ${problem}`);
    this.path = path;
  }
}

/** What is known about a child that did not become a context. */
export interface BootstrapReport {
  readonly argv: readonly string[];
  /** How far it came. */
  readonly phase: string;
  /** Exit status, or the name of the signal that ended it; undefined while it runs. */
  readonly status?: number | string | undefined;
  /** The last that it printed on stdout and on stderr, control characters neutralised. */
  readonly said: string;
}

/** A child could not be started or did not become a context: ssh, the login shell, the interpreter. */
export class BootstrapError extends EcontextError {
  override name = "BootstrapError";
  override readonly exitStatus: number = 255;
  readonly report: BootstrapReport;

  constructor(code: string, message: string, report: BootstrapReport, options?: ErrorOptions) {
    super(code, message, options);
    this.report = report;
  }
}

/** The other end does not keep to docs/protocol.md: the stream is dead. */
export class ProtocolError extends EcontextError {
  override name = "ProtocolError";
  override readonly exitStatus: number = 255;
}

/** A context is gone; every pending call gets this. */
export class DisconnectError extends EcontextError {
  override name = "DisconnectError";
  override readonly exitStatus: number = 255;
}

/** Nobody receives any more, or nothing is to come. */
export class ChannelError extends EcontextError {
  override name = "ChannelError";
}

/** Some of the files of a copy could not be copied; the others are. */
export class FilesError extends EcontextError {
  override name = "FilesError";
  /** The first thousand. */
  readonly failures: readonly {
    /** The context's name; "" for this machine. */
    readonly context: string;
    readonly path: string;
    readonly problem: string;
  }[];

  constructor(failures: FilesError["failures"], count: number) {
    const [first] = failures;
    const where = first === undefined || first.context === "" ? "" : `${first.context}: `;
    const more = count > 1 ? ` (and ${count - 1} more)` : "";
    super("ERR_FILES_COPY", `${where}${first?.path}: ${first?.problem}${more}`);
    this.failures = failures;
  }
}

/** A deadline passed. */
export class TimeoutError extends EcontextError {
  override name = "TimeoutError";
  override readonly exitStatus: number = 124;
}

/** A call was cancelled by its caller. */
export class CancelledError extends EcontextError {
  override name = "CancelledError";
  override readonly exitStatus: number = 130;
}

/** The function ran over there and failed there. Its texts are fit for a terminal: control characters are visible escapes. */
export class CallError extends EcontextError {
  override name = "CallError";
  /** The exception's type over there, such as `ValueError` or `mypkg.errors.Refused`. */
  readonly type: string;
  readonly remoteMessage: string;
  /** The traceback as the far side's language prints it, in the lines of the user's own source. */
  readonly traceback: string;

  constructor(context: string, type: string, remoteMessage: string, traceback: string) {
    super("ERR_CALL_FAILED", `${context}: ${neutralise(type)}: ${neutralise(remoteMessage)}`);
    this.type = neutralise(type);
    this.remoteMessage = neutralise(remoteMessage);
    this.traceback = neutralise(traceback);
  }
}

/** A shell command ended with a status other than 0. */
export class ShellError extends EcontextError {
  override name = "ShellError";
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;

  constructor(context: string, script: string, exitCode: number, stdout: string, stderr: string) {
    const said = neutralise(stderr.trim().split("\n").slice(-3).join("; "));
    const why = said === "" ? "" : `: ${said}`;
    super("ERR_SHELL_STATUS", `${context}: ${neutralise(script.trim())}: status ${exitCode}${why}`);
    this.exitCode = exitCode;
    this.stdout = stdout;
    this.stderr = stderr;
  }
}
