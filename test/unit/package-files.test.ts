/**
 * What a context may see beside the modules that it was sent: inside of the roots, behind links
 * too, and nothing that a dot hides.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { JavaScriptFinder } from "../../src/modules/javascript/finder.ts";
import { outermost, PackageFiles } from "../../src/modules/package-files.ts";

let base = "";
const FILES = [
  "app/package.json",
  "app/main.ts",
  "app/data/a.txt",
  "app/.env",
  "app/.git/config",
  "app/node_modules/one/lib/index.js",
  "app/node_modules/one/.hidden",
  "app/node_modules/two/index.js",
  "app/node_modules/@s/three/index.js",
  "bare/main.ts",
  "outside/secret.txt",
];
const at = (path: string): string => join(base, path);

beforeAll(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "econtext-package-files-")));
  for (const file of FILES) {
    mkdirSync(dirname(at(file)), { recursive: true });
    writeFileSync(at(file), file.endsWith(".json") ? "{}" : file);
  }
  symlinkSync(at("outside"), at("app/data/out"));
  symlinkSync("a.txt", at("app/data/link"));
  symlinkSync("nothing", at("app/data/broken"));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

function filesOf(root: string, ...modules: string[]): PackageFiles {
  return filesAtHome(undefined, root, ...modules);
}

function filesAtHome(home: string | undefined, root: string, ...modules: string[]): PackageFiles {
  const finder = new JavaScriptFinder([at(root)]);
  const nearest = (file: string) => finder.packages.nearest(file)?.folder;
  const files = new PackageFiles(finder.roots, nearest, home);
  for (const module of modules) files.add(at(module));
  return files;
}

const textOf = (files: PackageFiles, path: string): string | null => {
  const bytes = files.file(at(path));
  return bytes && new TextDecoder().decode(bytes);
};
const namesOf = (files: PackageFiles, path: string): unknown => {
  const listing = files.folder(at(path)) || undefined;
  return listing?.[2].map(([name, type, , , , target]) => [name, type, target]).sort();
};

test("nothing may be seen before a module of the package was sent", () => {
  expect(textOf(filesOf("app"), "app/data/a.txt")).toBeNull();
  expect(filesOf("app").folder(at("app/data"))).toBeNull();
});

test("a package of node_modules is seen by itself, a program's own with all that is below", () => {
  const one = filesOf("app", "app/node_modules/one/lib/index.js");
  expect(textOf(one, "app/node_modules/one/lib/index.js")).not.toBeNull();
  expect(textOf(one, "app/node_modules/one/.hidden")).not.toBeNull();
  expect(textOf(one, "app/node_modules/two/index.js")).toBeNull();
  expect(textOf(one, "app/data/a.txt")).toBeNull();
  const scoped = filesOf("app", "app/node_modules/@s/three/index.js");
  expect(namesOf(scoped, "app/node_modules/@s/three")).toEqual([["index.js", "f", undefined]]);
  expect(scoped.folder(at("app/node_modules/@s"))).toBeNull();
  const own = filesOf("app", "app/main.ts");
  expect(textOf(own, "app/data/a.txt")).toBe("app/data/a.txt");
  expect(textOf(own, "app/node_modules/two/index.js")).not.toBeNull();
});

test("without a package.json it is the module's folder", () => {
  expect(textOf(filesOf("bare", "bare/main.ts"), "bare/main.ts")).toBe("bare/main.ts");
});

test("of the home directory, and of a folder that holds it, only the files directly in it", () => {
  for (const home of ["app", "app/data"]) {
    const files = filesAtHome(at(home), "app", "app/main.ts", "app/node_modules/one/lib/index.js");
    expect(textOf(files, "app/main.ts")).toBe("app/main.ts");
    expect(textOf(files, "app/data/a.txt")).toBeNull();
    expect(files.folder(at("app/data"))).toBeNull();
    expect(files.folder(at("app/absent"))).toBe(false);
    expect(files.folder(at("app/data/absent"))).toBeNull();
    expect(textOf(files, "app/node_modules/one/lib/index.js")).not.toBeNull();
    expect(textOf(files, "app/node_modules/two/index.js")).toBeNull();
  }
});

test("what a dot hides is not shown, and not told of", () => {
  const files = filesOf("app", "app/main.ts");
  expect(textOf(files, "app/.env")).toBeNull();
  expect(files.folder(at("app/.git"))).toBeNull();
  expect(namesOf(files, "app")).toEqual([
    ["data", "d", undefined],
    ["main.ts", "f", undefined],
    ["node_modules", "d", undefined],
    ["package.json", "f", undefined],
  ]);
});

test("a link is followed within the roots, and told without its end where that is outside", () => {
  const files = filesOf("app", "app/main.ts");
  expect(namesOf(files, "app/data")).toEqual([
    ["a.txt", "f", undefined],
    ["broken", "l", ""],
    ["link", "l", at("app/data/a.txt")],
    ["out", "l", ""],
  ]);
  expect(textOf(files, "app/data/link")).toBe("app/data/a.txt");
  expect(textOf(files, "app/data/out/secret.txt")).toBeNull();
  expect(files.folder(at("app/data/out"))).toBeNull();
});

test("whether something is there is told of what may be seen, and of nothing else", () => {
  const files = filesOf("app", "app/main.ts");
  expect(files.folder(at("app/nothing"))).toBe(false);
  expect(files.folder(at("app/data/a.txt"))).toBe(false);
  expect(files.folder(at("nothing"))).toBeNull();
  expect(files.folder(at("outside/nothing"))).toBeNull();
  for (const path of ["app/../outside/secret.txt", "app/data/../../outside/secret.txt"]) {
    expect(files.file(`${base}/${path}`)).toBeNull();
    expect(files.has(`${base}/${path}`)).toBe(false);
  }
  expect(files.file("app/data/a.txt")).toBeNull();
  expect(files.file(`${at("app/data/a.txt")}\0`)).toBeNull();
});

test("roots that lie in others are left out", () => {
  expect(outermost(["/a", "/a/b", "/ab", "/c/d"])).toEqual(["/a", "/ab", "/c/d"]);
});
