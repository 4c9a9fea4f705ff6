/** What a path names on this disk, as a shell would take it: `~` is the home, a pattern all that matches, in order. */
import { lstatSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { isPattern, join, matches, onDisk } from "./paths.ts";

/** A path with the home in place of `~`. */
export function expandHome(path: string): string {
  if (path !== "~" && !path.startsWith("~/")) return path;
  return Buffer.from(homedir(), "utf8").toString("latin1") + path.slice(1);
}

/** All that a pattern matches; what exists under just this name is that. */
export function expand(path: string): string[] {
  const plain = expandHome(path);
  if (!isPattern(plain) || exists(plain)) return [plain];
  let found = [plain.startsWith("/") ? "/" : ""];
  for (const part of plain.split("/").filter((one) => one !== "")) {
    found = found.flatMap((folder) => {
      if (!isPattern(part)) return [folder === "" ? part : join(folder, part)];
      return listed(folder === "" ? "." : folder)
        .filter((name) => matches(name, part))
        .map((name) => (folder === "" ? name : join(folder, name)));
    });
  }
  return found.filter(exists);
}

/** Names in a folder, in order; none where it cannot be read. */
function listed(folder: string): string[] {
  try {
    return namesIn(folder);
  } catch {
    return [];
  }
}

/** @throws the system's error */
export function namesIn(folder: string): string[] {
  return readdirSync(onDisk(folder), { encoding: "buffer" })
    .map((name) => Buffer.from(name).toString("latin1"))
    .sort();
}

function exists(path: string): boolean {
  return lstatSync(onDisk(path), { throwIfNoEntry: false }) !== undefined;
}
