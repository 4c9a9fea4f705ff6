/**
 * Errors point to the user's lines: of the far function first, then of the call; each is printed
 * once, in one format.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ECONTEXT } from "../cli/econtext.ts";
import { bun, nodeOf, nodeVersions } from "../helpers/javascripts.ts";
import { runEcontext } from "../helpers/run-econtext.ts";

let folder = "";

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "econtext-errors-")));
  put(
    "tasks.py",
    `def boom(x):
    raise ValueError("boom %s" % x)

def count(n):
    yield n
    boom(n)
`,
  );
  put(
    "far.ts",
    `interface Text { readonly text: string }
export function deep(text: Text["text"]): never {
  throw new RangeError("deep " + text);
}
export function* count(n: number) {
  yield n;
  deep("down");
}
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function put(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return name;
}

/** Runs a command in the folder of this file's programs, whose path is left out of what it says. */
async function econtext(...args: string[]) {
  const { stdout, stderr, status } = await runEcontext(folder, ...args);
  return { stdout, stderr: stderr.replaceAll(`${folder}/`, ""), status };
}

/** Each throws in one line. Parts that its stack has, in their order, in front of that line. */
const WAYS: readonly (readonly [string, ...string[]])[] = [
  ["await py.call(tasks.boom, 1);", "CallError: local: ValueError: boom 1", 'tasks.py", line 2'],
  ["await js.call(deep, 'x');", "CallError: local: RangeError: deep x", "far.ts:3:"],
  ["await js.call(() => work);", "UsageError: "],
  ["await py.callWith({ deadline: 20 }, 'time.sleep', 9);", "TimeoutError: "],
  ["await py.callWith({ signal: AbortSignal.abort() }, 'time.sleep', 9);", "CancelledError: "],
  [
    "for await (const _ of py.call(tasks.count, 2));",
    "CallError: ",
    'tasks.py", line 6',
    'tasks.py", line 2',
  ],
  ["for await (const _ of js.call(count, 2));", "CallError: ", "far.ts:3:", "far.ts:7:"],
  ["for await (const _ of py.call('os.getpid'));", "UsageError: "],
  ["await py.call('repr', { a: { b: { c: () => 1 } } });", "ValueError: "],
  ["await py.call('not a name');", "UsageError: "],
  ["await py.exec(['sleep', '9'], { deadline: 20 }).exited;", "TimeoutError: "],
  ["await py.exec(['sleep', '9'], { deadline: 20 }).stdout.text();", "TimeoutError: "],
  ["py.exec([]);", "UsageError: "],
  ["await py.$`exit 3`;", "ShellError: "],
  ["await py.$`exit 3`.text();", "ShellError: "],
  ["for await (const _ of py.$`exit 3`.lines());", "ShellError: "],
  ["await py.put('/not/there', '/tmp');", "FilesError: "],
  ["await py.get('/not/there', '/tmp');", "FilesError: "],
  ["await py.readFile('/not/there');", "FilesError: "],
  ["for await (const _ of py.readStream('/not/there'));", "FilesError: "],
  ["await py.writeFile('/not/there', 'text');", "FilesError: "],
  [
    "const { sender, receiver } = new Channel(); sender.close(); await receiver.receive();",
    "Channel",
  ],
  ["await new Channel().receiver.receive({ deadline: 10 });", "TimeoutError: "],
  [
    "const { sender, receiver } = new Channel(); receiver.close(); await sender.send(1);",
    "Channel",
  ],
  ["await no.call('os.getpid');", "BootstrapError: "],
  ["await Promise.all([no.call('os.getpid'), no.ready()]);", "BootstrapError: "],
  ["await closed.call('os.getpid');", "DisconnectError: "],
  ["await closed.ping();", "DisconnectError: "],
  ["await broker.connect('-x');", "UsageError: "],
];

test("the stack of an error has the far frames, then the line that made the call", async () => {
  const head = `import { Channel, run } from "econtext";
import * as tasks from "./tasks.py";
import { count, deep } from "./far.ts";
run(async (broker) => {
  const py = await broker.connect("local", { kind: "python" });
  const js = await broker.connect("local", { bun: ${JSON.stringify(process.execPath)} });
  const no = await broker.connect("nowhere", { ssh: { program: "/bin/false" } });
  const closed = await broker.connect("local");
  await closed.close();
  const ways = [];
`;
  const lines = WAYS.map(([line]) => `  ways.push(async (work) => { ${line} });\n`);
  const tail = `  const stacks = [];
  for (const way of ways) stacks.push(await way().then(() => "nothing", (error) => error.stack));
  console.log(JSON.stringify(stacks));
});
`;
  const { stdout } = await econtext(put("ways.ts", head + lines.join("") + tail));
  const stacks: readonly string[] = JSON.parse(stdout.replaceAll(`${folder}/`, ""));
  const begin = head.split("\n").length;
  WAYS.forEach(([line, ...parts], i) => {
    const stack = stacks[i] ?? "";
    const order = [...parts, `ways.ts:${begin + i}:`];
    let at = 0;
    for (const part of order) {
      const found = stack.indexOf(part, at);
      if (found < 0) throw new Error(`${line}: no ${part} in its place in:\n${stack}`);
      at = found + part.length;
    }
    expect(stack).not.toMatch(/\$bunfs|\/src\/|econtext\.\w+"|\bnative\b|\bnode:/);
  });
});

const RUN = 'import { run } from "econtext";\n';
const CALL = `${RUN}import * as tasks from "./tasks.py";
run(async (broker) => {
  const py = await broker.connect("local", { kind: "python" });
`;
const TRACEBACK = `  Traceback (most recent call last):
    File "tasks.py", line 2, in boom
      raise ValueError("boom 1")
  ValueError: boom 1
`.replace('"boom 1")', '"boom %s" % x)');

test.concurrent.each([
  [
    "a call",
    `${CALL}  await py.call(tasks.boom, 1);\n});\n`,
    `local: ValueError: boom 1\n${TRACEBACK}    at <anonymous> (NAME:5:)\n`,
  ],
  [
    "a call that nothing waits for",
    `${CALL}  py.call(tasks.boom, 1);\n  await Bun.sleep(60_000);\n});\n`,
    `unhandled rejection: local: ValueError: boom 1\n${TRACEBACK}    at <anonymous> (NAME:5:)\n`,
  ],
  [
    "a call as the cause of another error",
    `${CALL}  try {\n    await py.call(tasks.boom, 1);\n  } catch (cause) {\n    throw new TypeError("deploy", { cause });\n  }\n});\n`,
    `TypeError: deploy\n    at <anonymous> (NAME:8:)\ncaused by: local: ValueError: boom 1\n${TRACEBACK}    at <anonymous> (NAME:6:)\n`,
  ],
  [
    "many reasons",
    `${RUN}run(async () => {\n  const disk = new Error("disk is full");\n  await Promise.any([Promise.reject(disk), Promise.reject("no route")]);\n});\n`,
    "AggregateError\n  reason 1 of 2: Error: disk is full\n      at <anonymous> (NAME:3:)\n  reason 2 of 2: thrown: 'no route'\n",
  ],
  [
    "a rejection",
    '\nPromise.reject(new RangeError("late"));\nsetTimeout(() => {}, 60_000);\n',
    "unhandled rejection: RangeError: late\n    at NAME:2:\n",
  ],
  [
    "a callback",
    '\nsetTimeout(() => {\n  throw new TypeError("in a timer");\n}, 1);\nsetTimeout(() => {}, 60_000);\n',
    "TypeError: in a timer\n    at <anonymous> (NAME:3:)\n",
  ],
  [
    "no stack",
    'class Invalid extends Error {}\nthrow Object.assign(new Invalid("age: a number"), { stack: "" });\n',
    "Invalid: age: a number\n",
  ],
  ["no error", "throw { a: 1 };\n", "thrown: { a: 1 }\n"],
  ["nothing", "throw undefined;\n", "thrown: undefined\n"],
  [
    "causes without an end",
    'const error = new Error("a", { cause: new Error("b") });\nerror.cause.cause = error;\nerror.stack = error.cause.stack = "";\nthrow error;\n',
    "Error: a\ncaused by: Error: b\n",
  ],
])("a program is ended by %s", async (name, text, told) => {
  const file = put(`${name.replaceAll(" ", "-")}.ts`, text);
  const { stderr, status } = await econtext(file);
  const shown = stderr.replaceAll(file, "NAME").replace(/(NAME:\d+:)\d+/g, "$1");
  expect({ shown, status }).toEqual({ shown: told, status: 1 });
});

const MISSING = "nothing.invalid";
const NO_HOST = `unhandled rejection: ${MISSING}: no such host\n`;

// Each fails while the contexts are closed, when the program has nothing more to do.
test.concurrent.each([
  ["a command", `context.exec(["true"]);`, NO_HOST],
  ["an awaited command", `await context.exec(["true"]);`, NO_HOST],
  ["a call", `context.call("os.getpid");`, NO_HOST],
  ["a command that is watched", `context.exec(["true"]).exited.catch(() => {});`, ""],
  ["a command that is read", `context.exec(["true"]).stdout.text().catch(() => {});`, ""],
])("the last line of a program: %s", async (name, line, told) => {
  const starts = [
    'import { connect } from "econtext";\nconst context = await connect(',
    `${RUN}run(async (broker) => {\nconst context = await broker.connect(`,
  ];
  for (const [i, start] of starts.entries()) {
    const text = `${start}"${MISSING}");\n${line}\n${i === 0 ? "" : "});\n"}`;
    const { stderr, status } = await econtext(
      put(`last-${i}-${name.replaceAll(" ", "-")}.ts`, text),
    );
    expect([stderr.slice(0, NO_HOST.length), status]).toEqual([told, told === "" ? 0 : 255]);
  }
});

test.concurrent("a program that listens for it deals with it", async () => {
  const text = `process.on("unhandledRejection", (error) => console.log("mine", error.message));
process.on("uncaughtException", (error) => console.log("mine", error.message));
Promise.reject(new Error("one"));
setTimeout(() => { throw new Error("two"); }, 1);
setTimeout(() => console.log("goes on"), 50);
`;
  expect(await econtext(put("listens.ts", text))).toEqual({
    stdout: "mine one\nmine two\ngoes on\n",
    stderr: "",
    status: 0,
  });
});

test.concurrent("repl: the same format, and the lines of the input", async () => {
  const lines = (stderr: string) => stderr.replace(/(:\d+):\d+\)/g, "$1)");
  const call = 'import * as tasks from "./tasks.py"; await local.call(tasks.boom, 1)';
  const told = await econtext("repl", "local", "-e", call);
  const site = (place: string) => `    at <anonymous> (${place})\n`;
  expect(lines(told.stderr)).toBe(`local: ValueError: boom 1\n${TRACEBACK}${site("[eval]:1")}`);
  const late = "Promise.reject(new Error('late')); await Bun.sleep(60_000)";
  const unhandled = await econtext("repl", "-e", late);
  expect(lines(unhandled.stderr)).toBe(`unhandled rejection: Error: late\n${site("[eval]:1")}`);
  put(
    "input",
    `// What was typed is not what runs.
import * as tasks from "./tasks.py";

type Text = { readonly text: string };
const boom = async (x: number): Promise<void> => {
  /* here */
  await local.call(tasks.boom, x);
};
for (const one of [1, 2]) void one;

await boom(
  1);
`,
  );
  await using child = Bun.spawn([...ECONTEXT, "repl", "local"], {
    cwd: folder,
    stdin: Bun.file(join(folder, "input")),
    stdout: "ignore",
    stderr: "pipe",
  });
  const stdin = (await child.stderr.text()).replaceAll(`${folder}/`, "");
  const sites = site("[stdin]:7") + site("[stdin]:11");
  expect(lines(stdin)).toBe(`local: ValueError: boom 1\n${TRACEBACK}${sites}`);
});

test.concurrent("--log-format json: what ends a program is one record", async () => {
  const json = ["--log-format", "json"];
  const ended = async (...args: string[]) => {
    const { stderr, status } = await econtext(...args);
    expect(status).toBe(1);
    expect(stderr.trimEnd()).not.toContain("\n");
    return JSON.parse(stderr) as { readonly level: string; readonly message: string };
  };
  const thrown = await ended(...json, put("throws.ts", 'throw new RangeError("full");\n'));
  expect(thrown).toMatchObject({ level: "error", context: "", logger: "econtext" });
  expect(thrown.message).toStartWith("RangeError: full\n    at throws.ts:1:");
  const rejected = await ended(...json, put("rejects.ts", "Promise.reject(1);\n"));
  expect(rejected.message).toBe("unhandled rejection: thrown: 1");
  const waiting = await ended(...json, put("waits.ts", "await new Promise(() => {});\n"));
  expect(waiting.message).toBe(
    "econtext: waits.ts: awaits a promise that nothing can settle any more",
  );
  const typed = await ended("repl", ...json, "-e", "throw new Error('typed')");
  expect(typed.message).toStartWith("Error: typed\n");
});

const { path: BUN } = bun();
const OLDEST = nodeVersions()[0];
const JAVASCRIPTS = [
  ["bun", BUN],
  ...(OLDEST === undefined ? [] : [["node", nodeOf(OLDEST).path]]),
] as [string, string][];

test.concurrent.each(JAVASCRIPTS)(
  "%s: call prints the message once, and the user's lines",
  async (kind, path) => {
    const call = (name: string) => econtext("call", `--${kind}`, path, "local", name, "x");
    const absent = await call("far.ts:absent");
    expect(absent.stderr).toBe("local: TypeError: far.ts:absent is not a function\n");
    const { stderr } = await call("far.ts:deep");
    expect(stderr).toMatch(/^local: RangeError: deep x\n {6}at deep \(far\.ts:3:\d+\)\n$/);
  },
);

test.concurrent("an import of what a module does not export names file and line", async () => {
  put("lacks.ts", "export const one = 1;\n");
  const imports = put("imports.ts", '\nimport { one,\n  two } from "./lacks.ts";\none;\ntwo;\n');
  const { stderr } = await econtext(imports);
  expect(stderr).toMatch(
    /^SyntaxError: Export named 'two' not found .*\n {4}at imports\.ts:3:3\n$/,
  );
  const typed = await econtext("repl", "-e", 'import "./imports.ts"');
  expect(typed.stderr).toBe(stderr);
  const ours = await econtext(put("ours.ts", 'import { runn } from "econtext";\nrunn();\n'));
  expect(ours.stderr).toBe(
    "SyntaxError: Export named 'runn' not found in module 'econtext'.\n    at ours.ts:1:10\n",
  );
  const missing = await econtext("repl", "-e", 'import "./nosuchfile.ts"');
  expect(missing.stderr).toBe(`cannot find "./nosuchfile.ts" in ${folder}\n`);
});

test.concurrent("values of the library are shown under their public names", async () => {
  const shown = async (code: string) => (await econtext("repl", "local", "-p", code)).stdout;
  expect(await shown('local.exec(["true"])')).toStartWith("RemoteProcess (");
  expect(await shown("new Channel()")).toBe("Channel {}\n");
});
