/** The folders that the user allowed to serve from. No file outside of them is ever sent. */
import { realpathSync } from "node:fs";
import { basename, relative, sep } from "node:path";

/** A path that is not normalised: it holds `//`, `/./` or `/../`, or ends with a slash. */
const ODD = /\/(?:\.{0,2}\/|\.{0,2}$)/;

export class Roots {
  readonly folders: readonly string[];

  /** @param folders of which those that do not exist are left out */
  constructor(folders: readonly string[]) {
    this.folders = [...new Set(folders.map(realpath).filter((root) => root !== undefined))];
  }

  /** Whether a path is in one of the roots. @param real absolute, without links, `.` and `..` */
  contain(real: string): boolean {
    return this.folders.some((root) => contains(root, real));
  }

  /**
   * Whether a path is hidden: it is outside of the roots, or a name below its root begins with a
   * dot. Such files are settings and secrets, and are not sent.
   */
  hide(real: string): boolean {
    return !this.folders.some((root) => {
      const way = contains(root, real) ? relative(root, real).split(sep) : ["."];
      // Below `node_modules`, hidden names are allowed: `node_modules/.pnpm` holds packages.
      const packages = basename(root) === "node_modules" ? 0 : way.indexOf("node_modules");
      return !(packages < 0 ? way : way.slice(0, packages)).some((name) => name.startsWith("."));
    });
  }
}

/** Whether a path is `folder` or below it. @param folder absolute and normalised */
export function contains(folder: string, path: string): boolean {
  // Fast path: this is called very often, and nearly always with a normalised path.
  if (folder !== sep && !ODD.test(path)) {
    return (
      path.startsWith(folder) && (path.length === folder.length || path[folder.length] === sep)
    );
  }
  const way = relative(folder, path);
  return way === "" || !(way === ".." || way.startsWith(`..${sep}`) || way.startsWith(sep));
}

/** The path without links; undefined if nothing exists there. */
export function realpath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
