/**
 * What an editor needs to understand a program: types of "econtext", a tsconfig.json, and types of
 * the Python files beside it. Never changes a file that the user wrote. Prints nothing.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { declarations } from "../../scripts/macros.ts" with { type: "macro" };
import { putConfig } from "./editor-config.ts";
import { declarePython } from "./python-declarations.ts";
import { pythonDefinitions } from "./python-definitions.ts";

export interface Written {
  readonly files: readonly string[];
  /** Advice to the user: steps that init cannot do itself. */
  readonly advice: readonly string[];
}

/** The types of "econtext", made from the sources when this file is bundled. */
const DECLARATIONS: string = declarations();
const MARK = "// Written by `econtext init`; it writes it again.\n";
const MAX_PYTHON_FILES = 1000;
/** Folders of installed or generated files. */
const OTHERS = ["node_modules", "site-packages", "__pycache__"];

export function initialise(folder: string): Written {
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
  put(join(folder, "econtext.d.ts"), DECLARATIONS);
  const { sources, declared } = pythonFiles(folder);
  for (const file of sources) {
    put(declarationOf(file), declarePython(pythonDefinitions(readFileSync(file, "utf8"))));
  }
  for (const file of declared.filter(isLeftOver)) {
    rmSync(file);
    advice.push(`${file}: removed, as its .py file is gone`);
  }
  const config = join(folder, "tsconfig.json");
  const hasNodeTypes = findUp(folder, "node_modules/@types/node");
  const report = putConfig(config, hasNodeTypes);
  if (report.isWritten) files.push(config);
  advice.push(...report.advice);
  if (!hasNodeTypes) {
    const install = "npm install --save-dev @types/node";
    advice.push(`for the types of node:fs and the like: ${install}, then econtext init again`);
  }
  return { files: files.map((file) => relative(".", file) || file), advice };
}

function findUp(folder: string, path: string): boolean {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (existsSync(join(at, path))) return true;
    if (at === dirname(at)) return false;
  }
}

function declarationOf(file: string): string {
  return join(dirname(file), `${basename(file, ".py")}.d.py.ts`);
}

/** Whether a declaration was generated for a Python file that no longer exists. */
function isLeftOver(declaration: string): boolean {
  const source = join(dirname(declaration), `${basename(declaration, ".d.py.ts")}.py`);
  return !existsSync(source) && readFileSync(declaration, "utf8").startsWith(MARK);
}

interface PythonFiles {
  readonly sources: readonly string[];
  /** Generated declarations of such files. */
  readonly declared: readonly string[];
}

function pythonFiles(folder: string): PythonFiles {
  const [sources, declared]: [string[], string[]] = [[], []];
  const visit = (at: string): void => {
    const entries = readdirSync(at, { withFileTypes: true });
    // A virtual environment is not part of the program.
    if (entries.some(({ name }) => name === "pyvenv.cfg")) return;
    for (const entry of entries) {
      if (entry.name.startsWith(".") || OTHERS.includes(entry.name)) continue;
      if (sources.length >= MAX_PYTHON_FILES) return;
      const path = join(at, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.name.endsWith(".py")) sources.push(path);
      else if (entry.name.endsWith(".d.py.ts")) declared.push(path);
    }
  };
  visit(folder);
  return { sources: sources.sort(), declared };
}
