/**
 * Runs in the master and, joined by scripts/shared-modules.ts, in JavaScript slaves.
 *
 * The errors of econtext: one class for each layer that can fail, so that the class says who must
 * act, and a stable `code` for each cause. docs/errors.md explains every code and its exit status.
 * Names of classes are literals, because minification changes `new.target.name`.
 */
import { neutralise } from "./text.ts";

interface ErrorOptions {
  readonly cause?: unknown;
}

/** The hook that gives each new error its stack (traces/error-stack.ts). Unset in a slave. */
export const stacks: { made?: (error: EcontextError) => void } = {};

/** Base class of all errors that econtext throws. */
export class EcontextError extends Error {
  override name = "EcontextError";
  /** The exit status of the command line after this error. */
  readonly exitStatus: number = 1;
  readonly code: string;
  /**
   * The path of the context that could not be opened, or that was lost: of a path, it may be one
   * before the last. Absent in other errors.
   */
  declare hop?: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    stacks.made?.(this);
  }

  /** The text for `console.log`, which would otherwise quote the minified source of econtext. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    const head = `${this.name} [${this.code}]: ${this.message}`;
    const [, ...lines] = (this.stack ?? "").replace(this.message, "").split("\n");
    return [head, ...lines].join("\n");
  }
}

/** The caller asked for something impossible, and has to change the request. */
export class UsageError extends EcontextError {
  override name = "UsageError";
  override readonly exitStatus: number = 2;
}

/** A value cannot be sent. `path` names the value, such as `args[0].socket`. */
export class ValueError extends EcontextError {
  override name = "ValueError";
  override readonly exitStatus: number = 2;
  readonly path: string;

  constructor(path: string, problem: string) {
    super("ERR_VALUE_UNSENDABLE", `cannot send ${path}: ${problem}`);
    this.path = path;
  }
}

/** Facts about a child process that did not become a context. */
export interface BootstrapReport {
  readonly argv: readonly string[];
  /** The last phase of the bootstrap that the child reached. */
  readonly phase: string;
  /** Exit status, or the name of the signal that ended the child; undefined while it runs. */
  readonly status?: number | string | undefined;
  /** The end of the child's output on stdout and stderr, with control characters escaped. */
  readonly said: string;
}

/** A child process (ssh, login shell, interpreter) did not start or did not become a context. */
export class BootstrapError extends EcontextError {
  override name = "BootstrapError";
  override readonly exitStatus: number = 255;
  readonly report: BootstrapReport;

  constructor(code: string, message: string, report: BootstrapReport, options?: ErrorOptions) {
    super(code, message, options);
    this.report = report;
  }
}

const DISTRUST = "do not trust that machine until you know what runs there";
/** By the code of a ProtocolError: what to do next. */
const PROTOCOL_HINTS: Readonly<Record<string, string | undefined>> = {
  ERR_PROTOCOL_MESSAGE_TOO_LARGE: "send it in parts",
  ERR_PROTOCOL_SENDERS: "close the channels that are done",
  ERR_PROTOCOL_BACKLOG: DISTRUST,
  ERR_PROTOCOL_STRIKES: DISTRUST,
};
const PROTOCOL_HINT = "find what else there writes to the connection; if nothing does, report it";

/** The remote end broke the rules of docs/protocol.md, so its connection is closed. */
export class ProtocolError extends EcontextError {
  override name = "ProtocolError";
  override readonly exitStatus: number = 255;

  constructor(code: string, problem: string, options?: ErrorOptions) {
    // The error of the bootstrap has its own hint, and a failure that is passed on may have one.
    const hasHint = code === "ERR_PROTOCOL_NOISE" || problem.includes("\n  try: ");
    const hint = PROTOCOL_HINTS[code] ?? PROTOCOL_HINT;
    super(code, hasHint ? problem : `${problem}\n  try: ${hint}`, options);
  }
}

/** A context was lost. Every call that waits for an answer from it fails with this error. */
export class DisconnectError extends EcontextError {
  override name = "DisconnectError";
  override readonly exitStatus: number = 255;
}

/** A channel is closed: no receiver takes values any more, or no value will come. */
export class ChannelError extends EcontextError {
  override name = "ChannelError";
}

/** Some files could not be copied; the others are. */
export class FilesError extends EcontextError {
  override name = "FilesError";
  /** The first thousand failures. */
  readonly failures: readonly {
    /** The name of the context where it failed; "" for this machine. */
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

/** The work on a target of a fleet was not begun, because the run was stopped before. */
export class SkippedError extends EcontextError {
  override name = "SkippedError";
}

/** A remote function threw an error. Control characters in its texts are visible escapes. */
export class CallError extends EcontextError {
  override name = "CallError";
  /** The type of the remote exception, such as `ValueError` or `mypkg.errors.Refused`. */
  readonly type: string;
  readonly remoteMessage: string;
  /** The remote traceback, with the line numbers of the user's own source. */
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
