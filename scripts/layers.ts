/**
 * The layer check: every relative import in src/, `import type` included, points to its own
 * file or folder or to a layer below. Reads the text and not the bundler's view of it, in which
 * type imports are gone. Knows nothing of what the layers do; design.md and README.md say that.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, sep } from "node:path";

/** Bottom to top; what stands on one line does not know of each other. */
const LAYERS: readonly (readonly string[])[] = [
  ["io", "syntax", "text", "transports"],
  ["errors"],
  ["functions", "logs", "protocol", "traces", "tree"],
  ["interpreters", "mux"],
  ["channels", "describe", "launch", "modules"],
  ["calls"],
  ["commands", "files"],
  ["context"],
  ["session"],
  ["lend"],
  ["broker"],
  ["index"],
  ["program"],
  ["repl"],
  ["cli"],
];

/** What the order above would allow, and must not be. */
const NEVER: Readonly<Record<string, readonly string[]>> = {
  transports: ["protocol", "mux"],
  context: ["transports"],
};

/** Doors show the library; they do not reach behind it. */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  cli: ["index", "program", "repl", "io", "traces"],
  repl: ["index", "traces", "functions", "syntax", "modules", "program"],
  program: ["index", "functions", "syntax", "modules"],
};

/** What may be taken from outside of src/, by whom. */
const OUTSIDE: Readonly<Record<string, readonly string[]>> = {
  interpreters: ["scripts/stage1.ts", "stage1/"],
  modules: ["scripts/transform-version.ts"],
  cli: ["package.json"],
  index: ["package.json"],
};

const IMPORT =
  /^[ \t]*(?:import|export)\b(?:[^;"'`]*?\bfrom)?\s*["'](\.[^"']+)["']|\b(?:import|require)\(\s*["'](\.[^"']+)["']/gm;

/** @param files by their path in the repository. @returns a line for each import that is wrong. */
export function violations(files: ReadonlyMap<string, string>): string[] {
  return [...files].flatMap(([path, text]) => {
    if (depth(unit(path)) < 0)
      return [`${path}:1: ${unit(path)} is in no layer of scripts/layers.ts`];
    return [...text.matchAll(IMPORT)].flatMap((match) => {
      const specifier = match[1] ?? match[2] ?? "";
      const problem = judge(
        path,
        normalize(join(dirname(path), specifier))
          .split(sep)
          .join("/"),
      );
      const offset = match.index + match[0].indexOf(specifier);
      const line = text.slice(0, offset).split("\n").length;
      return problem === undefined ? [] : [`${path}:${String(line)}: ${problem}`];
    });
  });
}

function judge(path: string, target: string): string | undefined {
  const from = unit(path);
  if (!target.startsWith("src/")) {
    const allowed = OUTSIDE[from]?.some((prefix) => target.startsWith(prefix));
    return allowed ? undefined : `${from} may not import ${target}, which is outside of src/`;
  }
  const to = unit(target);
  if (to === from) return undefined;
  const allowed = ONLY[from]?.includes(to) ?? depth(to) < depth(from);
  if (allowed && depth(to) >= 0 && !NEVER[from]?.includes(to)) return undefined;
  return `${from} may not import ${to}`;
}

/** `src/protocol/frame.ts` and `src/mux/stream.ts` are of the units `protocol` and `stream`. */
function unit(path: string): string {
  return path.split("/")[1]?.replace(/\.ts$/, "") ?? "";
}

function depth(name: string): number {
  return LAYERS.findIndex((layer) => layer.includes(name));
}

if (import.meta.main) {
  const root = dirname(import.meta.dir);
  const paths = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => `src/${path.split(sep).join("/")}`)
    .sort();
  const files = new Map(paths.map((path) => [path, readFileSync(join(root, path), "utf8")]));
  const wrong = violations(files);
  for (const line of wrong) console.error(line);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}
