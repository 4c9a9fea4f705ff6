/**
 * A script for a shell that tells where its output begins and which interpreters there are, and the
 * reading of what it prints.
 */

/** An interpreter of a host. */
export interface Found {
  /** The name that it was found by: `python3`. */
  readonly name: string;
  readonly path: string;
  /** Empty: it does not run. */
  readonly version: string;
  /** Modules that some feature needs and that it lacks. */
  readonly missing: readonly string[];
}

export interface Survey {
  /** What was printed before the script began: by profiles of the login shell. */
  readonly noise: string;
  /** Undefined: the script did not begin. */
  readonly found: readonly Found[] | undefined;
  /** Whether the script came to its end. */
  readonly isWhole: boolean;
}

/**
 * What needs each module: only a terminal does, as docs/guide.md says. They are imported with -B,
 * so that no bytecode is left.
 */
const MODULES = ["pty", "termios"];

/** Python 2.7 and 3 alike. No single quote: the script puts it between two of them. */
const PYTHON = `import sys
m = []
for x in sys.argv[1:]:
 try: __import__(x)
 except ImportError: m.append(x)
print(" ".join([".".join(map(str, sys.version_info[:3]))] + m))`;

const NAMES = ["python3", "python", "python2", "bun", "node"];

/**
 * @param mark a line that no profile prints
 * @returns what `sh` reads from its standard input
 */
export function surveyScript(mark: string): string {
  return [
    `echo ${mark}`,
    `for p in ${NAMES.join(" ")}; do f=$(command -v $p 2>/dev/null)||continue`,
    `case $p in py*) v=$($f -B -S -E -c '${PYTHON}' ${MODULES.join(" ")} 2>/dev/null </dev/null);;`,
    `*) v=$($f --version 2>/dev/null </dev/null);; esac`,
    `echo "$p|$f|$v"`,
    "done",
    `echo end ${mark}`,
    "exit",
    "",
  ].join("\n");
}

/** Reads what the script has printed. */
export function readSurvey(output: string, mark: string): Survey {
  const text = output.replaceAll("\r\n", "\n");
  const at = text.indexOf(`${mark}\n`);
  if (at < 0) return { noise: text, found: undefined, isWhole: false };
  const [body = "", end] = text.slice(at + mark.length + 1).split(`end ${mark}\n`);
  const found = body
    .split("\n")
    .filter((line) => line.includes("|"))
    .map((line): Found => {
      const [name = "", path = "", told = ""] = line.split("|");
      const [version = "", ...missing] = told.trim().replace(/^v/, "").split(" ");
      return { name, path, version, missing };
    });
  return { noise: text.slice(0, at), found: distinct(found), isWhole: end !== undefined };
}

/** Several names often lead to one interpreter. */
function distinct(all: readonly Found[]): Found[] {
  const family = ({ name }: Found): string => name.replace(/\d$/, "");
  return all.filter(
    (one, at) =>
      !all
        .slice(0, at)
        .some((other) => family(other) === family(one) && other.version === one.version),
  );
}

/** @returns an interpreter in words: `python3 3.11.2 (/usr/bin/python3)` */
export function describeFound({ name, path, version, missing }: Found): string {
  const lacks = missing.length === 0 ? "" : ` without ${missing.join(", ")}`;
  return version === "" ? `${name} (${path}) does not run` : `${name} ${version} (${path})${lacks}`;
}

/** Whether econtext can use it: Python 2.7 and 3.6, Node.js 18, any Bun since 1.0. */
export function isUsable({ name, version }: Found): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (name.startsWith("python")) return major === 2 ? minor >= 7 : major === 3 && minor >= 6;
  return name === "node" ? major >= 18 : major >= 1;
}
