import { afterAll, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ECONTEXT, econtext, PYTHON, start } from "./econtext.ts";

const home = mkdtempSync(join(tmpdir(), "econtext-cp-"));
afterAll(() => rmSync(home, { recursive: true }));
const at = (name: string) => join(home, name);
const cp = (...args: string[]) => econtext("cp", "--python", PYTHON, ...args);
const QUIET = { stdout: "", stderr: "", status: 0 };

writeFileSync(at("a"), "a\n");
writeFileSync(at("b"), "b\n");
mkdirSync(at("tree/sub"), { recursive: true });
writeFileSync(at("tree/sub/file"), "file\n");

test("a file there, back, and from there to elsewhere", async () => {
  expect(await cp(at("a"), `local:${at("there")}`)).toEqual(QUIET);
  expect(await cp(`local:${at("there")}`, at("back"))).toEqual(QUIET);
  expect(await cp(`local:${at("back")}`, `local:${at("again")}`)).toEqual(QUIET);
  expect(readFileSync(at("again"), "utf8")).toBe("a\n");
});

test("folders with -r, several and patterns into a folder", async () => {
  expect(await cp("-rp", at("tree"), `local:${at("new")}`)).toEqual(QUIET);
  expect(readFileSync(at("new/sub/file"), "utf8")).toBe("file\n");
  expect(await cp(`local:${at("[ab]")}`, `local:${at("tree/sub/f*")}`, at("new"))).toEqual(QUIET);
  expect(readdirSync(at("new")).sort()).toEqual(["a", "b", "file", "sub"]);
  const refused = await cp(at("a"), `local:${at("b")}`, `local:${at("absent")}`);
  expect(refused.stderr).toBe(`local: ${at("absent")}: No such file or directory\n`.repeat(2));
  expect(refused.status).toBe(1);
});

test("--plan shows what is copied, once for all targets, and copies nothing", async () => {
  const { stdout, status } = await cp("--plan", at("a"), at("b"), "web[1-3],db1:/srv");
  expect(stdout).toContain(`\ncopy      ${at("a")} ${at("b")} to 'db1,web[1-3]:/srv'\n`);
  expect(stdout).toEndWith("\nNothing was started.\n");
  expect(status).toBe(0);
});

test("what cannot be copied is told, the others are, and the status is 1", async () => {
  mkdirSync(at("some"));
  expect(await cp(at("absent"), at("tree"), at("b"), `local:${at("some")}`)).toEqual({
    stdout: "",
    stderr: `${at("absent")}: No such file or directory\n${at("tree")}: Is a directory; -r copies folders\n`,
    status: 1,
  });
  expect(readdirSync(at("some"))).toEqual(["b"]);
});

test("a large file without room, here or there: told, and the old file stays", async () => {
  writeFileSync(at("large"), new Uint8Array(6_000_000).fill(1));
  mkdirSync(at("narrow"));
  writeFileSync(at("narrow/large"), "old");
  const limited = `trap '' XFSZ; ulimit -f 8000; "$0" "$@"`;
  for (const [from, to, context] of [
    [at("large"), `local:${at("narrow")}`, "local: "],
    [`local:${at("large")}`, at("narrow"), ""],
  ] as const) {
    const argv = ["sh", "-c", limited, ...ECONTEXT, "cp", "--python", PYTHON, from, to];
    await using child = Bun.spawn(argv, { stdout: "pipe", stderr: "pipe" });
    const told = [await child.stderr.text(), await child.exited];
    expect(told).toEqual([`${context}${at("narrow/large")}: File too large\n`, 1]);
    expect(readdirSync(at("narrow"))).toEqual(["large"]);
    expect(readFileSync(at("narrow/large"), "utf8")).toBe("old");
  }
});

test("a local file with a colon, taken for one of an unknown host, is named", async () => {
  writeFileSync(at("no..host:12"), "a\n");
  const run = async (word: string) => {
    const args = [...ECONTEXT, "cp", "--python", PYTHON, word, `local:${at("colon")}`];
    await using child = Bun.spawn(args, { cwd: home, stdout: "pipe", stderr: "pipe" });
    return { status: await child.exited, stderr: await child.stderr.text() };
  };
  const { status, stderr } = await run("no..host:12");
  expect(status).toBe(255);
  expect(stderr).toStartWith("econtext cp: no..host:12 is a file here, too: write ./no..host:12\n");
  expect((await run("no..host:13")).stderr).not.toContain("is a file here");
  expect(await run("./no..host:12")).toEqual({ status: 0, stderr: "" });
  expect(readFileSync(at("colon"), "utf8")).toBe("a\n");
});

test("our input and output", async () => {
  const args = [...ECONTEXT, "cp", "--python", PYTHON, "-", `local:${at("input")}`];
  await using child = Bun.spawn(args, { stdin: new Blob(["from a pipe"]), stderr: "pipe" });
  expect(await child.stderr.text()).toBe("");
  expect(readFileSync(at("input"), "utf8")).toBe("from a pipe");
  const both = await cp(`local:${at("a")}`, `local:${at("b")}`, "-");
  expect(both).toEqual({ stdout: "a\nb\n", stderr: "", status: 0 });
  expect(await cp(`local:${at("[ab]")}`, "-")).toEqual(both);
  expect(await cp("--json", `local:${at("a")}`, "-")).toMatchObject({ stdout: "", status: 2 });
  const none = await cp(`local:${at("absent")}`, "-");
  expect(none.stderr).toBe(`local: ${at("absent")}: No such file or directory\n`);
  expect(none.status).toBe(1);
});

test("an input that cannot be read is no empty file", async () => {
  const line = `"$0" "$@" - 'local:${at("unread")}'`;
  const run = async (input: string) => {
    const argv = ["sh", "-c", `${line} ${input}`, ...ECONTEXT, "cp", "--python", PYTHON];
    await using child = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    return [await child.stderr.text(), await child.exited];
  };
  expect(await run("<&-")).toEqual(["econtext: standard input is closed\n", 1]);
  expect(await run("</")).toEqual(["econtext: standard input is a folder\n", 1]);
  expect(await run(`0>'${at("written")}'`)).toEqual([
    "econtext: standard input is open for writing only\n",
    1,
  ]);
  expect(existsSync(at("unread"))).toBe(false);
});

test("a signal in the middle: the old file, and nothing besides", async () => {
  mkdirSync(at("kept"));
  writeFileSync(at("kept/zero"), "old");
  await using child = start(["cp", "--python", PYTHON, "local:/dev/zero", at("kept")]);
  await child.exited;
  expect(readdirSync(at("kept"))).toEqual(["zero"]);
  const big = at("big");
  await Bun.write(big, new Uint8Array(256 << 20));
  const to = at("kept/zero");
  await using second = start(["cp", "--python", PYTHON, big, `local:${to}`]);
  while (!readdirSync(at("kept")).some((name) => name.startsWith(".zero"))) await Bun.sleep(1);
  second.kill("SIGINT");
  await second.exited;
  expect(readdirSync(at("kept"))).toEqual(["zero"]);
  expect(readFileSync(to, "utf8")).toBe("old");
});

test("what makes no sense is refused, and a connection that fails is 255", async () => {
  for (const words of [[], ["a"], ["a", "b"], ["-", "a", "local:b"], ["", "local:b"]]) {
    expect((await cp(...words)).status).toBe(2);
  }
  const lost = await cp("--ssh", "false", "nowhere:a", `local:${at("x")}`);
  expect(lost.stderr).toStartWith("nowhere: ");
  expect(lost.status).toBe(255);
  // Of two that are not connected yet, the closing line names the one that failed.
  const half = await cp("--ssh", "false", `local:${at("a")}`, "nowhere:x");
  expect(half.stderr).toMatch(
    /^nowhere: .*\n1 ok; 1 failed: nowhere \(no interpreter came up\)\n$/,
  );
});

test("to several; one that is not there does not stop the others", async () => {
  for (const name of ["several", "plain"]) mkdirSync(at(name));
  expect(await cp("-r", at("tree"), `local,local:${at("several")}`)).toEqual(QUIET);
  expect(readdirSync(at("several"))).toEqual(["tree"]);
  const some = await cp("--ssh", "false", at("a"), at("b"), `web1,local:${at("plain")}`);
  expect(some.stderr).toMatch(/^web1: .*\n1 ok; 1 failed: web1 \(no interpreter came up\)\n$/);
  expect([some.stdout, some.status]).toEqual(["", 255]);
  expect(readdirSync(at("plain")).sort()).toEqual(["a", "b"]);
  const args = [...ECONTEXT, "cp", "--ssh", "false", "-", `web1,local:${at("plain/input")}`];
  const { exitCode } = Bun.spawnSync(args, { stdin: new Blob(["x".repeat(3 << 20)]) });
  expect(exitCode).toBe(255);
  expect(readFileSync(at("plain/input"), "utf8")).toBe("x".repeat(3 << 20));
});

test("between two: the destination's copy failed too, and one line says why", async () => {
  const problem = `local/local: ${at("absent")}: No such file or directory`;
  const words = [`local/local:${at("absent")}`, `local:${at("nothing")}`];
  const { stderr } = await cp(...words);
  expect(stderr).toBe(`${problem}\n2 failed: local,local/local (copy failed)\n`);
  const { stdout, status } = await cp("--json", ...words);
  const records = stdout.trimEnd().split("\n");
  for (const record of records) {
    expect(JSON.parse(record)).toMatchObject({ ok: false, error: { message: problem } });
  }
  expect([records.length, status]).toEqual([2, 1]);
  const source = await cp(`local/local:${at("a")}`, `local:${at("none/x")}`);
  expect(source.stderr).toEndWith("\n1 ok; 1 failed: local (copy failed)\n");
});

test("from several, into a folder for each", async () => {
  const fetched = await cp("--by-host", "--ssh", "false", `web1,local:${at("[ab]")}`, at("hosts"));
  expect(fetched.stderr).toMatch(/^web1: .*\n1 ok; 1 failed: web1 \(no interpreter came up\)\n$/);
  expect(readdirSync(at("hosts"))).toEqual(["local"]);
  expect(readdirSync(at("hosts/local")).sort()).toEqual(["a", "b"]);
});

test("sources of the same name are refused, also where a pattern stands for them", async () => {
  for (const name of ["p/1", "p/2", "into"]) mkdirSync(at(name), { recursive: true });
  for (const name of ["p/1/same", "p/2/same", "p/2/other"]) writeFileSync(at(name), name);
  const { stderr, status } = await cp(`local:${at("p/*/*")}`, at("into"));
  const problem = "another source has the same name: nothing is copied";
  expect(stderr).toBe(
    ["p/1/same", "p/2/same"].map((name) => `local: ${at(name)}: ${problem}\n`).join(""),
  );
  expect(status).toBe(1);
  expect(readdirSync(at("into"))).toEqual([]);
});
