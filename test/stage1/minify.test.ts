/**
 * What the minifier and stripComments must keep, judged by every Python found: on our own files,
 * and on some of each interpreter's standard library, which is what tests the lexer.
 */
import { afterAll, expect, test } from "bun:test";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { inflateSync } from "node:zlib";
import { minifyPython } from "../../scripts/minify.ts";
import { packPython } from "../../scripts/pack-python.ts";
import { measure, violations } from "../../scripts/size.ts";
import {
  compress,
  joinPython,
  joinShell,
  minifyPythonCore,
  moduleText,
  pythonCore,
} from "../../scripts/stage1.ts";
import { JS_TIER2, PYTHON_CORE, PYTHON_TIER2 } from "../../src/interpreters/embedded.ts";
import { decodeSource, stripComments } from "../../src/modules/python/strip.ts";
import { pythons } from "../helpers/pythons.ts";
import { sample } from "../helpers/sample.ts";

const STAGE1 = join(import.meta.dir, "../../stage1/python");
const LIBRARY_FILES = 40;
/** Long files take long to compare and hold nothing that short ones do not. */
const LIBRARY_FILE_BYTES = 24_000;
const scratch = mkdtempSync(join(tmpdir(), "econtext-minify-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const PYTHONS = pythons().map(({ path }) => path);

/** Paths of the Python files of econtext itself, below STAGE1. */
function ownFiles(): string[] {
  const all = readdirSync(STAGE1, { recursive: true, encoding: "utf8" });
  return all.filter((file) => file.endsWith(".py"));
}

if (PYTHONS.length === 0) test.skip("syntax trees: no Python found", () => {});

// Each version parses what it ships itself.
test.each(sample(PYTHONS))("%s: same syntax tree, same lines", (python) => {
  const files = [...ownFiles().map((file) => join(STAGE1, file)), ...libraryFiles(python)];
  const folder = mkdtempSync(join(scratch, "trees-"));
  files.map(withoutCoding).forEach((source, index) => {
    const stem = join(folder, String(index));
    writeFileSync(`${stem}.source`, source);
    writeFileSync(`${stem}.stripped`, stripComments(source));
    writeFileSync(`${stem}.minified`, minifyPython(source));
  });
  const [compared, ...differences] = run(python, join(import.meta.dir, "compare_ast.py"), folder);
  expect(differences).toEqual([]);
  expect(compared).toBe(files.length);
});

const CASES: readonly (readonly [what: string, source: string, minified: string])[] = [
  ["blocks", "if a :\n    b = 1\n    if c:\n\td\n", "if a:\n b=1\n if c:\n  d"],
  [
    "words need a space",
    "not  a\nreturn  b'x'\nx = 1 if 'a' in b else 2",
    "not a\nreturn b'x'\nx=1 if'a'in b else 2",
  ],
  ["strings that would join", "x = '' 'a'\ny = 'a' \"b\"", "x='' 'a'\ny='a'\"b\""],
  ["numbers before a dot", "1 .real\n1. .real\nx [1] . y", "1 .real\n1. .real\nx[1].y"],
  [
    "relative imports",
    "from . import a\nfrom .. b import ( c )",
    "from.import a\nfrom..b import(c)",
  ],
  ["comments keep their lines", "# a\n\nx # b\n\n# c\ny\n\n", "\n\nx\n\n\ny"],
  ["docstrings keep their lines", '"""a\nb"""\nx\ndef f():\n  "c"\n  y', "\n\nx\ndef f():\n\n y"],
  ["a body of a docstring", 'class A:\n  """a\n  b"""\nx', "class A:\n pass\n\nx"],
  [
    "a body on the same line",
    "async def f(a: int = {1: 2}) -> x: 'a'\ny",
    "async def f(a:int={1:2})->x:pass\ny",
  ],
  ["docstrings in pieces", "def f():\n  ('a'  # b\n   u'c')\n  x", "def f():\n\n\n x"],
  [
    "other strings stay",
    "x\n'a'\nif b:\n  'c'\ndef f():\n  b'd'\n  f'e'",
    "x\n'a'\nif b:\n 'c'\ndef f():\n b'd'\n f'e'",
  ],
  ["continued lines", "x = 1 + \\\n    2\ny = (1 + \\\n    2)", "x=1+\\\n2\ny=(1+\n2)"],
];

test.each(CASES)("minifies %s", (_what, source, minified) => {
  expect(minifyPython(source)).toBe(minified);
});

test("what is minified has nothing left to do", () => {
  for (const file of ownFiles()) {
    const once = minifyPython(readSource(join(STAGE1, file)));
    expect(minifyPython(once)).toBe(once);
  }
});

test("first stages become one line that single quotes protect", () => {
  expect(joinPython("# a\nimport os , sys\n\nx = 1  # b\n")).toBe("import os,sys;x=1");
  expect(joinShell("# a\nfor p in a b\ndo\n  $p &&\n  c\ndone\n")).toBe(
    "for p in a b;do $p && c;done",
  );
  expect(() => joinPython("if a:\n  b")).toThrow("not a simple statement");
  for (const bad of ["'", "!", "\\", "é"]) {
    expect(() => joinShell(`echo ${bad}`)).toThrow(JSON.stringify(bad));
  }
});

test("the embedded core is the minified one, and any Python inflates it", () => {
  const text = minifyPythonCore();
  expect(compress(text)).toEqual(PYTHON_CORE);
  expect(inflateSync(PYTHON_CORE).toString()).toBe(text);
  const path = join(scratch, "core.z");
  writeFileSync(path, PYTHON_CORE);
  for (const python of PYTHONS) {
    const script = "import sys,zlib;print([len(zlib.decompress(open(sys.argv[1],'rb').read()))])";
    expect(run(python, "-c", script, path)).toEqual([Buffer.byteLength(text)]);
  }
});

test("every file of the second tier is embedded", () => {
  for (const [name, source] of Object.entries(PYTHON_TIER2)) {
    const file = existsSync(join(STAGE1, "tier2", name)) ? name : `${name}.py`;
    expect(source).toBe(minifyPython(moduleText(dirname(STAGE1), "python", file)));
  }
  const files = readdirSync(join(STAGE1, "tier2"));
  const names = files.map((file) => basename(file, ".py"));
  expect(Object.keys(PYTHON_TIER2)).toEqual(names.sort());
});

test("the size table has every module and program that is sent", () => {
  const sent = measure().flatMap((row) => (row.sent === undefined ? [] : [row.name]));
  const modules = (language: string, texts: object) =>
    Object.keys(texts).map((name) => `${language}/tier2/${name}`);
  const programs = ["python", "javascript"].flatMap((language) =>
    ["core", "switch, start", "switch, rest", "switch, connections"].map(
      (name) => `${language}/${name}`,
    ),
  );
  const all = [
    ...modules("python", PYTHON_TIER2),
    ...modules("javascript", JS_TIER2),
    ...programs,
    "javascript/switch/stopped.js",
  ];
  expect(all.filter((name) => !sent.includes(name))).toEqual([]);
});

test("a size over its ceiling, without its room, or missing, is named", () => {
  const rows = [
    { name: "a", sent: 5, limit: 4 },
    { name: "b", limit: 4 },
    { name: "e", sent: 3, limit: 4, room: 2 },
    { name: "c", sent: 4, limit: 4 },
  ];
  expect(violations(rows)).toEqual([
    "a: 5 bytes, 1 over 4",
    "b: not measured",
    "e: room for 1 bytes is left, and 2 are kept",
  ]);
});

function readSource(path: string): string {
  const bytes = readFileSync(path);
  return decodeSource(bytes) ?? bytes.toString("latin1");
}

test.each(PYTHONS)("%s: what is packed is the same program", (python) => {
  const folder = mkdtempSync(join(scratch, "packed-"));
  const made =
    "x = {\n 1: [2,\n  3]}\nif x:\n a = ':'\n b = '('\nelse:\n c = 1\nfor i in x:\n if i: pass\nd = 1\ne = 2\n";
  const sources = [made, pythonCore()];
  const same = sources.map((source, index) => {
    const paths = [minifyPython(source), packPython(minifyPython(source))].map((text, which) => {
      const path = join(folder, `${index}-${which}`);
      writeFileSync(path, text);
      return path;
    });
    const script =
      "import ast,json,sys;a,b=[ast.dump(ast.parse(open(p).read())) for p in sys.argv[1:]];print(json.dumps([a==b]))";
    return run(python, "-c", script, ...paths)[0];
  });
  expect(same).toEqual([true, true]);
});

test("packed lines hold what fits on them", () => {
  expect(packPython("a=1\n\nb=2\nif a:\n c=[1,\n2]\n d=3\nelse:\n if b:\n  e=4\nf=5")).toBe(
    "a=1;b=2\nif a:c=[1,2];d=3\nelse:\n if b:e=4\nf=5",
  );
  expect(() => packPython('a="""b\n"""')).toThrow("continued");
});

/** Python 2 refuses a coding line behind the byte order mark with which it is given the text. */
function withoutCoding(path: string): string {
  return readSource(path).replace(/^((?:.*\n)?.*)coding([:=])/, "$1code$2");
}

/** Spread over the whole library, the same files each time. */
function libraryFiles(python: string): string[] {
  const [folder] = run(
    python,
    "-c",
    "import os,json;print(json.dumps([os.path.dirname(os.__file__)]))",
  );
  const all = readdirSync(String(folder))
    .filter((file) => file.endsWith(".py"))
    .map((file) => join(String(folder), file))
    .filter((path) => statSync(path).size < LIBRARY_FILE_BYTES)
    .sort();
  const step = Math.max(1, Math.floor(all.length / LIBRARY_FILES));
  return all.filter((_, index) => index % step === 0);
}

function run(...argv: string[]): unknown[] {
  const { stdout, stderr } = Bun.spawnSync(argv);
  expect(stderr.toString()).toBe("");
  return JSON.parse(stdout.toString()) as unknown[];
}
