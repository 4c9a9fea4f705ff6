/** Makes a TypeScript declaration of the definitions in a Python file: `tasks.d.py.ts`. */
import type {
  PythonClass,
  PythonDefinitions,
  PythonFunction,
  PythonParameter,
} from "./python-definitions.ts";
import { isWrapped, type TypeScope, typeOf, yieldedType } from "./python-types.ts";

const IDENTIFIER = /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u;
/** Names of types that the declarations use, and names that no type may have. */
const TAKEN = new Set(
  (
    "Array ReadonlyArray Record Readonly Map ReadonlyMap Set ReadonlySet Date Uint8Array Generator Kwargs all any unknown never string " +
    "number bigint boolean symbol object null undefined void"
  ).split(" "),
);

export function declarePython(definitions: PythonDefinitions): string {
  const shapes = shapesOf(definitions.classes);
  const scope: TypeScope = {
    classType: (name) =>
      definitions.classes.has(name) ? (shapes.get(name) ?? "unknown") : undefined,
    alias: (name) => definitions.assigned.get(name),
  };
  const root: Members = { functions: new Map(), inner: new Map() };
  for (const one of definitions.functions) place(root, one, scope);
  const lines = ['import type { Kwargs } from "econtext";'];
  for (const [name, type] of shapes) {
    const found = definitions.classes.get(name);
    if (found !== undefined) lines.push(...declareClass(found, type, shapes, scope));
  }
  lines.push("declare const all: {", ...members(root, "  "), "};", "export default all;");
  const types = new Set(shapes.values());
  for (const name of [...root.functions.keys(), ...root.inner.keys()]) {
    if (IDENTIFIER.test(name)) lines.push(...exported(name, root.functions.get(name)?.doc, types));
  }
  for (const type of types) {
    if (!root.inner.has(type)) lines.push(`export type { ${type} };`);
  }
  return `${lines.join("\n")}\n`;
}

// -- Classes of data

/** The names of the TypeScript types for data classes, in source order. */
function shapesOf(classes: ReadonlyMap<string, PythonClass>): Map<string, string> {
  const shapes = new Map<string, string>();
  for (const [name, { bases, decorators }] of classes) {
    const isData =
      decorators.some((one) => /^@\s*(?:[\w.]+\.)?dataclass\b/.test(one)) ||
      bases.some((base) => isShape(base) || shapes.has(base));
    if (isData && IDENTIFIER.test(name)) shapes.set(name, TAKEN.has(name) ? `${name}_` : name);
  }
  return shapes;
}

function isShape(base: string): boolean {
  return /^(?:[\w.]+\.)?(?:TypedDict|NamedTuple)$/.test(base);
}

function declareClass(
  { bases, fields, doc }: PythonClass,
  type: string,
  shapes: ReadonlyMap<string, string>,
  scope: TypeScope,
): string[] {
  const typed = fields
    .filter(({ annotation }) => !isWrapped(annotation, "ClassVar"))
    .map((field) => ({ ...field, type: typeOf(field.annotation, scope, "out") }));
  if (bases.some((base) => /\bNamedTuple$/.test(base))) {
    const items = typed.map((field) => `${label(field.name)}: ${field.type}`);
    return [...comment(doc, ""), `type ${type} = [${items.join(", ")}];`];
  }
  const parents = bases.map((base) => shapes.get(base)).filter((base) => base !== undefined);
  const isPartial = bases.some((base) => /^total\s*=\s*False$/.test(base));
  const lines = typed.map(({ name, annotation, hasDefault, type: own }) => {
    const isRequired = isWrapped(annotation, "Required");
    const isOptional =
      isWrapped(annotation, "NotRequired") || hasDefault || (isPartial && !isRequired);
    return `  ${property(name)}${isOptional ? "?" : ""}: ${own};`;
  });
  const from = parents.length === 0 ? "" : ` extends ${parents.join(", ")}`;
  return [...comment(doc, ""), `interface ${type}${from} {`, ...lines, "}"];
}

// -- Functions

interface Declared {
  readonly doc: string | undefined;
  readonly type: string;
}

interface Members {
  readonly functions: Map<string, Declared>;
  readonly inner: Map<string, Members>;
}

/** A path as nested members: `Service.restart` is a member of an object `Service`. */
function place(root: Members, one: PythonFunction, scope: TypeScope): void {
  const names = one.path.split(".");
  const last = names.pop() ?? "";
  let at = root;
  for (const name of names) {
    const next = at.inner.get(name) ?? { functions: new Map(), inner: new Map() };
    at.inner.set(name, next);
    at = next;
  }
  at.functions.set(last, { doc: one.doc, type: signature(one, scope) });
}

function members({ functions, inner }: Members, indent: string): string[] {
  const own = [...functions].flatMap(([name, { doc, type }]) => [
    ...comment(doc, indent),
    `${indent}${property(name)}: ${type};`,
  ]);
  const deeper = [...inner].flatMap(([name, one]) => [
    `${indent}${property(name)}: {`,
    ...members(one, `${indent}  `),
    `${indent}};`,
  ]);
  return [...own, ...deeper];
}

function exported(name: string, doc: string | undefined, types: ReadonlySet<string>): string[] {
  const type = `(typeof all)["${name}"]`;
  // A type and a value of the same name are exported together.
  if (types.has(name)) return [`declare const ${name}: ${type};`, `export { ${name} };`];
  // The name may be a reserved word of JavaScript.
  return [
    ...comment(doc, ""),
    `declare const _${name}: ${type};`,
    `export { _${name} as ${name} };`,
  ];
}

/** Keyword arguments may replace any positional argument and all after it. */
function signature({ parameters, returns, generates }: PythonFunction, scope: TypeScope): string {
  const typed = (parameter: PythonParameter): string =>
    parameter.annotation === undefined ? "unknown" : typeOf(parameter.annotation, scope, "in");
  const required = parameters.filter(({ role }) => role === "required");
  const first = required.map((one) => `${label(one.name)}: ${typed(one)}`);
  const more = parameters.flatMap((one) =>
    one.role === "optional" ? [`${label(one.name)}?: ${orKwargs(typed(one))}`] : [],
  );
  const rest = parameters.find(({ role }) => role === "rest");
  const last =
    rest === undefined
      ? "named?: Kwargs"
      : `...${label(rest.name)}: ${bracketed(orKwargs(typed(rest)))}[]`;
  const early = first.map(
    (_, count) => `[${[...first.slice(0, count), "named: Kwargs"].join(", ")}]`,
  );
  const whole = `[${[...first, ...more, last].join(", ")}]`;
  return `(...args: ${[whole, ...early].join(" | ")}) => ${result(returns, generates, scope)}`;
}

function result(returns: string | undefined, generates: boolean, scope: TypeScope): string {
  const yielded = returns === undefined ? undefined : yieldedType(returns, scope);
  const isGenerator =
    generates || /^(?:[\w.]+\.)?(?:Async)?(?:Generator|Iterator)\b/.test(returns ?? "");
  if (isGenerator) return `Generator<${yielded ?? "unknown"}, void, unknown>`;
  return returns === undefined ? "unknown" : typeOf(returns, scope, "out");
}

function orKwargs(type: string): string {
  return type === "unknown" ? type : `${type} | Kwargs`;
}

function bracketed(type: string): string {
  return /^\w+$/.test(type) ? type : `(${type})`;
}

// -- Names and comments

function property(name: string): string {
  return IDENTIFIER.test(name) ? name : JSON.stringify(name);
}

/** Words that cannot be the name of a parameter. */
const RESERVED = new Set(
  (
    "break case catch class const continue debugger default delete do else enum export extends false finally for function if import in " +
    "instanceof new null return super switch this throw true try typeof var void while with"
  ).split(" "),
);

/** The name of a parameter. A tuple parameter of Python 2 has none. */
function label(name: string): string {
  if (!IDENTIFIER.test(name)) return "value";
  return RESERVED.has(name) ? `${name}_` : name;
}

function comment(doc: string | undefined, indent: string): string[] {
  if (doc === undefined) return [];
  const lines = doc.replaceAll("*/", "*\\/").split("\n");
  if (lines.length === 1) return [`${indent}/** ${lines[0]} */`];
  return [`${indent}/**`, ...lines.map((line) => `${indent} * ${line}`.trimEnd()), `${indent} */`];
}
