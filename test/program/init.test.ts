/**
 * `econtext init`: what it writes satisfies both generations of TypeScript; a second run repairs
 * it.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildDeclarations } from "../../scripts/declarations.ts";
import * as library from "../../src/index.ts";
import { declarePython } from "../../src/program/python-declarations.ts";
import { pythonDefinitions } from "../../src/program/python-definitions.ts";
import { ECONTEXT } from "../cli/econtext.ts";

const ROOT = join(import.meta.dir, "../..");
let base = "";

beforeAll(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "econtext-init-")));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

async function run(argv: readonly string[], cwd: string) {
  await using child = Bun.spawn([...argv], { cwd, stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { lines: stdout.split("\n").slice(0, -1), stderr, status: await child.exited };
}

const init = (folder: string) => run([...ECONTEXT, "init"], folder);

test.each(["typescript", "typescript5"])("%s: types from annotations", async (version) => {
  const folder = join(base, version);
  cpSync(join(ROOT, "test/fixtures/init"), folder, { recursive: true });
  expect((await init(folder)).lines).toEqual(["econtext.d.ts", "tasks.d.py.ts", "tsconfig.json"]);
  const config = join(folder, "tsconfig.json");
  // Declarations are looked at by themselves as well. (That takes version 5 half a minute.)
  if (version === "typescript") {
    const strict = readFileSync(config, "utf8").replace(/("skipLibCheck":) true/, "$1 false");
    writeFileSync(config, strict);
  }
  const tsc = join(ROOT, "node_modules", version, "bin/tsc");
  const told = await run([process.execPath, tsc, "-p", "."], folder);
  expect(told).toEqual({ lines: [], stderr: "", status: 0 });
});

test("the types of econtext are those of the sources, and name all that a program can import", async () => {
  const folder = join(base, "current");
  mkdirSync(folder);
  await init(folder);
  const written = readFileSync(join(folder, "econtext.d.ts"), "utf8");
  expect(written.slice(written.indexOf("\n") + 1)).toBe(buildDeclarations());
  const values = written.matchAll(/^ {2}export (?:class|const|function) (\w+)/gm);
  const names = new Set(Array.from(values, ([, name]) => name));
  expect([...names].sort()).toEqual(
    [...Object.keys(library), "run", "connect", "fleet", "expand", "slave"].sort(),
  );
  const undocumented = written.matchAll(/(?<!\*\/)\n {2}export \w+ (\w+)/g);
  expect(Array.from(undocumented, ([, name]) => name)).toEqual([]);
});

test("docstrings become comments", () => {
  const text = declarePython(
    pythonDefinitions(
      'def one(): "Say */ it."\n' +
        'class A:\n  @staticmethod\n  def two(x):\n    r"""First.\n\n        Second \\d\n      """\n    return x\n' +
        'def three():\n  f"no {doc}"\n',
    ),
  );
  expect(text).toContain("/** Say *\\/ it. */\ndeclare const _one");
  expect(text).toContain("    /**\n     * First.\n     *\n     * Second \\d\n     */\n    two: (");
  expect(text).not.toContain("no {doc}");
});

test("what is no annotation, or a broken one, is unknown", () => {
  const source = `def f(a: List[int]], b: (1, 2), c: x[::2], d: "'", e: lambda: 0 = 3, (g, h)=None): pass
def g(a: Loop, *, b, c=1, **d) -> Loop: pass
Loop = "Loop | List[Loop]"
def h(a: Dict[Any, int], b: Literal[-1, "x", None, Color.RED], c: Tuple[()], d: Annotated[int, Field(gt=1)]): pass
def deep(a: ${"List[".repeat(500)}int${"]".repeat(500)}): pass
class (: pass
def
def last(a: List[int: pass
`;
  const text = declarePython(pythonDefinitions(source));
  expect(text).toContain("h: (");
  expect(text).toContain("a: Readonly<Record<string, number | bigint>>, b: unknown");
  expect(text).toContain("d: number | bigint");
  expect(text).toContain(
    "g: (...args: [a: unknown, named?: Kwargs] | [named: Kwargs]) => unknown;",
  );
  expect(text).toContain("deep: (...args: [a: readonly (readonly (");
  for (let end = 0; end < source.length; end += 7)
    declarePython(pythonDefinitions(source.slice(0, end)));
});

test("a second run repairs what the first one wrote, and nothing else", async () => {
  const folder = join(base, "repair");
  mkdirSync(join(folder, "venv/lib"), { recursive: true });
  const file = (name: string) => join(folder, name);
  writeFileSync(file("a.py"), "def one(): pass\n");
  writeFileSync(file("b.py"), "def two(): pass\n");
  writeFileSync(file("venv/pyvenv.cfg"), "");
  writeFileSync(file("venv/lib/other.py"), "def other(): pass\n");
  const first = await init(folder);
  expect(first.lines).toEqual(["econtext.d.ts", "a.d.py.ts", "b.d.py.ts", "tsconfig.json"]);
  expect(first.stderr).toContain("npm install --save-dev @types/node");
  expect((await init(folder)).lines).toEqual(["econtext.d.ts", "a.d.py.ts", "b.d.py.ts"]);

  mkdirSync(file("node_modules/@types/node"), { recursive: true });
  writeFileSync(file("econtext.d.ts"), readFileSync(file("econtext.d.ts"), "utf8").slice(0, 200));
  writeFileSync(file("a.py"), "def three(): pass\n");
  rmSync(file("b.py"));
  writeFileSync(file("c.d.py.ts"), "export {};\n");
  const config = readFileSync(file("tsconfig.json"), "utf8");
  const changed = config
    .replace('"strict": true', '"strict": false')
    .replace(/\s*"noEmit": true,/, "");
  writeFileSync(file("tsconfig.json"), changed);
  const second = await init(folder);
  expect(second.lines).toEqual(["econtext.d.ts", "a.d.py.ts", "tsconfig.json"]);
  expect(second.stderr).toBe("b.d.py.ts: removed, as its .py file is gone\n");
  expect(readFileSync(file("a.d.py.ts"), "utf8")).toContain("three");
  expect(readFileSync(file("econtext.d.ts"), "utf8")).toContain("class Broker");
  expect(existsSync(file("c.d.py.ts"))).toBe(true);
  const { compilerOptions } = Bun.JSONC.parse(readFileSync(file("tsconfig.json"), "utf8")) as {
    compilerOptions: unknown;
  };
  expect(compilerOptions).toMatchObject({ strict: false, noEmit: true, types: ["node"] });

  const [mark = ""] = config.split("\n");
  writeFileSync(file("tsconfig.json"), `${mark}\n{ "compilerOptions": `);
  expect((await init(folder)).lines).toContain("tsconfig.json");
  writeFileSync(file("tsconfig.json"), '{ "compilerOptions": {} }\n');
  const third = await init(folder);
  expect(third.lines).not.toContain("tsconfig.json");
  expect(third.stderr).toContain('tsconfig.json: left as it is; its compilerOptions want "allow');
});
