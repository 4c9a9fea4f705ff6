/**
 * The folders that the user allowed, by their real names: nothing outside of them is ever served. Knows no language.
 */
import { realpathSync } from "node:fs";
import { basename, relative, sep } from "node:path";

/** Not as it would be written. */
const ODD = /\/(?:\.{0,2}\/|\.{0,2}$)/;

export class Roots {
  readonly folders: readonly string[];

  /** @param folders what does not exist is left out */
  constructor(folders: readonly string[]) {
    this.folders = [...new Set(folders.map(realpath).filter((root) => root !== undefined))];
  }

  /** @param real an absolute path without links, `.` and `..` */
  contain(real: string): boolean {
    return this.folders.some((root) => contains(root, real));
  }

  /** Whether a folder or file below the root has a hidden name: what is kept there is for programs and secrets, not for sending. */
  hide(real: string): boolean {
    return !this.folders.some((root) => {
      const way = contains(root, real) ? relative(root, real).split(sep) : ["."];
      // A package manager's own store is below one: `node_modules/.pnpm`.
      const packages = basename(root) === "node_modules" ? 0 : way.indexOf("node_modules");
      return !(packages < 0 ? way : way.slice(0, packages)).some((name) => name.startsWith("."));
    });
  }
}

/** @param folder absolute, without `.`, `..` and a slash at its end */
export function contains(folder: string, path: string): boolean {
  // Asked very often, and nearly always of a plain path.
  if (folder !== sep && !ODD.test(path)) {
    return (
      path.startsWith(folder) && (path.length === folder.length || path[folder.length] === sep)
    );
  }
  const way = relative(folder, path);
  return way === "" || !(way === ".." || way.startsWith(`..${sep}`) || way.startsWith(sep));
}

export function realpath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
