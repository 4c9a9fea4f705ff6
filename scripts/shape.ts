/**
 * Checks the shape of the code: how many files stand at the root of src/, how long files and
 * functions are, how much a file imports, how many names the library has.
 *
 * What is above a limit stands in shape-exceptions.json with its number, which may only go down.
 * An exception that is not needed any more is an error, too.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, parse } from "node:path";
import ts from "typescript5";
import { type Found, ratchet } from "./ratchet.ts";

export const LIMITS = { root: 6, lines: 400, functions: 60, imports: 15, names: 52 } as const;

type Check = keyof typeof LIMITS;
interface Measure {
  readonly check: Check;
  /** A file, or a file and a function of it. */
  readonly key: string;
  readonly size: number;
}

const ROOT = dirname(import.meta.dir);
const FOLDERS = ["scripts", "src", "stage1", "test"];
const LEFT_OUT = /(^|\/)node_modules\/|^test\/(fixtures|bench\/packages)\//;
const UNITS: Readonly<Record<Check, string>> = {
  root: "files at the root of src/",
  lines: "lines",
  functions: "lines in one function",
  imports: "imports",
  names: "public names",
};

/** @returns the sizes of one file, by its path in the repository, and of its functions */
export function measure(path: string, text: string): Measure[] {
  const lines: Measure = { check: "lines", key: path, size: text.split("\n").length - 1 };
  const isTest = path.startsWith("test/");
  if (path.endsWith(".py")) return [lines, ...(isTest ? [] : ofPython(path, text))];
  if (isTest) return [lines];
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true, ts.ScriptKind.TS);
  const imports = source.statements.filter((statement) => ts.isImportDeclaration(statement));
  return [
    lines,
    { check: "imports", key: path, size: imports.length },
    ...ofJavaScript(path, source),
    ...(path === "src/index.ts"
      ? [{ check: "names", key: path, size: names(source) } as const]
      : []),
  ];
}

function ofJavaScript(path: string, source: ts.SourceFile): Measure[] {
  const found: Measure[] = [];
  const line = (position: number) => source.getLineAndCharacterOfPosition(position).line;
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && "body" in node && node.body !== undefined) {
      const size = line(node.end) - line(node.getStart(source)) + 1;
      found.push({ check: "functions", key: `${path} ${nameOf(node, source)}`, size });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** A function without a name has that of what it is given to. */
function nameOf(node: ts.SignatureDeclaration, source: ts.SourceFile): string {
  const { parent } = node;
  if (node.name !== undefined) return node.name.getText(source);
  if (ts.isConstructorDeclaration(node)) return "constructor";
  if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent))
    return parent.name.getText(source);
  if (ts.isBinaryExpression(parent)) return parent.left.getText(source);
  if (ts.isCallExpression(parent)) return `${parent.expression.getText(source).slice(0, 30)}(…)`;
  return "(…)";
}

/** A function lasts as long as lines are indented deeper than its `def`. */
function ofPython(path: string, text: string): Measure[] {
  const lines = text.split("\n");
  return lines.flatMap((line, index): Measure[] => {
    const [, indent = "", name = ""] = /^(\s*)(?:async )?def (\w+)/.exec(line) ?? [];
    if (name === "") return [];
    const body = lines.slice(index + 1);
    const isOutside = (other: string) =>
      other.trim() !== "" && !/^\s*[)\]]/.test(other) && !other.startsWith(`${indent} `);
    const next = body.findIndex(isOutside);
    const own = (next === -1 ? body : body.slice(0, next)).join("\n").trimEnd();
    return [{ check: "functions", key: `${path} ${name}`, size: 1 + own.split("\n").length }];
  });
}

function names(source: ts.SourceFile): number {
  const exported = source.statements.flatMap((statement) =>
    ts.isExportDeclaration(statement) &&
    statement.exportClause !== undefined &&
    ts.isNamedExports(statement.exportClause)
      ? statement.exportClause.elements
      : [],
  );
  return exported.length;
}

function sources(): string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .map((path) => join(folder, path))
      .filter((path) => /\.(?:ts|js|mjs|py)$/.test(path) && !LEFT_OUT.test(path)),
  ).sort();
}

if (import.meta.main) {
  const paths = sources();
  const root = paths.filter((path) => parse(path).dir === "src").length;
  const measures: Measure[] = [
    { check: "root", key: "src", size: root },
    ...paths.flatMap((path) => measure(path, readFileSync(join(ROOT, path), "utf8"))),
  ];
  const wrong = (Object.keys(LIMITS) as Check[]).flatMap((check) => {
    const limit = LIMITS[check];
    const above = measures.filter((one) => one.check === check && one.size > limit);
    const found = above.map(
      ({ key, size }): Found => ({
        key,
        weight: size,
        text: `${key}: ${size} ${UNITS[check]} (at most ${limit})`,
      }),
    );
    return ratchet(join(import.meta.dir, "shape-exceptions.json"), check, found);
  });
  for (const line of wrong) console.error(line);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}
