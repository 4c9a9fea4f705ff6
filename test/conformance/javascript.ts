/** Node.js and Bun as kinds of far side. Their fixtures: test/fixtures/javascript. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LEVELS } from "../../src/index.ts";
import type { Kind } from "./kind.ts";

const FIXTURES = join(import.meta.dir, "../fixtures/javascript");
const ROOT = join(FIXTURES, "root");
const ERRORS_FILE = javascriptFile("tasks/errors.ts");
const EXTENSIONS = [".ts", ".cjs", ".mjs", ".js", "/index.ts"];

/** Cases that are a global's, or that stand elsewhere than a Python's would. */
const BUILTIN: Readonly<Record<string, string>> = {
  length: `${javascriptFile("echo.ts")}:length`,
  pid: `${javascriptFile("echo.ts")}:pid`,
  dumps: `${javascriptFile("echo.ts")}:dumps`,
  sleep: `${javascriptFile("tasks/hang.ts")}:sleep`,
  block: `${javascriptFile("tasks/hang.ts")}:block`,
  folder: "process.cwd",
  enter: "process.chdir",
  copy: "structuredClone",
};

/** A fixture's file on the master; its name as a module, too. */
export function javascriptFile(path: string): string {
  return join(ROOT, path);
}

/** `tasks.output.log_levels` is `ROOT/tasks/output.ts:logLevels`. */
export function javascriptFunction(name: string, root = ROOT): string {
  const builtin = BUILTIN[name];
  if (builtin !== undefined) return builtin;
  const colon = name.includes(":") ? name.indexOf(":") : name.lastIndexOf(".");
  const module = join(root, name.slice(0, colon).replaceAll(".", "/"));
  const extension = EXTENSIONS.find((one) => existsSync(module + one));
  if (extension === undefined) throw new Error(`no fixture for ${name}`);
  const fn = name
    .slice(colon + 1)
    .replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return `${module}${extension}:${fn}`;
}

/**
 * A line of a stack. The engines agree on the line, not on the column of a `new`: V8 means the
 * word, JavaScriptCore the name or its bracket.
 */
export function frame(fn: string, file: string, line: number, columns: readonly number[]): RegExp {
  const place = `${RegExp.escape(file)}:${line}:(?:${columns.join("|")})`;
  return new RegExp(`^at (?:\\w+\\.)?${fn} \\(${place}\\)$`);
}

export function javascriptKind(kind: "node" | "bun", version: string): Kind {
  return {
    language: "javascript",
    kind,
    version,
    roots: [ROOT, join(FIXTURES, "second")],
    fn: javascriptFunction,
    values: {
      types: {
        nothing: "null",
        boolean: "boolean",
        integer: "number",
        float: "number",
        text: "string",
        list: "Array",
        object: "Object",
        bytes: "Uint8Array",
        big: "bigint",
        date: "Date",
        set: "Set",
        map: "Map",
        sender: "Sender",
      },
      nothing: undefined,
      // There are no arguments by name: they are one object behind the others.
      received: (args, named) => [Object.keys(named).length === 0 ? args : [...args, named], {}],
      spellings: [
        ["node:path.join", ["a", "b"], "a/b"],
        ["node:path/posix.join", ["a", "b"], "a/b"],
        ["Math.max", [1, 3, 2], 3],
        ["parseInt", ["12", 8], 10],
        ["Array.from", ["ab"], ["a", "b"]],
        [javascriptFunction("tasks.shapes:Shape.unit"), [3], ["Shape", 12]],
        [javascriptFunction("tasks.shapes:Shape.unit"), [], ["Shape", 4]],
        [javascriptFunction("tasks.shapes:Shape.plain"), [1, 2], 3],
        [javascriptFunction("tasks.shapes:Shape.Inner.title"), [], "inner"],
        [javascriptFunction("tasks.shapes:twice"), [4], 8],
        [javascriptFunction("tasks.shapes:table.thrice"), [4], 12],
        [javascriptFunction("tasks.shapes:default"), ["it"], "it by default"],
        // What is at the top level need not be exported.
        [javascriptFunction("echo:hidden"), [1], 2],
      ],
      deadEnds: [
        [javascriptFunction("tasks.shapes:Shape.nothing"), "nothing"],
        [javascriptFunction("tasks.shapes:nothing"), "nothing"],
        [`${javascriptFile("no_such_file.ts")}:fn`, "no_such_file.ts"],
        ["no_such_global", "no_such_global"],
        ["Math.nothing", "nothing"],
        ["node:no_such_module.fn", "no_such_module"],
        [javascriptFunction("tasks.shapes:NOT_A_FUNCTION"), "not a function"],
      ],
    },
    errors: {
      refused: "Refused",
      deep: [
        /^Refused: no \u2603 for you$/,
        frame("refuse", ERRORS_FILE, 15, [9, 13, 20]),
        frame("deep", ERRORS_FILE, 19, [11, 17]),
      ],
      deepHas: [],
      foreign: ["master:", "[eval]", "node:internal", "econtext."],
      builtin: [
        ["node:fs.readdirSync", ["/no/such/folder"], "Error", "/no/such/folder"],
        ["JSON.parse", ["\u2603"], "SyntaxError", "\u2603"],
        ["BigInt", [1.5], "RangeError", ""],
        ["decodeURIComponent", ["%"], "URIError", ""],
        ["structuredClone", [], "TypeError", ""],
      ],
      chain: ["TypeError: second", "RangeError: first"],
      leaving: [
        ["tasks.errors.leave", [3], "Exit", "3"],
        ["tasks.errors.leave_by_code", [4], "Exit", "4"],
        ["tasks.errors.throw_thing", ["a text"], "String", "a text"],
        ["tasks.errors.throw_thing", [{ a: 1 }], "Object", ""],
        ["tasks.errors.throw_thing", [null], "object", "null"],
        ["tasks.errors.throw_nothing", [], "undefined", "undefined"],
        ["tasks.errors.reject_late", [], "Refused", "late"],
      ],
      // Nothing is asked twice of what throws when it is asked.
      unspeakable: "Error",
      unsendable: "ValueError",
      handedOver: "refuse",
    },
    interruption: {
      interruptible: [
        ["a timer that is awaited", "sleep", (seconds) => [Number(seconds)]],
        ["execSync", "tasks.hang.shell", (seconds) => [`sleep ${seconds}`]],
        ["a command of spawn", "tasks.hang.run", (seconds) => ["sleep", seconds]],
        ["a pipeline in a shell", "tasks.hang.shell", (seconds) => [`sleep ${seconds} | cat`]],
        ["a busy loop", "tasks.hang.spin", () => []],
      ],
      costly: [["stays in native code", "tasks.hang.backtrack", []]],
      // Its `finally` runs when the timer that it awaited has heard of it.
      tidy: { withContext: true },
    },
    output: {
      records: [
        ["console", LEVELS.info, "plain caf\u00e9"],
        ["console", LEVELS.info, "{ a: [ 1 ] } and more"],
        ["console", LEVELS.warning, "two\nlines"],
        ["console", LEVELS.error, "in the base"],
      ],
      // A worker of the user's has the console of any worker: it prints.
      loggers: { fine: "console", mixed: "console", thread: "stdout", strain: "console" },
      exception: {
        start: "console: it failed RangeError: gone\n",
        has: [`${javascriptFile("tasks/output.ts")}:22:`],
        hasNot: ["master:"],
      },
    },
    process: { mainThread: true },
    modules: {
      writePackage,
      own: [
        ["node:path.basename", ["/a/b"], "b"],
        ["JSON.parse", ["[1]"], [1]],
      ],
      ownRequests: [],
      late: ["./late_1.ts", "./late_2.ts", "./late_3.ts"],
      lateRequests: ["./late_1.ts", "./late_2.ts", "./late_3.ts"].map(lateRequest),
      missing: ["nowhere-at-all", "./nothing.ts", "nowhere/x", "node:nothing"],
      // There is no list of what there is: each is asked for, but not what is a builtin or none.
      missingRequests: ["nowhere-at-all", "./nothing.ts", "nowhere/x"].map(lateRequest),
      optional: ["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"],
      shadow: ["b", true, false],
      elsewhere: "../../second/elsewhere.ts",
      syntaxError: { type: "Error", says: [`${javascriptFile("imports/broken.ts")}:4`] },
      flaky: { type: "RangeError", place: `${javascriptFile("imports/flaky.cjs")}:5` },
    },
  };
}

/** How `imports/late.ts` asks for what it imports at run time. */
function lateRequest(specifier: string): string {
  return [javascriptFile("imports/late.ts"), specifier, "import"].join(":");
}

function writePackage(root: string, count: number): void {
  mkdirSync(join(root, "thirty/sub"), { recursive: true });
  const place = (i: number): string => (i % 2 === 0 ? `mod${i}` : `sub/mod${i}`);
  for (let i = 0; i < count; i++) {
    const up = i % 2 === 0 ? "./" : "../";
    const next =
      i + 1 < count
        ? `import { total as rest } from "${up}${place(i + 1)}.ts";\n`
        : "const rest = 0;\n";
    writeFileSync(
      join(root, "thirty", `${place(i)}.ts`),
      `${next}export const total: number = ${i} + rest;\n\nexport function value(): number {\n  return ${i};\n}\n`,
    );
  }
  const total =
    'import { total } from "./mod0.ts";\n\nexport function count() {\n  return total;\n}\n';
  writeFileSync(join(root, "thirty/index.ts"), total);
}
