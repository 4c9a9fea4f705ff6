/**
 * Runs in the master and, joined by scripts/shared-modules.ts, in JavaScript slaves.
 *
 * Expands paths as a shell does: `~` to the home folder, a pattern to the sorted paths it matches.
 */
import { lstatSync, readdirSync, type Stats, statSync } from "node:fs";
import { homedir } from "node:os";
import { isPattern, join, matches, onDisk } from "./paths.ts";

/** A path with the home folder in place of a leading `~`. */
export function expandHome(path: string): string {
  if (path !== "~" && !path.startsWith("~/")) return path;
  return Buffer.from(homedir(), "utf8").toString("latin1") + path.slice(1);
}

/** The paths that a pattern matches. If a file has the pattern as its name, only that file. */
export function expand(path: string): string[] {
  const plain = expandHome(path);
  if (!isPattern(plain) || exists(plain)) return [plain];
  let paths = [plain.startsWith("/") ? "/" : ""];
  for (const part of plain.split("/").filter((one) => one !== "")) {
    paths = paths.flatMap((folder) => {
      if (!isPattern(part)) return [folder === "" ? part : join(folder, part)];
      return namesOrNone(folder === "" ? "." : folder)
        .filter((name) => matches(name, part))
        .map((name) => (folder === "" ? name : join(folder, name)));
    });
  }
  return plain.endsWith("/")
    ? paths.filter(isFolder).map((path) => join(path, ""))
    : paths.filter(exists);
}

/** The sorted names in a folder; none if the folder cannot be read. */
export function namesOrNone(folder: string): string[] {
  try {
    return namesIn(folder);
  } catch {
    return [];
  }
}

/** The sorted names in a folder. @throws the system's error */
export function namesIn(folder: string): string[] {
  return readdirSync(onDisk(folder), { encoding: "buffer" })
    .map((name) => Buffer.from(name).toString("latin1"))
    .sort();
}

function isFolder(path: string): boolean {
  return found(() => statSync(onDisk(path)))?.isDirectory() === true;
}

function exists(path: string): boolean {
  return found(() => lstatSync(onDisk(path))) !== undefined;
}

/** A part of the path may be a file, or a folder that nothing may be looked up in. */
function found(look: () => Stats): Stats | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
