/**
 * Checks that every relative import in src/, `import type` included, points to the file's own
 * folder or to one that the table below allows. It reads the text, because type imports are gone
 * from what the bundler sees. Checks also that no row allows too much, and that CONTRIBUTING.md
 * shows the same layers in the same order.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, sep } from "node:path";

interface Layer {
  /** A folder of src/, or a file at its root. */
  readonly name: string;
  /** What its files may import, `import type` included. */
  readonly imports: readonly string[];
  /** Why it may import these and nothing more. */
  readonly because: string;
}

/** From the bottom to the top: a layer imports only what stands above it in this list. */
const LAYERS: readonly Layer[] = [
  { name: "text", imports: [], because: "strings only" },
  { name: "closest", imports: [], because: "strings only" },
  { name: "errors", imports: ["text"], because: "every part throws them" },
  { name: "shell-quote", imports: [], because: "strings only" },
  { name: "units", imports: [], because: "numbers in, text for people out" },
  { name: "io", imports: [], because: "knows bytes and descriptors, and no frames" },
  { name: "syntax", imports: [], because: "JavaScript text in, JavaScript text out" },
  {
    name: "transports",
    imports: ["closest", "shell-quote"],
    because: "argument vectors and exit codes: `bootstrap` shows them; it starts getent alone",
  },
  {
    name: "sets",
    imports: ["closest", "errors", "io", "text"],
    because: "names of targets in, names out; the command of a group is all that it starts",
  },
  {
    name: "protocol",
    imports: ["errors", "text"],
    because: "frames and values: pure, so that a core in another language can be written from it",
  },
  {
    name: "logs",
    imports: ["errors", "protocol"],
    because: "records, however they came",
  },
  { name: "traces", imports: ["errors", "text"], because: "what an error shows of a stack" },
  {
    name: "interpreters",
    imports: ["errors", "protocol"],
    because: "what is sent first; starts no process",
  },
  {
    name: "mux",
    imports: ["errors", "io", "protocol"],
    because: "the only place where frames meet bytes",
  },
  {
    name: "functions",
    imports: ["errors", "interpreters", "syntax"],
    because: "a function's name and its language, or its text",
  },
  {
    name: "modules",
    imports: ["errors", "interpreters", "protocol", "syntax"],
    because: "answers imports from files; knows no connection",
  },
  {
    name: "channels",
    imports: ["errors", "io", "mux", "protocol", "text", "traces"],
    because: "values one way, over whatever link the router has",
  },
  {
    name: "calls",
    imports: [
      "channels",
      "errors",
      "functions",
      "interpreters",
      "io",
      "mux",
      "protocol",
      "text",
      "traces",
    ],
    because: "one request and its answer; knows no process and no transport",
  },
  {
    name: "files",
    imports: ["calls", "channels", "errors", "io", "mux", "text"],
    because:
      "copies are calls and channels; most files also run in the slave, as their first lines say",
  },
  {
    name: "commands",
    imports: ["calls", "channels", "errors", "io", "shell-quote", "traces"],
    because: "a remote command is a call and its channels",
  },
  {
    name: "prompts",
    imports: ["errors", "io", "text"],
    because: "where passwords come from; knows no program that asks for one",
  },
  {
    name: "launch",
    imports: ["errors", "interpreters", "io", "mux", "prompts", "protocol", "text", "transports"],
    because: "starts what speaks the protocol, and joins it to the router",
  },
  {
    name: "embedded-ssh",
    imports: ["io", "launch", "transports"],
    because: "takes the place of an ssh process: a child's bytes, and the words of ssh",
  },
  {
    name: "context",
    imports: [
      "calls",
      "channels",
      "commands",
      "errors",
      "files",
      "functions",
      "interpreters",
      "mux",
      "prompts",
      "traces",
      "transports",
    ],
    because: "what a user can ask; of transports it knows their options, to pass them on",
  },
  {
    name: "fleet",
    imports: [
      "calls",
      "commands",
      "context",
      "errors",
      "files",
      "functions",
      "sets",
      "traces",
      "units",
    ],
    because: "work on many contexts, without a word of how they are opened and shown",
  },
  {
    name: "session",
    imports: [
      "calls",
      "context",
      "embedded-ssh",
      "errors",
      "interpreters",
      "launch",
      "logs",
      "modules",
      "mux",
      "prompts",
      "protocol",
      "text",
      "transports",
    ],
    because: "one child's life, from its start to its end",
  },
  {
    name: "lend",
    imports: ["context", "errors", "interpreters", "session", "text", "units"],
    because: "a session that has another runtime started by a context",
  },
  {
    name: "tree",
    imports: ["context", "errors", "interpreters", "launch", "sets", "transports"],
    because: "from a target's text to the hops on the way, each opened once",
  },
  {
    name: "config",
    imports: ["errors", "interpreters", "sets", "transports", "tree"],
    because: "a user's files become data that a broker takes; the library itself reads none",
  },
  {
    name: "broker",
    imports: [
      "calls",
      "context",
      "errors",
      "fleet",
      "interpreters",
      "launch",
      "lend",
      "logs",
      "modules",
      "prompts",
      "session",
      "tree",
    ],
    because: "puts the parts together for each target",
  },
  {
    name: "describe",
    imports: ["interpreters", "prompts", "shell-quote", "transports", "tree"],
    because: "shows what would be sent, and starts nothing",
  },
  {
    name: "index",
    imports: [
      "broker",
      "calls",
      "channels",
      "commands",
      "context",
      "describe",
      "errors",
      "files",
      "fleet",
      "interpreters",
      "lend",
      "logs",
      "protocol",
      "text",
      "transports",
    ],
    because: "the library's public names",
  },
  {
    name: "doctor",
    imports: [
      "broker",
      "context",
      "errors",
      "io",
      "protocol",
      "text",
      "transports",
      "tree",
      "units",
    ],
    because: "looks at each stage of a connection with the library's own means; shows nothing",
  },
  {
    name: "up",
    imports: ["broker", "context", "errors", "fleet", "io", "mux", "session", "tree"],
    because: "contexts that outlive a command, and the socket that leads to them",
  },
  {
    name: "program",
    imports: ["functions", "index", "modules", "prompts", "syntax"],
    because: "runs a user's file with the library; sees no more of it than a program does",
  },
  {
    name: "repl",
    imports: [
      "closest",
      "commands",
      "fleet",
      "functions",
      "index",
      "io",
      "program",
      "sets",
      "syntax",
      "traces",
    ],
    because: "as program, for what is typed; io for keys; commands, fleet and sets for results",
  },
  {
    name: "cli",
    imports: [
      "closest",
      "commands",
      "config",
      "doctor",
      "fleet",
      "index",
      "io",
      "program",
      "prompts",
      "repl",
      "session",
      "sets",
      "shell-quote",
      "traces",
      "transports",
      "tree",
      "units",
      "up",
    ],
    because:
      "shows the library; session for a head start; io and commands to move bytes past itself, to " +
      "its own streams; transports for the words of a target",
  },
];

/** What a layer may import from outside of src/. */
const OUTSIDE: Readonly<Record<string, readonly string[]>> = {
  interpreters: ["scripts/macros.ts", "stage1/"],
  modules: ["scripts/transform-version.ts"],
  program: ["scripts/macros.ts"],
  cli: ["package.json"],
  index: ["package.json"],
  up: ["package.json"],
};

const IMPORT =
  /^[ \t]*(?:import|export)\b(?:[^;"'`]*?\bfrom)?\s*["'](\.[^"']+)["']|\b(?:import|require)\(\s*["'](\.[^"']+)["']/gm;

/** @param files by their path in the repository. @returns a line for each import that is wrong. */
export function violations(files: ReadonlyMap<string, string>): string[] {
  return [...files].flatMap(([path, text]) => {
    if (!LAYERS.some(({ name }) => name === unit(path)))
      return [`${path}:1: ${unit(path)} is in no layer of scripts/layers.ts`];
    return specifiersOf(text).flatMap(({ specifier, offset }) => {
      const problem = judge(path, resolved(path, specifier));
      const line = text.slice(0, offset).split("\n").length;
      return problem === undefined ? [] : [`${path}:${String(line)}: ${problem}`];
    });
  });
}

/** @returns the relative imports of a text, each with the place where its path begins */
function specifiersOf(text: string): { readonly specifier: string; readonly offset: number }[] {
  return [...text.matchAll(IMPORT)].map((match) => {
    const specifier = match[1] ?? match[2] ?? "";
    return { specifier, offset: match.index + match[0].indexOf(specifier) };
  });
}

/** @returns the path in the repository that an import of this file leads to */
function resolved(path: string, specifier: string): string {
  return normalize(join(dirname(path), specifier))
    .split(sep)
    .join("/");
}

function judge(path: string, target: string): string | undefined {
  const from = unit(path);
  if (!target.startsWith("src/")) {
    const allowed = OUTSIDE[from]?.some((prefix) => target.startsWith(prefix));
    return allowed ? undefined : `${from} may not import ${target}, which is outside of src/`;
  }
  const to = unit(target);
  if (to === from) return undefined;
  const { imports = [], because = "" } = LAYERS.find(({ name }) => name === from) ?? {};
  return imports.includes(to) ? undefined : `${from} may not import ${to} (${because})`;
}

/** `src/protocol/frame.ts` is of the layer `protocol`, `src/index.ts` of `index`. */
function unit(path: string): string {
  return path.split("/")[1]?.replace(/\.ts$/, "") ?? "";
}

/**
 * Checks the table itself.
 *
 * @returns a line for each second row of a layer, and for each name in a row that is not above the
 *   row, or that no file of the layer imports
 */
function wrongRows(files: ReadonlyMap<string, string>): string[] {
  const names = LAYERS.map(({ name }) => name);
  return LAYERS.flatMap(({ name, imports }, depth) => {
    const used = new Set([...files].filter(([path]) => unit(path) === name).flatMap(importsOf));
    return [
      ...(names.indexOf(name) < depth ? [`${name} has two rows`] : []),
      ...imports.flatMap((other) => [
        ...(names.slice(0, depth).includes(other) ? [] : [`${other} is not above ${name}`]),
        ...(used.has(other) ? [] : [`${name} imports nothing of ${other}`]),
      ]),
    ].map((problem) => `scripts/layers.ts: ${problem}`);
  });
}

/** @returns the layers that a file imports, its own among them */
function importsOf([path, text]: readonly [string, string]): string[] {
  return specifiersOf(text).map(({ specifier }) => unit(resolved(path, specifier)));
}

/** @returns a line if the table in CONTRIBUTING.md does not have all layers in their order */
function wrongTable(document: string): string[] {
  const [, table = ""] = /^\| folder \|.*\n((?:\|.*\n)*)/m.exec(document) ?? [];
  const cells = table.split("\n").map((row) => row.split("|")[1] ?? "");
  const shown = [...cells.join().matchAll(/`([\w-]+)(?:\/|\.ts)`/g)].map(([, name = ""]) => name);
  const names = LAYERS.map(({ name }) => name);
  const at = names.findIndex((name, index) => shown[index] !== name);
  if (at < 0 && shown.length === names.length) return [];
  const expected = at < 0 ? "no further layer" : names[at];
  return [`CONTRIBUTING.md: expected ${expected} in the table of folders, got ${shown.at(at)}`];
}

if (import.meta.main) {
  const root = dirname(import.meta.dir);
  const paths = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => `src/${path.split(sep).join("/")}`)
    .sort();
  const files = new Map(paths.map((path) => [path, readFileSync(join(root, path), "utf8")]));
  const document = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");
  const wrong = [...wrongRows(files), ...violations(files), ...wrongTable(document)];
  for (const line of wrong) console.error(line);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}
