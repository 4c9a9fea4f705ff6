/** Which folders the far side may have modules from, for a file of the user's: those of its package, and those of its packages. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** @param file absolute real path */
export function foldersOf(file: string): string[] {
  let root: string | undefined;
  const packages: string[] = [];
  // Packages are looked for as the runtime does.
  for (let at = dirname(file); ; at = dirname(at)) {
    if (existsSync(join(at, "package.json"))) root ??= at;
    packages.push(join(at, "node_modules"));
    if (at === dirname(at)) return [root ?? dirname(file), ...packages];
  }
}
