/**
 * Which options the ssh client's own configuration sets. A client refuses a command line with an
 * option that it does not know, so a newer option is overridden only if a configuration names it.
 * Reads files. Does not know what the options mean, or which of them apply to a host.
 */
import { readFileSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { join, resolve } from "node:path";

const SYSTEM = "/etc/ssh";
/** As in ssh itself, so that a file that includes itself is not read for ever. */
const MAX_DEPTH = 16;
const LINE = /^[ \t]*([a-z0-9]+)[ \t]*(?:=|[ \t])[ \t]*(.*)$/gim;

/**
 * @param options of ssh's command line: `-F FILE` replaces all other files, `-o` is a line of one
 * @returns the names, in lower case, of all options that apply to some host, in ssh's configuration
 *   files and on its command line
 */
export function namedOptions(options: readonly string[]): ReadonlySet<string> {
  const names = new Set<string>();
  const values = (letter: string): string[] =>
    options.flatMap((option, at) => {
      if (option === `-${letter}`) return [options[at + 1] ?? ""];
      return option.startsWith(`-${letter}`) ? [option.slice(2)] : [];
    });
  for (const line of values("o")) readText(line.replace(/^\s*\w+$/, "$& "), "", names, 0);
  const [file] = values("F");
  if (file === "none") return names;
  const own = join(home(), ".ssh");
  readConfig(file ?? join(own, "config"), own, names, 0);
  if (file === undefined) readConfig(join(SYSTEM, "ssh_config"), SYSTEM, names, 0);
  return names;
}

/** ssh finds the home folder in the user database, not in HOME. */
function home(): string {
  try {
    return userInfo().homedir;
  } catch {
    return homedir();
  }
}

/** @param folder included files are named relative to it */
function readConfig(file: string, folder: string, names: Set<string>, depth: number): void {
  try {
    readText(readFileSync(file, "utf8"), folder, names, depth);
  } catch {
    // ssh itself reports a file that it cannot read, if it needs it.
  }
}

function readText(text: string, folder: string, names: Set<string>, depth: number): void {
  for (const [, keyword = "", value = ""] of text.matchAll(LINE)) {
    const name = keyword.toLowerCase();
    names.add(name);
    if (name !== "include" || depth >= MAX_DEPTH) continue;
    for (const [, quoted, plain = ""] of value.matchAll(/"([^"]*)"|([^\s"]+)/g)) {
      const pattern = (quoted ?? plain).replace(/^~(?=\/)/, home());
      for (const file of matching(resolve(folder, pattern))) {
        readConfig(file, folder, names, depth + 1);
      }
    }
  }
}

/** @param pattern an absolute path, which may hold a shell's wildcards */
function matching(pattern: string): Iterable<string> {
  if (!/[*?[]/.test(pattern)) return [pattern];
  try {
    return [...new Bun.Glob(pattern).scanSync({ dot: true })];
  } catch {
    return []; // there is no such folder
  }
}
