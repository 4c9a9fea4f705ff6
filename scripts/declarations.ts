/**
 * The types of `import … from "econtext"`, as one text with the doc comments of the sources.
 *
 * Runs while src/program/init.ts is bundled (scripts/macros.ts), so that a compiled binary cannot
 * hold stale types. The compiler writes a declaration file for each source; what the public names
 * need of these is joined here, bottom up, into one `declare module`.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import ts from "typescript5";

const ROOT = dirname(import.meta.dir);
/** Their exports are the public names, in this order. */
const ENTRIES = ["src/program/exports", "src/index"] as const;

/** A declaration at the top level of a file. */
interface Declared {
  readonly name: string;
  readonly file: string;
  /** Overloads of a function are several statements. */
  readonly statements: ts.Statement[];
}

/** A name of another file: `import { imported as local } from "file"`. */
interface Link {
  readonly file: string;
  readonly imported: string;
}

interface Module {
  readonly declared: Map<string, Declared>;
  readonly links: Map<string, Link>;
  /** Exported names, as they are called in this file. */
  readonly exported: Map<string, string>;
}

export function buildDeclarations(): string {
  const modules = new Map([...emit()].map(([file, text]) => [file, readModule(file, text)]));
  const found = new Map<string, Declared>();
  const names = ENTRIES.flatMap((entry) => [...(modules.get(entry)?.exported.keys() ?? [])]);
  for (const entry of ENTRIES) {
    const { exported } = modules.get(entry) as Module;
    for (const [name, local] of exported) collect(modules, found, entry, local, name);
  }
  const parts = [...found.values()].map((one) => print(one, names.includes(one.name)));
  return `declare module "econtext" {\n${parts.join("")}\n  export {};\n}\n`;
}

/** @returns the text of each declaration file, by its path without an ending */
function emit(): Map<string, string> {
  const folder = mkdtempSync(join(tmpdir(), "econtext-types-"));
  try {
    const entries = ENTRIES.map((entry) => `${entry}.ts`);
    const flags = [
      "--declaration",
      "--stripInternal",
      "--emitDeclarationOnly",
      "--noCheck",
      "--noEmit",
      "false",
    ];
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    const options = [...compilerOptions(), ...flags, "--outDir", folder, "--rootDir", ROOT];
    const argv = [process.execPath, tsc, "--ignoreConfig", ...entries, ...options];
    const env = { ...process.env, BUN_BE_BUN: "1" };
    const { exitCode, stdout } = Bun.spawnSync(argv, { cwd: ROOT, env });
    if (exitCode !== 0) throw new Error(`tsc could not write declarations:\n${stdout}`);
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
    return new Map(
      files
        .filter((file) => file.endsWith(".d.ts"))
        .map((file) => [file.slice(0, -5), readFileSync(join(folder, file), "utf8")]),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Those of tsconfig.json, as arguments: with files on its command line, tsc does not read it. */
function compilerOptions(): string[] {
  const text = readFileSync(join(ROOT, "tsconfig.json"), "utf8");
  const { compilerOptions } = JSON.parse(text) as { compilerOptions: Record<string, unknown> };
  return Object.entries(compilerOptions)
    .filter(([name]) => name !== "noEmit")
    .flatMap(([name, value]) => [`--${name}`, Array.isArray(value) ? value.join() : String(value)]);
}

function readModule(file: string, text: string): Module {
  const module: Module = { declared: new Map(), links: new Map(), exported: new Map() };
  const source = ts.createSourceFile(`${file}.d.ts`, text, ts.ScriptTarget.ESNext, true);
  for (const statement of source.statements) {
    if (ts.isImportDeclaration(statement)) readImport(module, file, statement);
    else if (ts.isExportDeclaration(statement)) readExport(module, file, statement);
    else for (const name of namesOf(statement)) declare(module, file, name, statement);
  }
  return module;
}

function readImport(module: Module, file: string, statement: ts.ImportDeclaration): void {
  const target = targetOf(file, statement.moduleSpecifier);
  const bindings = statement.importClause?.namedBindings;
  if (bindings === undefined || !ts.isNamedImports(bindings)) return;
  for (const { name, propertyName } of bindings.elements) {
    module.links.set(name.text, { file: target, imported: (propertyName ?? name).text });
  }
}

function readExport(module: Module, file: string, statement: ts.ExportDeclaration): void {
  const { exportClause, moduleSpecifier } = statement;
  if (exportClause === undefined || !ts.isNamedExports(exportClause)) {
    if (exportClause === undefined) throw new Error(`${file}: \`export *\` is not joined`);
    return;
  }
  for (const { name, propertyName } of exportClause.elements) {
    const local = (propertyName ?? name).text;
    module.exported.set(name.text, local);
    if (moduleSpecifier !== undefined) {
      module.links.set(local, { file: targetOf(file, moduleSpecifier), imported: local });
    }
  }
}

function declare(module: Module, file: string, name: string, statement: ts.Statement): void {
  const known = module.declared.get(name);
  if (known !== undefined) known.statements.push(statement);
  else module.declared.set(name, { name, file, statements: [statement] });
  const flags = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
  if (flags?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) {
    module.exported.set(name, name);
  }
}

function namesOf(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  }
  const { name } = statement as ts.Statement & { readonly name?: ts.Identifier };
  return name === undefined ? [] : [name.text];
}

/** @returns the path of a module without an ending; of another package, its name */
function targetOf(file: string, specifier: ts.Expression): string {
  const { text } = specifier as ts.StringLiteral;
  return text.startsWith(".") ? normalize(join(dirname(file), text)).replace(/\.ts$/, "") : text;
}

/** Adds what `local` of a file is, and all that it needs, to `found`. */
function collect(
  modules: ReadonlyMap<string, Module>,
  found: Map<string, Declared>,
  file: string,
  local: string,
  name: string,
): void {
  const module = modules.get(file);
  const link = module?.links.get(local);
  if (link !== undefined) {
    const next = modules.get(link.file)?.exported.get(link.imported);
    if (next === undefined) throw new Error(`${file}: ${local} is of ${link.file}, not of ours`);
    collect(modules, found, link.file, next, name);
    return;
  }
  const declared = module?.declared.get(local);
  // A name that no file declares is the language's or the runtime's: `Promise`.
  if (declared === undefined) return;
  if (name !== declared.name) throw new Error(`${file}: ${name} is called ${local} there`);
  const known = found.get(name);
  if (known !== undefined && known.file !== file) {
    throw new Error(`two types are called ${name}: in ${known.file} and in ${file}`);
  }
  if (known !== undefined) return;
  found.set(name, declared);
  for (const used of declared.statements.flatMap(usedNames)) {
    collect(modules, found, file, used, module?.links.get(used)?.imported ?? used);
  }
}

function usedNames(statement: ts.Statement): string[] {
  const names: string[] = [];
  const visit = (node: ts.Node): void => {
    if (isLeftOut(node)) return;
    if (ts.isImportTypeNode(node)) throw new Error(`${node.getText()}: give it a written type`);
    if (ts.isIdentifier(node)) names.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(statement);
  return names;
}

/** What no program sees: a class's mark of private members, and a constructor for our own use. */
function isLeftOut(node: ts.Node): boolean {
  const { name } = node as { readonly name?: ts.Node };
  return (name !== undefined && ts.isPrivateIdentifier(name)) || isInternal(node);
}

function isInternal(node: ts.Node): boolean {
  return (
    ts.isConstructorDeclaration(node) &&
    ts.getJSDocTags(node).some(({ tagName }) => tagName.text === "internal")
  );
}

function print({ statements }: Declared, isPublic: boolean): string {
  return statements.map((statement) => `${indent(textOf(statement, isPublic))}\n`).join("");
}

function textOf(statement: ts.Statement, isPublic: boolean): string {
  let text = statement.getFullText();
  const base = statement.getFullStart();
  if (ts.isClassDeclaration(statement)) {
    for (const member of statement.members.filter(isLeftOut).reverse()) {
      const [from, to] = [member.getFullStart() - base, member.getEnd() - base];
      const instead = isInternal(member) ? "\n    private constructor();" : "";
      text = text.slice(0, from) + instead + text.slice(to);
    }
  }
  const lead = statement.getStart() - base;
  const own = text.slice(lead).replace(/^(?:export )?(?:declare )?/, isPublic ? "export " : "");
  // A file's own comment may stand before its first statement.
  const comments = ts.getLeadingCommentRanges(text, 0) ?? [];
  const doc = comments.at(-1);
  return doc === undefined ? own : `${text.slice(doc.pos, doc.end)}\n${own}`;
}

/** The compiler indents by four columns. */
function indent(text: string): string {
  return text
    .trim()
    .split("\n")
    .map((line) => {
      const [, spaces = "", rest = ""] = /^( *)(.*)$/.exec(line) ?? [];
      const isInComment = rest.startsWith("*");
      const depth = Math.floor(spaces.length / 4);
      return rest === "" ? "" : `${" ".repeat(2 + 2 * depth + (isInComment ? 1 : 0))}${rest}`;
    })
    .join("\n");
}

if (import.meta.main) process.stdout.write(buildDeclarations());
