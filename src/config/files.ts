/**
 * Finds the files of a user's configuration: `econtext.toml` in a folder or above it, for a
 * project, and `$XDG_CONFIG_HOME/econtext/econtext.toml`. A project's settings take precedence.
 */
import { lstatSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { UsageError } from "../errors.ts";
import type { GroupOptions } from "../sets/groups.ts";
import { TargetTable } from "../tree/target-table.ts";
import { type Configuration, EMPTY, hostsOf, readConfiguration } from "./configuration.ts";

export type { Configuration } from "./configuration.ts";

const NAME = "econtext.toml";

/**
 * @param warn gets a line for each file that another user could have written. Such a file is not
 *   read, because a configuration names programs to run.
 * @throws {UsageError} `ERR_USAGE_CONFIG`
 */
export function findConfiguration(
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
  warn: (line: string) => void,
): Configuration {
  const home = env["XDG_CONFIG_HOME"] || join(env["HOME"] || "/", ".config");
  const own = join(home, "econtext", NAME);
  const files = [own, projectFile(folder)].filter((file) => file !== undefined);
  let found = EMPTY;
  for (const file of new Set(files)) {
    const text = readTrusted(file, warn);
    if (text !== undefined) found = readConfiguration(file, text, found);
  }
  return found;
}

/**
 * @param options where files and commands of groups are, and their environment
 * @returns the targets and groups, as a broker takes them
 */
export function tableOf(
  configuration: Configuration,
  options: Pick<GroupOptions, "folder" | "env">,
): TargetTable {
  const { targets, groups } = configuration;
  return new TargetTable(targets, groups, { ...options, known: hostsOf(configuration) });
}

/** @returns the nearest file, in the folder or above it */
function projectFile(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const file = join(at, NAME);
    if (exists(file)) return file;
    if (at === dirname(at)) return undefined;
  }
}

/** Whether something has this name: also a link that leads nowhere. */
function exists(file: string): boolean {
  try {
    return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false; // in a folder that may not be searched
  }
}

function readTrusted(file: string, warn: (line: string) => void): string | undefined {
  try {
    const status = statSync(file, { throwIfNoEntry: false });
    if (status === undefined) {
      if (exists(file)) throw new Error("it is a link to a file that does not exist");
      return undefined;
    }
    const isOwn = status.uid === process.geteuid?.() || status.uid === 0;
    if (!isOwn || (status.mode & 0o002) !== 0) {
      const why = isOwn ? "every user may write to it" : "it belongs to another user";
      warn(`${file} is not read: ${why}`);
      return undefined;
    }
    if (!status.isFile()) throw new Error("it is not a file");
    return readFileSync(file, "utf8");
  } catch (error) {
    // A home folder such as /dev/null.
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError("ERR_USAGE_CONFIG", `${file}: cannot be read: ${why}`);
  }
}
