/**
 * What a command says of itself to the process that keeps connections: types, and what is the same
 * for all commands of this program.
 */
import { version } from "../../package.json";
import { lookAt } from "../io/quick-calls.ts";

/** Seconds until a command takes no answer for one, and connects by itself. */
export const PATIENCE_S = 3;
/** Milliseconds until a greeting is too old to be served: its command may soon lose patience. */
export const FRESH_MS = 2_000;

/** Stands in the words of a process that refuses commands of another version, or build. */
export const OTHER_VERSION = "another version of econtext";

/** A stream of the command's. */
export interface StreamFacts {
  readonly isTerminal: boolean;
  readonly coloured: boolean;
}

export interface InputFacts {
  readonly isTerminal: boolean;
  /** It is /dev/null: nothing has to be read to know that. */
  readonly isEmpty: boolean;
  /** False: it was closed, is a folder, or is open for writing only. Its own process says so. */
  readonly isReadable: boolean;
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export interface Greeting {
  /** Of the command's program: see `identity`. */
  readonly identity: string;
  /** When it was sent: milliseconds since 1970. */
  readonly sentAt: number;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
  readonly umask: number;
  /** The group of new files, and the other groups. */
  readonly groups: readonly number[];
  /** The parent process: `--with-parent` ends with it. */
  readonly parent: number;
  readonly stdin: InputFacts;
  readonly stdout: StreamFacts;
  readonly stderr: StreamFacts;
  /** Undefined unless input and output are terminals. */
  readonly terminal?: Size & { readonly modes: readonly (readonly [number, number])[] };
  /** Whether a person can be asked. */
  readonly hasPerson: boolean;
}

/** @returns the groups of this process, for its greeting */
export function ownGroups(): number[] {
  const others = process.getgroups?.() ?? [];
  return [process.getegid?.() ?? 0, ...others.sort((one, other) => one - other)];
}

/** @returns the version, and what tells builds of one version apart */
export function identity(): string {
  const { size = 0, changed = "" } = lookAt(process.execPath) ?? {};
  return `${version} ${size}-${changed}`;
}
