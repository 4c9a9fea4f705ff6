import { expect, test } from "bun:test";
import { join } from "node:path";
import { econtext, FIXTURES, local, PYTHON, start } from "./econtext.ts";

const TASKS = "tasks.py";

test("a result that is text is printed as text, others as JSON", async () => {
  expect(await local("call", "json.dumps", "[1]")).toEqual({
    stdout: "[1]\n",
    stderr: "",
    status: 0,
  });
  expect((await local("call", "json.dumps", "[1]", "--json")).stdout).toBe('"[1]"\n');
  expect((await local("call", "json.loads", '={"a": null}')).stdout).toBe('{"a":null}\n');
});

test("arguments are JSON, text and keywords; a leading = makes text", async () => {
  const args = ["5", "=5", "x", "-3", "=a=b", "==", '{"a":[true]}', "12345678901234567890"];
  const named = ["k=v", "n=1", "t==1", "e="];
  const { stdout } = await local("call", `${TASKS}:echo`, ...args, ...named);
  expect(stdout).toBe(
    '[[5,"5","x",-3,"a=b","=",{"a":[true]},12345678901234567890],{"k":"v","n":1,"t":"1","e":""}]\n',
  );
});

test("behind -- nothing is an option", async () => {
  const { stdout } = await econtext(
    ...["call", "--python", PYTHON, "local", "--", `${TASKS}:echo`, "--json", "-x", "--"],
  );
  expect(stdout).toBe('[["--json","-x","--"],{}]\n');
});

test("a file is named by its path, a module is found in the roots and in the current directory", async () => {
  const path = join(FIXTURES, "roots/deep/deeper.py");
  expect((await local("call", `${path}:where`)).stdout).toBe("deep\n");
  expect((await local("call", "tasks.echo")).stdout).toBe("[[],{}]\n");
  const found = await local("call", "--python-path", "roots/deep", "deeper.where");
  expect(found.stdout).toBe("deep\n");
});

test("bytes are bytes, and what JSON has no type for is spelled", async () => {
  expect((await local("call", `${TASKS}:raw`)).stdout).toBe(
    new TextDecoder().decode(Uint8Array.of(0, 255, 10)),
  );
  expect((await local("call", `${TASKS}:odd`)).stdout).toBe(
    '{"bytes":{"!b":"aGk="},"big":1180591620717411303424,"nan":{"!f":"nan"},"set":{"!s":[1]}}\n',
  );
});

test("an exception is status 1, with its type, message and traceback", async () => {
  const { stdout, stderr, status } = await local("call", `${TASKS}:refuse`, "=\x1b[31m");
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^local: ValueError: refused: \\x1b\[31m\n {2}Traceback/);
  expect(stderr).toContain('tasks.py", line 11, in refuse');
  expect(stderr).toContain('raise ValueError("refused: %s" % reason)');
  expect(status).toBe(1);
});

test("logs and output are lines on stderr; escapes are visible", async () => {
  const { stdout, stderr } = await local("call", `${TASKS}:chat`);
  expect(stdout).toBe("said\n");
  const lines = stderr.trimEnd().split("\n");
  for (const line of lines) expect(line).toMatch(/^\d\d:\d\d:\d\d [IW] local: /);
  const said = lines.map((line) => line.slice(9)).sort();
  expect(said).toEqual([
    "I local: stderr: to stderr",
    "I local: stdout: \\x1b[31mred",
    "W local: tasks.chat: careful",
  ]);
});

test("--log-format json is a line of JSON each; --log-level lets more through", async () => {
  const options = ["--log-format", "json", "--log-level", "debug"];
  const { stderr } = await local("call", `${TASKS}:chat`, ...options);
  const records = stderr
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(records).toHaveLength(4);
  expect(records).toContainEqual(
    expect.objectContaining({ context: "local", logger: "tasks.chat", level: "debug" }),
  );
  expect(records).toContainEqual(
    expect.objectContaining({ logger: "stdout", message: "\x1b[31mred" }),
  );
});

test("several targets: each line begins with the name; with --json it is an object", async () => {
  const python = ["--python", PYTHON];
  const two = await econtext("call", ...python, "local,local/local", "json.dumps", "a");
  expect(two.stdout.split("\n").sort()).toEqual(["", 'local/local: "a"', 'local: "a"']);
  const targets = ["local", "local/local"];
  const json = await econtext("call", ...python, "--json", ...targets, "--", "len", "ab");
  const records = json.stdout.trimEnd().split("\n");
  for (const record of records) expect(JSON.parse(record)).toMatchObject({ ok: true, value: 2 });
  const failed = await econtext("call", ...python, "--json", "local,local/local", "len", "1");
  const errors = failed.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { error: unknown });
  expect(errors).toHaveLength(2);
  expect(errors[0]?.error).toMatchObject({ code: "ERR_CALL_FAILED", type: "TypeError" });
  expect(failed.status).toBe(1);
});

test("a deadline is status 124, and on time", async () => {
  const began = performance.now();
  const { stdout, stderr, status } = await local("call", "time.sleep", "100", "--deadline=400ms");
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^local: no result within 400 ms; it is cancelled\n {2}try: a longer/);
  expect(status).toBe(124);
  expect(performance.now() - began).toBeLessThan(20_000);
});

test("no interpreter is status 255, and says what was tried", async () => {
  const { stdout, stderr, status } = await econtext("ping", "local", "--python", "/absent/python");
  expect(stdout).toBe("");
  expect(stderr).toContain("/absent/python");
  expect(stderr).not.toContain("    at ");
  expect(status).toBe(255);
});

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
  "%s cancels what runs, and is what we die of",
  async (signal) => {
    const code = "import time; print('running'); time.sleep(100)";
    await using child = start(["call", "--python", PYTHON, "local", "exec", `=${code}`]);
    const reader = child.stderr.getReader();
    await reader.read();
    child.kill(signal);
    while (!(await reader.read()).done);
    await child.exited;
    expect(child.signalCode).toBe(signal);
  },
);

test("ping says what answers", async () => {
  const { stdout, status } = await local("ping");
  expect(stdout).toMatch(/^local: python \d\.\d+\.\d+\S*, pid \d+, \S+, connected in .* ms\n$/);
  expect(status).toBe(0);
  const json = JSON.parse((await local("ping", "--json")).stdout) as Record<string, unknown>;
  expect(json).toMatchObject({ target: "local", ok: true, value: { kind: "python", hops: [] } });
});

test("bootstrap --print shows constants with their sums", async () => {
  const options = ["--print", "--python", "python3"];
  const one = await econtext("bootstrap", "web1", ...options, "-o", "Port=2222");
  expect(one.stdout).toContain('"-o","Port=2222","-T",');
  expect(one.stdout).toMatch(/^command +\d+ bytes, sha256 [0-9a-f]{64}$/m);
  const sums = await econtext("bootstrap", "web1", ...options, "--sha256");
  const others = await econtext("bootstrap", "user@web2", ...options, "--sha256");
  expect(sums.stdout).toMatch(/^[0-9a-f]{64} {2}command\n[0-9a-f]{64} {2}core\n$/);
  expect(others.stdout).toBe(sums.stdout);
});

test("no result prints nothing, with --json null", async () => {
  const none = { stdout: "", stderr: "", status: 0 };
  expect(await local("call", "eval", "=None")).toEqual(none);
  const two = "local,local/local";
  expect(await econtext("call", "--python", PYTHON, two, "eval", "=None")).toEqual(none);
  expect((await local("call", "eval", "=None", "--json")).stdout).toBe("null\n");
});

test("bootstrap of a path shows each argument vector, the first hop's first", async () => {
  const { stdout } = await econtext("bootstrap", "bastion/sudo:www/podman:app", "--kind", "bun");
  const blocks = stdout.split("\n\n").slice(0, 3);
  const lines = (name: string): string[] =>
    blocks.map((block) => new RegExp(`^${name} +(.*)$`, "m").exec(block)?.[1] ?? "");
  expect(lines("hop").slice(0, 2)).toEqual(["bastion", "bastion/sudo:www"]);
  expect(lines("target")[2]).toBe("bastion/sudo:www/podman:app");
  expect(lines("looks for")).toEqual([...Array(2).fill("python3, bun, node, python"), "bun"]);
  const argvs = lines("runs").map((text) => JSON.parse(text) as string[]);
  expect(argvs.map(([program]) => program)).toEqual(["ssh", "sudo", "podman"]);
  // sudo may read a password: its command announces itself.
  expect(argvs[1]).toContain("econtext: ready");
});

test("bootstrap shows how sudo is run where there is a password, and reads none", async () => {
  const options = [["--ask-pass"], ["--password-fd", "9"], ["--password-command", "exit 1"]];
  for (const option of options) {
    const { stdout, stderr } = await econtext("bootstrap", ...option, "sudo:www", "--json");
    expect(stderr).toBe("");
    const { argv } = JSON.parse(stdout) as { argv: string[] };
    const words = ["sudo", "-S", "-p", "econtext-NONCE:%p:", "-u", "www", "--", "sh", "-c"];
    expect(argv.slice(0, words.length)).toEqual(words);
  }
  const both = await econtext("bootstrap", "--ask-pass", "--password-fd", "3", "sudo");
  expect(both).toMatchObject({ status: 2, stdout: "" });
  expect(both.stderr).toContain("give one of them");
});

test("bootstrap of several targets, in the notation of all commands", async () => {
  const { stdout } = await econtext("bootstrap", "web1,web2", "local");
  expect([...(stdout.match(/^target .*$/gm) ?? [])]).toEqual(
    ["web1", "web2", "local"].map((t) => `target    ${t}`),
  );
});

test.each([
  [
    ["web2", "tasks.py:echo"],
    "web2 is taken as the FUNCTION; several targets: local,web2, or local web2 -- FUNCTION",
  ],
  [["web2", "1"], "no function web2: write module.function, or FILE.py:function"],
])("a word that is no function: %j", async (words, advice) => {
  const expected = { stdout: "", stderr: `local: ${advice}\n`, status: 1 };
  expect(await local("call", ...words)).toEqual(expected);
  expect(await econtext("call", "--bun", process.execPath, "local", ...words)).toEqual(expected);
});

test.each(["disk-tools.usage", "disk-tools:usage", "disk-tools.py"])(
  "%s is no name: files are named by their path",
  async (name) => {
    const { stderr, status } = await local("call", name);
    expect(stderr).toContain("or FILE.py:function");
    expect(status).toBe(2);
  },
);
