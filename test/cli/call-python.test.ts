/**
 * `econtext call` of Python functions: the function that was named runs, whatever else has its
 * module's name; what it yields and awaits.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { strToU8, zipSync } from "fflate";
import { pythonOf } from "../helpers/pythons.ts";
import { econtextIn } from "./econtext.ts";

const FILES: Readonly<Record<string, string>> = {
  "calendar.py": "import helper\ndef isleap(year): return ['mine', helper.NAME, __name__]\n",
  "json.py":
    "class Bad(Exception): pass\ndef dumps(x): return 'mine'\ndef fail(): raise Bad('no')\n",
  "helper.py": "NAME = 'helper'\n",
  "sitecustomize.py": "print('not asked for')\n",
  "deploy-tasks.py": "def restart(name): return 'restarted ' + name\n",
  "my.tasks.py": "def fn(): return __name__\n",
  "queue/__init__.py": "",
  "queue/jobs.py":
    "from . import parts\nfrom .parts import PART\ndef fn(): return [PART, parts.__name__]\n",
  "queue/parts.py": "PART = 'a part'\n",
  "a:b%2F+é/tâche.py": "def fn(): return __import__('aide').NAME\n",
  "a:b%2F+é/aide.py": "NAME = 'beside it'\n",
  "other/helper.py": "def name(): return 'of the other'\n",
  "flow.py": `def things(n):
    for i in range(int(n)):
        yield {"i": i}
def broken():
    yield 1
    raise ValueError("late")
`,
  "later.py": `import asyncio
async def work(x):
    await asyncio.sleep(0)
    return x + 1
async def numbers(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i
async def later(n):
    await asyncio.sleep(0)
    return numbers(n)
class Countdown:
    def __init__(self, n):
        self.n = n
    def __aiter__(self):
        return self
    async def __anext__(self):
        await asyncio.sleep(0)
        self.n -= 1
        if self.n < 0:
            raise StopAsyncIteration
        return self.n
class Steps:
    def __init__(self, n):
        self.__anext__ = None
        self.countdown = Countdown(n)
    def __aiter__(self):
        return self.countdown
class Next:
    def __init__(self, n):
        self.countdown = Countdown(n)
    def __anext__(self):
        return self.countdown.__anext__()
async def countdown(n):
    return Countdown(n)
async def wait():
    try:
        await asyncio.sleep(100)
    finally:
        print("cleaned up")
async def leave():
    async def rest():
        try:
            await asyncio.sleep(100)
        finally:
            print("the rest ended")
    asyncio.ensure_future(rest())
    await asyncio.sleep(0)
    return "left"
`,
  "main.ts": `import { run } from "econtext";
import * as mine from "./helper2/tasks.py";
import * as other from "./helper3/tasks.py";
import * as calendar from "./calendar.py";
run(async (broker) => {
  const web = await broker.connect("local", { kind: "python" });
  console.log(JSON.stringify([await web.call(mine.fn), await web.call(other.fn), await web.call(calendar.isleap, 1)]));
});
`,
  "helper2/tasks.py": "def fn(): return 'second'\n",
  "helper3/tasks.py": "def fn(): return 'third'\n",
};

let dir = "";
beforeAll(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "econtext-call-")));
  for (const [file, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), text);
  }
  const zipped = {
    "zipped/__init__.py": strToU8(
      "import os\ndef read():\n    with open(os.path.join(os.path.dirname(__file__), 'a.txt')) as f: return f.read()\ndef names():\n    import pkgutil, zipped.part\n    return [name for _, name, _ in pkgutil.iter_modules(zipped.__path__)]\n",
    ),
    "zipped/part.py": strToU8("import os\n"),
    "zipped/a.txt": strToU8("from the zip"),
  };
  writeFileSync(join(dir, "app.whl"), zipSync(zipped));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

for (const version of ["2.7", "3.8", "3.13"] as const) {
  const { python } = pythonOf(version);
  if (python === undefined) continue;
  const call = async (...args: string[]): Promise<string> => {
    const done = await econtextIn(dir, "call", "--python", python.path, "local", ...args);
    return done.stdout + done.stderr;
  };

  test(`python ${version}: the function of the file that was named`, async () => {
    expect(await call("calendar.py:isleap", "2024")).toBe(
      '["mine","helper","econtext_own.calendar"]\n',
    );
    expect(await call("json.py:dumps", "1")).toBe("mine\n");
    expect(await call("deploy-tasks.py:restart", "nginx")).toBe("restarted nginx\n");
    expect(await call("my.tasks.py:fn")).toBe("my_tasks\n");
    expect(await call("helper.py:NAME.upper")).toBe("HELPER\n");
    const part = version === "2.7" ? "queue.parts" : "econtext_own.queue.parts";
    expect(await call("queue/jobs.py:fn")).toBe(`["a part","${part}"]\n`);
    expect(await call("other/helper.py:name")).toBe("of the other\n");
    expect(await call("a:b%2F+é/tâche.py:fn")).toBe("beside it\n");
    expect(await call("--python-path", dir, "other/helper.py:name")).toBe("of the other\n");
    const failure = await call("json.py:fail");
    expect(failure).toStartWith("local: json.Bad: no\n");
    expect(failure).not.toContain("econtext_own");
    expect(await call("json.py:Bad.none")).toBe(
      `local: AttributeError: ${dir}/json.py has no Bad.none\n`,
    );
    const missing = `local: AttributeError: ${dir}/a:b%2F+é/tâche.py has no none\n`;
    expect(await call("a:b%2F+é/tâche.py:none")).toBe(missing);
  });

  test(`python ${version}: a zip file is a root`, async () => {
    expect(await call("--python-path", "app.whl", "zipped.read")).toBe("from the zip\n");
    expect(await call("--python-path", "app.whl", "zipped.names")).toBe('["part"]\n');
  });

  test(`python ${version}: a generator's values are lines, as they come`, async () => {
    expect(await call("flow.py:things", "2")).toBe('{"i":0}\n{"i":1}\n');
    expect(await call("--json", "flow.py:things", "1")).toBe('{"i":0}\n');
    const broken = await call("flow.py:broken");
    expect(broken).toStartWith("1\nlocal: ValueError: late\n");
  });

  test.if(version !== "2.7")(`python ${version}: what is async is awaited`, async () => {
    expect(await call("later.py:work", "1")).toBe("2\n");
    expect(await call("later.py:numbers", "3")).toBe("0\n1\n2\n");
    expect(await call("later.py:later", "2")).toBe("0\n1\n");
    for (const name of ["Countdown", "Steps", "Next", "countdown"])
      expect([name, await call(`later.py:${name}`, "2")]).toEqual([name, "1\n0\n"]);
    expect(await call("later.py:leave")).toMatch(/^left\n.*the rest ended\n$/s);
    const stopped = await call("--deadline", "1", "later.py:wait");
    expect(stopped).toContain("no result within 1000 ms");
    expect(stopped).toContain("cleaned up");
  });
}

test("a file that would be the module of another is refused", async () => {
  writeFileSync(join(dir, "a_b.py"), "");
  writeFileSync(join(dir, "a.b.py"), "def fn(): pass\n");
  const { stderr, status } = await econtextIn(dir, "call", "local", "a.b.py:fn");
  expect(stderr).toContain(`${dir}/a.b.py and ${dir}/a_b.py would be one module; rename one`);
  expect(status).toBe(2);
});

test("a program's Python files of one name are told apart", async () => {
  const { stdout, stderr } = await econtextIn(dir, "main.ts");
  expect(stderr).toBe("");
  const [second, third, calendar] = JSON.parse(stdout) as unknown[];
  expect([second, third]).toEqual(["second", "third"]);
  expect(calendar).toEqual(["mine", "helper", "econtext_own.calendar"]);
});

test("at a prompt, a file of a folder without __init__.py", async () => {
  const source = `import * as h from "./helper2/tasks.py"; await local.call(h.fn)`;
  const { stdout, stderr } = await econtextIn(dir, "repl", "local", "-p", source);
  expect(stderr).toBe("");
  expect(stdout).toBe("second\n");
});
