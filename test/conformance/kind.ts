/**
 * What the tables have to know of a kind of far side: how it calls the functions of the fixtures,
 * and what it expects where languages differ. The tables use one name for a case whatever the
 * language, a dotted one: `tasks.output.say`. A new kind is one of these.
 */
import type { CallOptions, LEVELS } from "../../src/index.ts";

/** What a value is, whatever a language calls it. */
export type Shape =
  | "nothing"
  | "boolean"
  | "integer"
  | "float"
  | "text"
  | "list"
  | "object"
  | "bytes"
  | "big"
  | "date"
  | "set"
  | "map"
  | "sender";

type Level = (typeof LEVELS)[keyof typeof LEVELS];
/** A function under its own language's name. */
type Example = readonly [name: string, args: readonly unknown[], result: unknown];

export interface Kind {
  readonly language: "python" | "javascript";
  readonly kind: "python" | "node" | "bun";
  /** As the far side tells it, or its beginning. */
  readonly version: string;
  /** Folders whose modules the far side may have. */
  readonly roots: readonly string[];
  /** A case's name as the language's own; modules that are not of the fixtures are in `root`. */
  fn(name: string, root?: string): string;

  readonly values: {
    readonly types: Readonly<Record<Shape, string>>;
    /** What `undefined` comes back as, and what a function gives that gives nothing. */
    readonly nothing: null | undefined;
    /** What a function has of its arguments, as `echo.everything` tells it. */
    received(args: readonly unknown[], named: Readonly<Record<string, unknown>>): unknown;
    /** Every way to write a function's name. */
    readonly spellings: readonly Example[];
    /** Names that lead nowhere, and what the error must name. */
    readonly deadEnds: readonly (readonly [name: string, part: string])[];
  };

  readonly errors: {
    /** The type of `tasks.errors.refuse`'s exception. */
    readonly refused: string;
    /** How the traceback of `tasks.errors.deep` begins, a line each, and what else is in it. */
    readonly deep: readonly RegExp[];
    readonly deepHas: readonly string[];
    /** What no traceback of the user's may have: lines of the core. */
    readonly foreign: readonly string[];
    /** Failures of the language's own functions. */
    readonly builtin: readonly (readonly [
      name: string,
      args: readonly unknown[],
      type: string,
      part: string,
    ])[];
    /** What `tasks.errors.chained` tells of its causes; undefined where there are none. */
    readonly chain: readonly string[] | undefined;
    /** What ends a program elsewhere. */
    readonly leaving: readonly (readonly [
      fn: string,
      args: readonly unknown[],
      type: string,
      message: string,
    ])[];
    readonly unspeakable: string;
    /** The type of the failure when a result cannot be sent. */
    readonly unsendable: string;
    /** Some function of the traceback of an error that is sent as a value. */
    readonly handedOver: string | undefined;
  };

  readonly interruption: {
    /** What a deadline ends without harm; `seconds` are for a command of that length. */
    readonly interruptible: readonly (readonly [
      title: string,
      fn: string,
      args: (seconds: string) => unknown[],
    ])[];
    /** What can only be ended with its process. */
    readonly costly: readonly (readonly [title: string, fn: string, args: readonly unknown[]])[];
    /** What `tasks.hang.tidy` needs to hear that it is cancelled. */
    readonly tidy: CallOptions;
  };

  readonly output: {
    /** What `tasks.output.log_levels` logs, at level info. */
    readonly records: readonly (readonly [logger: string, level: Level, message: string])[];
    /** The logger of `tasks.output.log_debug`, `.mix`, `.threads` and of `tasks.control`. */
    readonly loggers: Readonly<Record<"fine" | "mixed" | "thread" | "strain", string>>;
    /** What the record of `tasks.output.log_exception` begins with, and has. */
    readonly exception: {
      readonly start: string;
      readonly has: readonly string[];
      readonly hasNot: readonly string[];
    };
  };

  readonly process: {
    /** What `tasks.procs.main_thread` gives on the main thread. */
    readonly mainThread: unknown;
  };

  readonly modules: {
    /**
     * A package `thirty` of `count` modules that import one another in a chain, half of them in a
     * folder of it.
     */
    writePackage(root: string, count: number): void;
    /** What the far side has itself, also where the roots have a namesake. */
    readonly own: readonly Example[];
    /** What those make it ask for, nevertheless. */
    readonly ownRequests: readonly string[];
    /** Modules whose names are made at run time, and what is asked for on their account. */
    readonly late: readonly string[];
    readonly lateRequests: readonly string[];
    /** Modules that are not there, and what is asked for on their account. */
    readonly missing: readonly string[];
    readonly missingRequests: readonly string[];
    readonly optional: readonly unknown[];
    readonly shadow: unknown;
    readonly elsewhere: string;
    readonly syntaxError: { readonly type: string; readonly says: readonly string[] };
    readonly flaky: { readonly type: string; readonly place: string };
  };
}
