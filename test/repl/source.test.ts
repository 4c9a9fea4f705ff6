/** `econtext repl` without a terminal. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ECONTEXT, FIXTURES, PYTHON } from "../cli/econtext.ts";
import { nodeOf } from "../helpers/javascripts.ts";

async function repl(args: readonly string[], input = "") {
  await using child = Bun.spawn([...ECONTEXT, "repl", ...args], {
    cwd: FIXTURES,
    env: { ...process.env, NO_COLOR: "1" },
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { stdout, stderr, status: await child.exited };
}

const BUN = ["local", "--bun", process.execPath];
const PY = ["local", "--python", PYTHON];

test("stdin is one program, and its last value is printed", async () => {
  const program = `import { basename } from "node:path";
type Unused = string;
const name: string = await local.call("os.path.basename", "/a/b");
[name, basename("/c/d")]
`;
  const ran = await repl(PY, program);
  expect(ran).toEqual({ stdout: '["b","d"]\n', stderr: "", status: 0 });
});

test.each([
  ["-p", "1 + 1", "2\n"],
  ["-e", "1 + 1", ""],
  ["-p", "const x = 1", ""],
  ["-p", '"text"', "text\n"],
  ["-p", "new Map([[1, undefined]])", '{"!m":[[1,null]]}\n'],
  ["-p", "() => 1", "[Function: value]\n"],
  ["-p", "Promise.resolve(5)", "5\n"],
  ["-p", 'import { kwargs as k } from "econtext"; k === kwargs', "true\n"],
  ["-p", "{ a: 1 }", '{"a":1}\n'],
])("%s %s", async (option, code, stdout) => {
  expect(await repl([option, code])).toEqual({ stdout, stderr: "", status: 0 });
});

test("an import of what is not exported says what there is", async () => {
  const folder = mkdtempSync(join(tmpdir(), "econtext-repl-"));
  const file = join(folder, "tasks.ts");
  writeFileSync(file, "export const here = 1; export interface Shape { a: number }\n");
  const from = JSON.stringify(file);
  const ran = await repl(["-p", `import { here, Shape } from ${from}; here`]);
  expect(ran).toEqual({ stdout: "1\n", stderr: "", status: 0 });
  const { stderr, status } = await repl(["-p", `import { here, there } from ${from}; here`]);
  expect(stderr).toContain(`SyntaxError: ${from} exports no there; it has here\n`);
  expect(status).toBe(1);
  rmSync(folder, { recursive: true });
});

test("a target that the code does not use must be there, too", async () => {
  const target = "nothing.invalid";
  const unused = await repl([target, "-p", "1 + 1"]);
  expect(unused).toMatchObject({ stdout: "2\n", status: 255 });
  expect(unused.stderr).toContain(`${target}: no such host\n`);
  const met = await repl([target, "-p", "await nothing.ready().catch((e) => e.code)"]);
  expect(met).toMatchObject({ stdout: "ERR_TRANSPORT_UNKNOWN_HOST\n", status: 0 });
});

test("one target runs functions of the prompt, names of Python and commands", async () => {
  const program = `[await local.call(() => typeof process), await local.call("operator.add", 1, 2),
 await local.$\`echo it\`.text(), await local.call((n: number) => n + 1, 1)]`;
  const folder = mkdtempSync(join(tmpdir(), "econtext-repl-"));
  symlinkSync(process.execPath, join(folder, "bun"));
  const { PATH = "" } = process.env;
  process.env["PATH"] = `${folder}:${PATH}`;
  const ran = await repl(["local"], program);
  process.env["PATH"] = PATH;
  rmSync(folder, { recursive: true });
  expect(ran).toEqual({ stdout: '["object",3,"it\\n",2]\n', stderr: "", status: 0 });
});

test("a function takes along what it uses of the prompt", async () => {
  const program = `import { sep } from "node:path"; import { basename } from "node:path";
function isOdd(n: number): boolean { return n !== 0 && isEven(n - 1) }
const isEven = (n: number): boolean => n === 0 || isOdd(n - 1);
const object = { base(path: string) { return basename(path) + os.EOL.length } };
[await local.call(isOdd, 7), await local.call(object.base, "/x/y"), await local.call(os.platform),
 await local.call(async () => (await import("node:os")).EOL), await local.call((n: number) => Math.abs(n), -1)]`;
  const ran = await repl(BUN, program);
  expect(ran).toEqual({ stdout: '[true,"y1","linux","\\n",1]\n', stderr: "", status: 0 });
});

test.each([
  ["const value = 1; await local.call(() => value)", "() => value", "value"],
  ["const f = (x) => local.call(() => x); await f(1)", "() => x", "x"],
  [
    "const twice = (n) => n * 2; await local.call(twice, 1); const f = (twice) => local.call(() => twice(1)); await f((n) => n)",
    "() => twice(1)",
    "twice",
  ],
  ["let n = 1; const a = () => n; await local.call(() => a())", "() => n", "n"],
  ["await local.call(() => broker)", "() => broker", "broker"],
  ["await local.call(() => absent)", "() => absent", "absent"],
])("refused before anything is sent: %s", async (code, fn, name) => {
  const { stdout, stderr, status } = await repl([...BUN, "-p", code]);
  expect({ stdout, status }).toEqual({ stdout: "", status: 2 });
  expect(stderr).toStartWith(`the function ${JSON.stringify(fn)} closes over ${name};`);
});

test("errors: the far side's, the input's, and what is no TypeScript", async () => {
  const far = await repl([
    ...PY,
    "-e",
    'import * as tasks from "./tasks.py"; await local.call(tasks.refuse, "it")',
  ]);
  expect(far.stderr).toMatch(/^local: ValueError: refused: it\n {2}Traceback/);
  expect(far.status).toBe(1);
  const own = await repl(["-e", 'throw new TypeError("mine")']);
  expect({ ...own, stderr: own.stderr.replace(/\d+\)$/m, "N)") }).toEqual({
    stdout: "",
    stderr: "TypeError: mine\n    at <anonymous> ([eval]:1:N)\n",
    status: 1,
  });
  const wrong = await repl(["-e", "a b"]);
  expect(wrong.stderr).toStartWith('SyntaxError: 1:3: Expected ";"');
  expect(wrong.status).toBe(1);
  const never = await repl(["-e", "await new Promise(() => {})"]);
  expect(never.stderr).toContain("awaits a promise that nothing can settle any more");
  expect(never.status).toBe(1);
});

test("a deadline is that of all of it", async () => {
  const { stderr, status } = await repl([
    ...PY,
    "--deadline",
    "600ms",
    "-e",
    'await local.call("time.sleep", 100)',
  ]);
  expect(stderr).toContain("cancelled");
  expect(status).toBe(124);
});

test("a target whose name is no variable gets one, and it is said", async () => {
  const code = "[typeof web_1, typeof _10_0_0_7, typeof process2]";
  const { stdout, stderr } = await repl([
    "user@web-1.example.com",
    "10.0.0.7",
    "process",
    "-p",
    code,
  ]);
  expect(stdout).toBe('["object","object","object"]\n');
  expect(stderr).toContain("web_1 is user@web-1.example.com\n");
  expect(stderr).toContain("process2 is process\n");
});

test("with --log-format json, each line of stderr is a record", async () => {
  const { stderr, status } = await repl([
    ...["--log-format", "json", "--node", "/absent/node", "local", "local/local"],
    ...["-e", "await local2.ready()"],
  ]);
  const records = stderr
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(records.map(({ level }) => level)).toEqual(["info", "error"]);
  expect(records[0].message).toContain("local2 is local/local");
  expect(records[1].message).toContain("/absent/node");
  expect(status).toBe(255);
});

test("a program is imported without being run; its main part is told", async () => {
  const folder = mkdtempSync(join(tmpdir(), "econtext-repl-"));
  const text = `import { run } from "econtext";
export const two = () => 2;
export const start = () => run(() => 3);
if (import.meta.main) console.log("main");
run(() => console.log("ran"));
`;
  writeFileSync(join(folder, "program.ts"), text);
  const path = JSON.stringify(join(folder, "program.ts"));
  const code = `import { start, two } from ${path}; [two(), await start()]`;
  const { stdout, stderr, status } = await repl(["-p", code]);
  rmSync(folder, { recursive: true });
  expect(stdout).toBe("[2,3]\n");
  expect(stderr).toMatch(
    /^run\(\) of \S*program\.ts is left out: the prompt only imports; econtext /,
  );
  expect(status).toBe(0);
});

test.each([
  ["--bun", process.execPath],
  ["--node", nodeOf("18").path],
])("an error of a function that was sent has the lines of the input: %s", async (option, path) => {
  const program = `type Unused = string;
const over = (n: number): number => {
  throw new RangeError("over " + n);
};

function call(n: number): number { return over(n) + 1 }
await local.call(call, 3)
`;
  const { stderr } = await repl(["local", option, path], program);
  expect(stderr).toMatch(
    /^local: RangeError: over 3\n +at over \(\[stdin\]:3:\d+\)\n +at call \(\[stdin\]:6:\d+\)\n +at .*\[stdin\]:7:\d+\)?\n$/,
  );
});
