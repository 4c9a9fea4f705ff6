/** Targets of the command line: sets, groups, files of names and standard input. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ECONTEXT, econtextIn, PYTHON } from "./econtext.ts";

const CONFIGURATION = `
[groups]
web = "web[1-3]"
none = "web1!web1"
[groups.made]
command = "echo 'web[1-2]'"
[targets."web[1-3],db1"]
path = "local"
python = "${PYTHON}"
env = { ROLE = "web", SITE = "a" }
`;

const BROKEN = `[groups.broken]
command = "echo no route to the inventory >&2; exit 3"
`;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "econtext-targets-"));
  writeFileSync(join(folder, "econtext.toml"), CONFIGURATION);
  mkdirSync(join(folder, "broken"));
  writeFileSync(join(folder, "broken/econtext.toml"), BROKEN);
  writeFileSync(join(folder, "hosts.txt"), "web[1-2] # the first\n\n# none\nweb3\n");
  writeFileSync(join(folder, "web.sh"), "echo $0 $1\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]) => econtextIn(folder, ...args);

/** @returns the lines, sorted: targets end in any order */
async function linesOf(...args: string[]): Promise<string[]> {
  const { stdout, stderr, status } = await run(...args);
  expect([stderr, status]).toEqual(["", 0]);
  return stdout.trimEnd().split("\n").sort();
}

test("words are sets, read as one; each target is used once", async () => {
  const echo = ["--", "echo", "x"];
  expect(await linesOf("exec", "web[1-3]", "!web2", "{web,db}1", ...echo)).toEqual([
    ...["db1: x", "web1: x", "web3: x"],
  ]);
  expect(await linesOf("exec", "@web", "!@made", ...echo)).toEqual(["x"]);
  expect(await linesOf("exec", "web*", "--limit", "!*2", ...echo)).toEqual(["web1: x", "web3: x"]);
  expect(await linesOf("call", "local/web[1-2]", "len", "ab")).toEqual([
    ...["local/web1: 2", "local/web2: 2"],
  ]);
});

test("files and standard input hold targets; the command then has no input", async () => {
  expect(await linesOf("exec", "@hosts.txt", "--limit", "web1,web3,x", "--", "echo", "x")).toEqual([
    ...["web1: x", "web3: x"],
  ]);
  expect(await linesOf("call", "--hosts", "hosts.txt", "len", "ab")).toHaveLength(3);
  expect(await linesOf("sh", "--hosts", "hosts.txt", "!web3", "--", "web.sh", "a")).toEqual([
    ...["web1: web.sh a", "web2: web.sh a"],
  ]);
  for (const words of [
    ["-", "db1"],
    ["db1", "--hosts", "-"],
  ]) {
    const args = [...ECONTEXT, "exec", ...words, "--", "sh", "-c", "cat; echo $ROLE"];
    const child = Bun.spawnSync(args, { cwd: folder, stdin: new Blob(["web1\nweb2 # x\n"]) });
    const lines = child.stdout.toString().trimEnd().split("\n");
    expect(lines.sort()).toEqual(["db1: web", "web1: web", "web2: web"]);
  }
});

test("commands have the environment of the target, and their own before it", async () => {
  const command = ["--", "sh", "-c", "echo $ROLE $SITE"];
  expect(await linesOf("exec", "web1", "--env", "SITE=b", ...command)).toEqual(["web b"]);
  expect(await linesOf("sh", "web1", "-c", "echo $SITE")).toEqual(["a"]);
});

test("cp copies to a set, and from one", async () => {
  await linesOf("cp", "hosts.txt", `web[1-3]!web2:${folder}/to-web`);
  expect(readdirSync(folder)).toContain("to-web");
  await linesOf("cp", "--by-host", "--limit", "web2", `@web:${folder}/web.sh`, "from");
  expect(readdirSync(join(folder, "from"))).toEqual(["web2"]);
});

test("ping, bootstrap and repl take sets", async () => {
  expect(await linesOf("ping", "{web,db}1", "--json")).toHaveLength(2);
  expect(await linesOf("bootstrap", "@web", "--json")).toHaveLength(3);
  expect(await linesOf("repl", "@made", "-p", "[typeof web1, typeof web2, typeof web3]")).toEqual([
    ...['["object","object","undefined"]'],
  ]);
});

test("wrong targets are told, before anything starts", async () => {
  for (const [words, problem] of [
    [["@wbe"], "did you mean @web?"],
    [["web[1-3"], '  "web[1-3"\n      ^\n'],
    [["@none"], "no target is left: @none"],
    [[""], "the word for targets is empty"],
    [["@web", "--limit", "db1"], "no target is left by --limit db1"],
    [["--hosts", "absent"], "no such file: --hosts absent"],
    [["-", "-"], "write - once"],
    [[], "a TARGET is missing"],
  ] as const) {
    const { stderr, stdout, status } = await run("exec", ...words, "--", "echo", "started");
    expect(stderr).toContain(problem);
    expect([stdout, status]).toEqual(["", 2]);
  }
  const broken = await econtextIn(join(folder, "broken"), "exec", "a*", "--", "echo");
  expect(broken.stderr).toContain("it ended with status 3\n  no route to the inventory");
  expect(broken.status).toBe(2);
  const script = await run("sh", "-");
  expect(script.stderr).toContain("no target is left");
});
