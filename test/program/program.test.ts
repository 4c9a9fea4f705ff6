import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { writeScript } from "../helpers/scripts.ts";

const ROOT = join(import.meta.dir, "../..");
const MAIN = join(ROOT, "src/cli/main.ts");
let folder = "";

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "econtext-program-")));
  put(
    "tasks.py",
    "import time\ndef greet(name, greeting='hi'):\n    return greeting + ' ' + name\n",
  );
  // What `#!/usr/bin/env econtext` finds.
  writeScript(join(folder, "econtext"), `exec ${process.execPath} ${MAIN} "$@"`);
  // A Bun for contexts: what npm puts on PATH for our own scripts is none that runs.
  symlinkSync(process.execPath, join(folder, "bun"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function put(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function start(argv: readonly string[], cwd = ROOT) {
  const env = { ...process.env, PATH: `${folder}:${process.env["PATH"]}`, NO_COLOR: "1" };
  return Bun.spawn([...argv], { cwd, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
}

async function run(argv: readonly string[], cwd?: string) {
  await using child = start(argv, cwd);
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { stdout, stderr, status: await child.exited };
}

function program(name: string, text: string, ...args: string[]) {
  return run([process.execPath, MAIN, put(name, text), ...args]);
}

const RUN = 'import { run } from "econtext";\n';

test("one connection serves functions of both languages, with the packages of both", async () => {
  const folders = ["node_modules/js_data", "py_data"].map((name) => join(folder, name));
  for (const path of folders) {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "data.txt"), `of ${basename(path)}`);
  }
  const [js = "", py = ""] = folders;
  writeFileSync(join(js, "package.json"), '{ "name": "js_data", "main": "index.js" }');
  const text = 'readFileSync(require("node:path").join(__dirname, "data.txt"), "utf8")';
  const child = `execFileSync("cat", [__dirname + "/data.txt"]).toString()`;
  writeFileSync(
    join(js, "index.js"),
    `const { readFileSync } = require("node:fs"); const { execFileSync } = require("node:child_process");
exports.read = () => [${text}, ${child}];\n`,
  );
  writeFileSync(
    join(py, "__init__.py"),
    `import os, subprocess
def read():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data.txt")
    return [open(path).read(), subprocess.check_output(["cat", path]).decode()]
`,
  );
  put("uses.py", "def read():\n    import py_data\n    return py_data.read()\n");
  const ran = await program(
    "both.ts",
    `${RUN}import { read } from "js_data";
import * as uses from "./uses.py";
let calls = 0;
function count() { return ++calls; }
function readThere() { return read(); }
run(async (broker) => {
  const web = await broker.connect("local", { unpack: ["js_data", "py_data"] });
  const first = await Promise.all([web.call(count), web.call(uses.read), web.call(readThere)]);
  const second = [await web.call(count), await web.$\`echo it\`.text(), await web.call("len", [1])];
  console.log(JSON.stringify([first, second]));
});
`,
  );
  const read = (name: string) => [`of ${name}`, `of ${name}`];
  const expected = [
    [1, read("py_data"), read("js_data")],
    [2, "it\n", 1],
  ];
  expect(ran).toEqual({ stdout: `${JSON.stringify(expected)}\n`, stderr: "", status: 0 });
});

test("run: Python from TypeScript, arguments, import.meta, its own exit status", async () => {
  const { stdout, status } = await program(
    "good.ts",
    `${RUN}import * as tasks from "./tasks.py";
run(async (broker) => {
  const web = await broker.connect("local");
  console.log(await web.call(tasks.greet, process.argv[2]!), import.meta.main, import.meta.dirname);
  process.exitCode = 3;
});
`,
    "you",
  );
  expect({ stdout, status }).toEqual({ stdout: `hi you true ${folder}\n`, status: 3 });
});

test("connect without run: closed when the file has been evaluated", async () => {
  const text = `import { connect, slave } from "econtext";
const web = await connect("local");
console.log(slave, await web.call("math.sqrt", 9));
`;
  const { stdout, status } = await program("top.ts", text);
  expect({ stdout, status }).toEqual({ stdout: "false 3\n", status: 0 });
});

test("a closure is refused before anything is sent, with file and line", async () => {
  const { stderr, status } = await program(
    "closure.ts",
    `${RUN}run(async (broker) => {
  const web = await broker.connect("nowhere.invalid");
  const count: number = process.argv.length;
  await web.call(() =>
    count + 1);
});
`,
  );
  expect(stderr).toContain(`${folder}/closure.ts:6: the function closes over count; pass it`);
  expect(status).toBe(2);
});

test("errors at load name file and line", async () => {
  const syntax = await program("bad.ts", `${RUN}\nconst a = ;\n`);
  expect(syntax.stderr).toContain(`${folder}/bad.ts:3:11: `);
  expect(syntax.status).toBe(1);
  const missing = await program("missing.ts", `\nimport "./nothere.ts";\n`);
  expect(missing.stderr).toContain(`${folder}/missing.ts:2: cannot find "./nothere.ts"`);
  expect(missing.status).toBe(1);
});

test("an exception of the program's own keeps its lines; a remote one is told as by call", async () => {
  const own = await program("own.ts", `${RUN}run(() => {\n  throw new TypeError("deep");\n});\n`);
  expect(own.stderr).toContain("TypeError: deep");
  expect(own.stderr).toContain(`${folder}/own.ts:3:`);
  const text = `${RUN}run(async (b) => { await (await b.connect("local")).call("int", "x"); });\n`;
  const remote = await program("remote.ts", text.replace('"int"', '"operator.index"'));
  expect(remote.stderr).toContain("local: TypeError: ");
  expect(remote.status).toBe(1);
});

test("a program ends when nothing is left to wait for", async () => {
  const later = 'setTimeout(() => { console.log("later"); process.exitCode = 4; }, 20);\n';
  expect(await program("later.ts", later)).toEqual({ stdout: "later\n", stderr: "", status: 4 });
  const never = await program("never.ts", "await new Promise(() => {});\n");
  expect(never.stderr).toContain("awaits a promise that nothing can settle any more");
});

test("when its output is not read any more, it ends as a filter does, and so does what it has started", async () => {
  const text = `import { connect } from "econtext";
const { stdout } = (await connect("local", { kind: "python" })).exec(["yes"]);
for await (const line of stdout.lines()) console.log(line);
`;
  const line = `'${process.execPath}' '${MAIN}' '${put("endless.ts", text)}'; echo $? >&2`;
  const { stdout, stderr } = await run(["sh", "-c", `{ ${line}; } | head -1`]);
  expect([stdout, stderr]).toEqual(["y\n", "141\n"]);
});

test("a signal cancels what is called, here and there", async () => {
  const file = put(
    "sleepy.ts",
    `${RUN}run(async (broker) => {
  const web = await broker.connect("local");
  await web.ready();
  console.log("up");
  await web.call("time.sleep", 60).catch((error) => console.log(error.code));
});
`,
  );
  await using child = start([process.execPath, MAIN, file]);
  const lines: string[] = [];
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    lines.push(decoder.decode(chunk));
    if (lines.join("") === "up\n") child.kill("SIGINT");
  }
  expect(lines.join("")).toBe("up\nERR_CANCELLED\n");
  expect(await child.exited).toBe(130);
});

test("a #! line, without an ending, through a symbolic link, from another directory", async () => {
  const text =
    "console.log(process.argv.slice(2), import.meta.main, import.meta.filename, import.meta.url);\n";
  chmodSync(put("tool", `#!/usr/bin/env econtext\n${text}`), 0o755);
  symlinkSync(join(folder, "tool"), join(folder, "linked"));
  const { stdout, status } = await run(["linked", "a b"], dirname(folder));
  expect({ stdout, status }).toEqual({
    stdout: `[ "a b" ] true ${folder}/tool file://${folder}/tool\n`,
    status: 0,
  });
});

test("CommonJS of the program's own: cycles, a function as exports, and calls", async () => {
  put(
    "first.cjs",
    'exports.early = 1;\nconst second = require("./second.cjs");\nlet n = 40;\n' +
      "exports.add = function add(m) { return n + m; };\nexports.saw = second.saw;\n",
  );
  put("second.cjs", 'const { early } = require("./first.cjs");\nexports.saw = early;\n');
  put("whole.cjs", "const one = 1;\nmodule.exports = (x) => x + one;\n");
  put("plain.js", "module.exports = (x) => x + 2;\n");
  const { stdout, stderr } = await program(
    "common.cjs",
    `const { run } = require("econtext");
const first = require("./first.cjs");
const whole = require("./whole.cjs");
const plain = require("./plain.js");
function here() { return __filename; }
run(async (broker) => {
  const web = await broker.connect("local");
  console.log(first.saw, typeof whole, typeof plain);
  console.log(await web.call(here), await web.call(first.add, 2), await web.call(whole, 2));
});
`,
  );
  expect({ stdout, stderr }).toEqual({
    stdout: `1 function function\n${folder}/common.cjs 42 3\n`,
    stderr: "",
  });
});

test("init: what it writes satisfies tsc, and nothing of the user's is overwritten", async () => {
  const at = mkdtempSync(join(folder, "init-"));
  writeFileSync(join(at, "tasks.py"), "def greet(name, greeting='hi'):\n    pass\n");
  writeFileSync(
    join(at, "main.ts"),
    `${RUN}import * as tasks from "./tasks.py";
run(async (broker) => {
  const web = await broker.connect("local");
  await web.call(tasks.greet, "you");
  // @ts-expect-error It takes two.
  await web.call(tasks.greet, "you", "hi", 3, 4);
  // @ts-expect-error It takes a number.
  await web.call((n: number) => n, "1");
});
`,
  );
  const first = await run([process.execPath, MAIN, "init", at]);
  expect(first.stdout.trim().split("\n")).toHaveLength(3);
  expect(first.status).toBe(0);
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const { stdout, status } = await run([process.execPath, tsc, "-p", at]);
  expect({ stdout, status }).toEqual({ stdout: "", status: 0 });
  const again = await run([process.execPath, MAIN, "init", at]);
  expect(again.stdout).not.toContain("tsconfig.json");
});

test("a refusal names the line, whatever the runtime made of constants and enums", async () => {
  const { stdout } = await program(
    "constants.ts",
    `${RUN}enum Level { Low = 1 }
run(async (broker) => {
  const web = await broker.connect("local");
  const five = 5;
  const count = process.argv.length;
  await web.call((x: number) => five + x +
    Level.Low + count, 1).catch((error) => console.log(error.message));
});
`,
  );
  expect(stdout).toStartWith(`${folder}/constants.ts:8: the function closes over count; pass it`);
});
