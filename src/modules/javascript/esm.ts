/**
 * Turns an ES module into a function for the slave's loader, by edits that keep every line:
 *
 *     (function*(LINK,IMPORT){"use strict";let IMPORTED;LINK.link({…});yield;SOURCE
 *     })
 *
 * The generator is `async` if the source awaits at its top level. Its first step declares imports
 * and tells the loader the exports, hoisted functions included. Its second step runs the source.
 * Exports are getters, imports are setters. `LINK.set` passes a changed export on.
 * Twin: stage1/javascript/tier2/linker.js.
 */
import { declaratorNames, findAssignments, varNames } from "../../syntax/assignments.ts";
import type { Edits } from "../../syntax/edits.ts";
import { type Lowered, lower, USING } from "../../syntax/lower.ts";
import { type AnyNode, boundNames, isNode, type Program } from "../../syntax/parse.ts";
import { names as identifierNames } from "../../syntax/reserved-names.ts";
import { type Request, Requests } from "./requests.ts";

const EXPORT_DEFAULT = /^export(?:\s|\/\*[\s\S]*?\*\/|\/\/.*)*default/;

/** The exported names of each top-level binding. */
type Exports = Map<string, string[]>;

interface Import {
  readonly local: string;
  /** "*" for the module's namespace. */
  readonly imported: string;
  readonly from: number;
}

export class EsModule {
  readonly #source: string;
  readonly #program: Program;
  readonly #edits: Edits;
  readonly #requests = new Requests();
  readonly #dependencies: string[] = [];
  readonly #imports: Import[] = [];
  readonly #exports: Exports = new Map();
  readonly #reexports: (readonly [exported: string, from: number, imported: string])[] = [];
  readonly #stars: number[] = [];
  readonly #own: ReturnType<typeof identifierNames>;
  /** Whether the default export is a function without a name. */
  #namesDefault = false;

  constructor(source: string, program: Program, edits: Edits) {
    this.#source = source;
    this.#program = program;
    this.#edits = edits;
    this.#own = identifierNames(source);
  }

  /** @param scope whether functions may be looked up and made in its top-level scope */
  wrap(scope: boolean): readonly Request[] {
    const body = this.#program.body as unknown as AnyNode[];
    for (const statement of body) this.#statement(statement);
    this.#relinkImports();
    this.#passOnDeclarations(body);
    this.#passOnAssignments();
    const inner = this.#requests.find(this.#program, this.#edits, this.#own.import);
    const program = this.#program as unknown as AnyNode;
    const lowered = lower(program, this.#edits, this.#own, { isModule: true });
    this.#edits.wrap(this.#prologue(scope, inner.awaits, lowered), "\n})");
    return this.#requests.found;
  }

  #prologue(scope: boolean, isAsync: boolean, lowered: Lowered): string {
    const { link, import: dynamic } = this.#own;
    // A program may use `require` anywhere, as on this machine, unless it declares its own.
    const params =
      scope && !this.#declares("require") ? `${link},${dynamic},require` : `${link},${dynamic}`;
    const locals = this.#imports.map(({ local }) => local);
    const declared = locals.length === 0 ? "" : `let ${locals.join()};`;
    const { using, stack } = this.#own;
    const made = lowered.needsUsing ? `const ${using}=${USING};` : "";
    const top = lowered.top === undefined ? "" : `const ${stack}=${using}();`;
    const links = this.#links(scope) + (top === "" ? "" : `,u:${stack}`);
    return `(${isAsync ? "async " : ""}function*(${params}){"use strict";${declared}${made}${top}${link}.link({${links}});yield;`;
  }

  #declares(name: string): boolean {
    const body = this.#program.body as unknown as AnyNode[];
    const isImported = this.#imports.some(({ local }) => local === name);
    return isImported || body.some((statement) => topNames(statement).includes(name));
  }

  #links(scope: boolean): string {
    const text = JSON.stringify;
    const exported = [...this.#exports].flatMap(([local, names]) =>
      names.map((name) => `${key(name)}:()=>${local}`),
    );
    const imported = this.#imports.map(
      ({ local, imported: name, from }) =>
        `[${from},${text(name)},${this.#own.value}=>{${local}=${this.#own.value}}]`,
    );
    const parts = [`d:${text(this.#dependencies)}`, `x:{${exported.join()}}`];
    if (imported.length > 0) parts.push(`i:[${imported.join()}]`);
    if (this.#reexports.length > 0) parts.push(`r:${text(this.#reexports)}`);
    if (this.#stars.length > 0) parts.push(`s:${text(this.#stars)}`);
    if (this.#namesDefault) parts.push(`f:${this.#own.default}`);
    // A named parameter could hide a name of the module, so `arguments` is used.
    if (scope) parts.push("e:function(){return eval(arguments[0])}");
    return parts.join();
  }

  #statement(node: AnyNode): void {
    switch (node.type) {
      case "ImportDeclaration":
        this.#import(node);
        break;
      case "ExportAllDeclaration":
        this.#exportAll(node);
        break;
      case "ExportNamedDeclaration":
        this.#exportNamed(node);
        break;
      case "ExportDefaultDeclaration":
        this.#exportDefault(node, node["declaration"] as AnyNode);
        break;
    }
  }

  #import(node: AnyNode): void {
    const from = this.#depend(node);
    for (const one of node["specifiers"] as AnyNode[]) {
      const [local = ""] = boundNames(one["local"]);
      this.#imports.push({ local, imported: importedName(one), from });
    }
    this.#remove(node);
  }

  #exportAll(node: AnyNode): void {
    const from = this.#depend(node);
    if (node["exported"] === null) this.#stars.push(from);
    else this.#reexports.push([moduleName(node["exported"]), from, "*"]);
    this.#remove(node);
  }

  #exportNamed(node: AnyNode): void {
    const declaration = node["declaration"] as AnyNode | null;
    if (declaration !== null) {
      for (const name of declaredNames(declaration)) this.#export(name, name);
      this.#edits.blank(node.start, declaration.start);
      return;
    }
    const from = node["source"] === null ? undefined : this.#depend(node);
    for (const one of node["specifiers"] as AnyNode[]) {
      const exported = moduleName(one["exported"]);
      if (from === undefined) this.#export(moduleName(one["local"]), exported);
      else this.#reexports.push([exported, from, moduleName(one["local"])]);
    }
    this.#remove(node);
  }

  #exportDefault(node: AnyNode, declaration: AnyNode): void {
    const name = boundNames(declaration["id"])[0];
    if (/Declaration$/.test(declaration.type) && name !== undefined) {
      this.#export(name, "default");
      this.#edits.blank(node.start, declaration.start);
      return;
    }
    this.#export(this.#own.default, "default");
    const head = /^(?:async\s+)?function\s*\*?\s*(?=\()/.exec(
      this.#source.slice(declaration.start, declaration.end),
    );
    if (declaration.type === "FunctionDeclaration" && head !== null) {
      this.#namesDefault = true;
      this.#edits.blank(node.start, declaration.start);
      this.#edits.insert(declaration.start + head[0].length, ` ${this.#own.default}`);
      return;
    }
    // The key of a property gives the default export its name, `default`, as the language demands.
    const keywords = EXPORT_DEFAULT.exec(this.#source.slice(node.start, declaration.start));
    const keyword = node.start + (keywords?.[0].length ?? 0);
    this.#edits.replace(node.start, node.start + "export".length, `const ${this.#own.default}={`);
    this.#edits.insert(keyword, ":");
    const end = node.end - (this.#source[node.end - 1] === ";" ? 1 : 0);
    this.#edits.insert(end, `}.default;${this.#set(["default"])}${end === node.end ? ";" : ""}`);
  }

  /** Code inserted after a statement must not be joined with it. */
  #remove(node: AnyNode): void {
    this.#edits.replace(node.start, node.start + 1, ";");
    this.#edits.blank(node.start + 1, node.end);
  }

  /** An imported binding that is exported again belongs to the other module. */
  #relinkImports(): void {
    for (const { local, imported, from } of this.#imports) {
      for (const exported of this.#exports.get(local) ?? []) {
        this.#reexports.push([exported, from, imported]);
      }
      this.#exports.delete(local);
    }
  }

  /**
   * In a cycle of imports, an importing module sees the value of a binding from its declaration on.
   */
  #passOnDeclarations(body: readonly AnyNode[]): void {
    for (const statement of body) {
      const inner = statement["declaration"] as AnyNode | null | undefined;
      const node = inner ?? statement;
      if (!/^(?:VariableDeclaration|ClassDeclaration)$/.test(node.type)) continue;
      const names = declaredNames(node).flatMap((name) => this.#exports.get(name) ?? []);
      if (names.length === 0) continue;
      // A class needs no semicolon; a variable declaration without one does.
      const isOpen = node.type === "VariableDeclaration" && this.#source[node.end - 1] !== ";";
      this.#edits.insert(node.end, `${isOpen ? ";" : ""}${this.#set(names)};`);
    }
  }

  #passOnAssignments(): void {
    const wanted = new Set(this.#exports.keys());
    for (const { node, names } of findAssignments(this.#program, wanted)) {
      const exported = names.flatMap((name) => this.#exports.get(name) ?? []);
      if (node.type === "BlockStatement") {
        this.#edits.insert(node.start + 1, `${this.#set(exported)};`);
      } else if (/Statement$/.test(node.type)) {
        this.#edits.insert(node.start, `{${this.#set(exported)};`);
        this.#edits.insert(node.end, "}");
      } else {
        this.#edits.insert(node.start, `${this.#own.link}.set(`);
        this.#edits.insert(
          node.end,
          `${exported.map((name) => `,${JSON.stringify(name)}`).join("")})`,
        );
      }
    }
  }

  #set(exported: readonly string[]): string {
    return `${this.#own.link}.set(0,${exported.map((name) => JSON.stringify(name)).join()})`;
  }

  #export(local: string, exported: string): void {
    const names = this.#exports.get(local);
    if (names === undefined) this.#exports.set(local, [exported]);
    else names.push(exported);
  }

  #depend(node: AnyNode): number {
    const specifier = (node["source"] as AnyNode)["value"] as string;
    const type = attributeType(node);
    this.#requests.add({ specifier, kind: "import", eager: true, at: node.start, type });
    const known = this.#dependencies.indexOf(specifier);
    return known >= 0 ? known : this.#dependencies.push(specifier) - 1;
  }
}

function topNames(statement: AnyNode): string[] {
  const inner = statement["declaration"];
  const node = isNode(inner) ? inner : statement;
  return [...varNames(node), ...declaredNames(node)];
}

function declaredNames(declaration: AnyNode): string[] {
  if (declaration.type === "VariableDeclaration") return declaratorNames(declaration);
  return boundNames(declaration["id"]);
}

function importedName(specifier: AnyNode): string {
  if (specifier.type === "ImportDefaultSpecifier") return "default";
  if (specifier.type === "ImportNamespaceSpecifier") return "*";
  return moduleName(specifier["imported"]);
}

/** `export { a as "any text" }` */
function moduleName(node: unknown): string {
  const { name, value } = node as { name?: string; value?: string };
  return name ?? value ?? "";
}

function attributeType(node: AnyNode): string | undefined {
  for (const attribute of (node["attributes"] ?? []) as AnyNode[]) {
    if (moduleName(attribute["key"]) === "type") return moduleName(attribute["value"]);
  }
  return undefined;
}

/** `__proto__: …` would set the prototype. */
function key(name: string): string {
  return `[${JSON.stringify(name)}]`;
}
