/**
 * What an editor needs to understand a program: types of "econtext", a tsconfig.json, and types of the Python files beside it. Never
 * touches a file that somebody else wrote. Prints nothing.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
// @ts-expect-error A declaration file cannot be imported: this is its text.
import declarations from "./econtext.d.ts" with { type: "text" };
import { type PythonFunction, pythonFunctions } from "./python-names.ts";

export interface Written {
  readonly files: readonly string[];
  /** What is the user's to do. */
  readonly advice: readonly string[];
}

const MARK = "// Written by `econtext init`; it writes it again.\n";
const MAX_PYTHON_FILES = 1000;

/** TypeScript looks for no types that are not named. */
const NODE_TYPES = '"types": ["node"]';
const tsconfig = (hasNodeTypes: boolean): string => `{
  "compilerOptions": {
    "target": "esnext",
    "module": "preserve",
    "moduleResolution": "bundler",
    "strict": true,
    "noEmit": true,
    "skipLibCheck": true,
    "allowImportingTsExtensions": true,
    "allowArbitraryExtensions": true,
    "resolveJsonModule": true,
    "verbatimModuleSyntax": true${hasNodeTypes ? `,\n    ${NODE_TYPES}` : ""}
  }
}
`;

/** @param folder is made if it is not there */
export function initialise(folder: string): Written {
  mkdirSync(folder, { recursive: true });
  const files: string[] = [];
  const advice: string[] = [];
  const put = (path: string, text: string): void => {
    if (existsSync(path) && !readFileSync(path, "utf8").startsWith(MARK)) {
      advice.push(`${path}: left as it is, for econtext did not write it`);
      return;
    }
    writeFileSync(path, MARK + text);
    files.push(path);
  };
  put(join(folder, "econtext.d.ts"), declarations as unknown as string);
  for (const file of pythonFiles(folder)) {
    const name = `${basename(file, ".py")}.d.py.ts`;
    put(join(dirname(file), name), declare(pythonFunctions(readFileSync(file, "utf8"))));
  }
  const config = join(folder, "tsconfig.json");
  const hasNodeTypes = findUp(folder, "node_modules/@types/node");
  if (existsSync(config)) advice.push(...missing(config));
  else {
    writeFileSync(config, tsconfig(hasNodeTypes));
    files.push(config);
  }
  if (!hasNodeTypes) {
    advice.push(
      `for the types of node:fs and the like: npm install --save-dev @types/node, and ${NODE_TYPES} in tsconfig.json`,
    );
  }
  return { files: files.map((file) => relative(".", file) || file), advice };
}

function findUp(folder: string, path: string): boolean {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (existsSync(join(at, path))) return true;
    if (at === dirname(at)) return false;
  }
}

/** What a tsconfig.json of the user's own does not say yet. */
function missing(config: string): string[] {
  const text = readFileSync(config, "utf8");
  const wanted = ["allowImportingTsExtensions", "allowArbitraryExtensions", "noEmit"];
  const absent = wanted.filter((option) => !text.includes(`"${option}"`));
  if (absent.length === 0) return [];
  const list = absent.map((option) => `"${option}": true`).join(", ");
  return [`${config}: left as it is; its compilerOptions want ${list}`];
}

function pythonFiles(folder: string): string[] {
  const found: string[] = [];
  const visit = (at: string): void => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
      if (found.length >= MAX_PYTHON_FILES) return;
      const path = join(at, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.name.endsWith(".py")) found.push(path);
    }
  };
  visit(folder);
  return found.sort();
}

interface Members {
  readonly functions: Map<string, string>;
  readonly inner: Map<string, Members>;
}

/** A module of functions that say what they take, and nothing of what they give. */
function declare(functions: readonly PythonFunction[]): string {
  const root: Members = { functions: new Map(), inner: new Map() };
  for (const { path, parameters } of functions) {
    const names = path.split(".");
    const last = names.pop() ?? "";
    let at = root;
    for (const name of names) {
      const next = at.inner.get(name) ?? { functions: new Map(), inner: new Map() };
      at.inner.set(name, next);
      at = next;
    }
    at.functions.set(last, signature(parameters));
  }
  const lines = ['import type { Kwargs } from "econtext";', "declare const all: {"];
  lines.push(...members(root, "  "), "};", "export default all;");
  for (const name of [...root.functions.keys(), ...root.inner.keys()]) {
    if (/^[\p{ID_Start}_][\p{ID_Continue}]*$/u.test(name)) lines.push(...exported(name));
  }
  return `${lines.join("\n")}\n`;
}

function members({ functions, inner }: Members, indent: string): string[] {
  const own = [...functions].map(([name, type]) => `${indent}${name}: ${type};`);
  const deeper = [...inner].flatMap(([name, one]) => [
    `${indent}${name}: {`,
    ...members(one, `${indent}  `),
    `${indent}};`,
  ]);
  return [...own, ...deeper];
}

function exported(name: string): string[] {
  // It may be a word that JavaScript keeps for itself.
  return [`declare const _${name}: (typeof all)["${name}"];`, `export { _${name} as ${name} };`];
}

function signature(parameters: PythonFunction["parameters"]): string {
  const items = parameters.flatMap(({ name, role }) => {
    if (role === "required") return [`${name}: unknown`];
    return role === "optional" ? [`${name}?: unknown`] : [];
  });
  const isOpen = parameters.some(({ role }) => role === "rest");
  const all = isOpen ? [...items, "...rest: unknown[]"] : [...items, "named?: Kwargs"];
  return `(...args: [${all.join(", ")}] | [named: Kwargs]) => unknown`;
}
