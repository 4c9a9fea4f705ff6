/** What a program's loader decides by names and folders: roots, Python modules, missing exports. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describeFunction } from "../../src/functions/describe-function.ts";
import { mainSpecifier } from "../../src/program/loader.ts";
import { placeMissingExport } from "../../src/program/missing-export.ts";
import { pythonFunction, pythonModule } from "../../src/program/python-names.ts";
import { foldersFrom, foldersOf } from "../../src/program/roots-of-file.ts";

const base = realpathSync(mkdtempSync(join(tmpdir(), "econtext-names-")));
afterAll(() => rmSync(base, { recursive: true, force: true }));

function plant(...files: readonly string[]): void {
  for (const file of files) {
    const path = join(base, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, file.endsWith(".json") ? "{}" : "");
  }
}

test.each([
  ["/app/main.ts", "/app/main.ts"],
  ["/app/main.mjs", "/app/main.mjs"],
  ["/app/main.cjs", "/app/main.cjs"],
  ["/app/deploy", "/app/deploy?.ts"],
  ["/app/deploy.task", "/app/deploy.task?.ts"],
])("the main file %s is imported as %s", (file, specifier) => {
  expect(mainSpecifier(file)).toBe(specifier);
});

test("a Python file in packages is a module of the outermost one", () => {
  plant("py/pkg/__init__.py", "py/pkg/sub/__init__.py", "py/pkg/sub/tasks.py", "py/plain/tasks.py");
  const tasks = join(base, "py/pkg/sub/tasks.py");
  expect(pythonModule(tasks)).toEqual({ root: join(base, "py"), place: "pkg/sub/tasks" });
  const plain = join(base, "py/plain/tasks.py");
  expect(pythonModule(plain)).toEqual({ root: join(base, "py/plain"), place: "tasks" });
});

test("a Python function can be passed to a call, and says so when it is called here", () => {
  const file = join(base, "py/plain/tasks.py");
  const fn = pythonFunction(file, "Service.restart");
  expect(describeFunction(fn)).toMatchObject({
    language: "python",
    module: join(base, "py/plain/tasks"),
    root: join(base, "py/plain"),
  });
  expect(() => (fn as () => unknown)()).toThrow("Service.restart");
});

test("a program may send its package, what is in node_modules, and linked packages", () => {
  plant("repo/.git", "repo/app/package.json", "repo/app/src/main.ts", "repo/lib/package.json");
  plant("repo/lib/index.ts", "repo/node_modules/.store/kept/index.js", "outside/index.ts");
  const modules = join(base, "repo/app/node_modules");
  mkdirSync(modules);
  symlinkSync("../../lib", join(modules, "lib"));
  symlinkSync("../../node_modules/.store/kept", join(modules, "kept"));
  symlinkSync("../../../outside", join(modules, "outside"));
  const folders = foldersOf(join(base, "repo/app/src/main.ts"));
  const inBase = folders
    .filter((folder) => folder.startsWith(base))
    .map((one) => one.slice(base.length));
  expect(inBase.sort()).toEqual([
    "/node_modules",
    "/repo/app",
    "/repo/app/node_modules",
    "/repo/app/src/node_modules",
    "/repo/lib",
    "/repo/node_modules",
  ]);
  expect(foldersFrom(join(base, "outside"))[0]).toBe(join(base, "outside"));
});

test("an error about a missing export names the line of the import", () => {
  plant("missing/lib.ts");
  const name = join(base, "missing/main.ts");
  const source = 'import { run } from "econtext";\nimport { gone } from "./lib.ts";\n';
  const error = new SyntaxError(
    `Export named 'gone' not found in module '${join(base, "missing/lib.ts")}'.`,
  );
  placeMissingExport(error, [{ name, source }]);
  expect(error.stack).toContain(`${name}:2:10`);
  const other = new Error("something else");
  const { stack } = other;
  placeMissingExport(other, [{ name, source }]);
  expect(other.stack).toBe(stack as string);
});
