/**
 * What `import … from "econtext"` gives a program besides the library. Types only: `Program` makes
 * the values, and scripts/declarations.ts copies this text into the declarations of
 * `econtext init`.
 */
import type { Broker, ConnectOptions, Context, Fleet, FleetOptions } from "../index.ts";

/** Options of `run`. */
export interface RunOptions {
  /** More folders whose modules may be sent, relative to the main file's folder. */
  readonly roots?: readonly string[];
}

/**
 * Runs the program: `main` is called when the whole file has been evaluated, and the program ends
 * when `main` does. In a context, `run` does nothing.
 */
export declare function run(main: (broker: Broker) => unknown, options?: RunOptions): void;

/**
 * Opens a context on a broker of the program's own. It is closed when the main file has been
 * evaluated, or `run` is over.
 */
export declare function connect(target: string, options?: ConnectOptions): Promise<Context>;

/**
 * Many targets, on the broker of `connect`: `for await (const result of fleet(names).call(fn))`.
 * The targets are names, or one text: a set, as of `expand`, without groups that have a command.
 */
export declare function fleet(targets: string | readonly string[], options?: FleetOptions): Fleet;

/**
 * The names of a set of targets, in the order of writing: `await expand("web[01-20],@db!db3")`.
 * Groups are those of `econtext.toml`; the command of one is run when it is first used.
 */
export declare function expand(set: string): Promise<readonly string[]>;

/** Whether this is a context that the program opened, and not the program itself. */
export declare const slave: boolean;
