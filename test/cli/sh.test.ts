/** `econtext sh`: how a script reaches the shell, on every kind. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bun, NODES, nodeOf } from "../helpers/javascripts.ts";
import { pythons } from "../helpers/pythons.ts";
import { writeScript } from "../helpers/scripts.ts";
import { ECONTEXT, type Run } from "./econtext.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "econtext-sh-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Plan {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

async function run(args: readonly string[], { input = "", env = {} }: Plan = {}): Promise<Run> {
  await using child = Bun.spawn([...ECONTEXT, "sh", ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdin: new Blob([input]),
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return { stdout, stderr, status: child.exitCode };
}

const [oldPython, newPython] = [pythons()[0]?.path, pythons().at(-1)?.path ?? "python3"];
const KINDS: readonly (readonly [name: string, option: string, path: string | undefined])[] = [
  ["the oldest Python", "--python", oldPython],
  ["the newest Python", "--python", newPython],
  ["Node.js", "--node", nodeOf(NODES[0]).missing === undefined ? nodeOf(NODES[0]).path : undefined],
  ["Bun", "--bun", bun().path],
];

describe.each(KINDS)("%s", (_name, option, path) => {
  test.if(path !== undefined)("a large script and its input, each to its last byte", async () => {
    const filler = `# ${"filler ".repeat(10)}\n`.repeat(7000);
    writeFileSync(join(folder, "large.sh"), `${filler}wc -c; echo "$0 $*"`);
    const input = "x".repeat(300_001);
    const args = [option, path ?? "", "local", "--", "large.sh", "a b"];
    expect(await run(args, { input })).toEqual({
      stdout: "300001\nlarge.sh a b\n",
      stderr: "",
      status: 0,
    });
    const asInput = await run([option, path ?? "", "local"], { input: `${filler}echo end` });
    expect(asInput.stdout).toBe("end\n");
  });
});

test("where dd cannot read full blocks, nothing is lost", async () => {
  const real = Bun.which("dd") ?? "dd";
  const refuse = 'for word; do case $word in iflag=*) echo "bad operand" >&2; exit 1;; esac; done';
  writeScript(join(folder, "dd"), `${refuse}\nexec ${real} "$@"`);
  writeFileSync(join(folder, "small.sh"), "cat; echo end\n");
  const env = { PATH: `${folder}:${process.env["PATH"]}` };
  const { stdout, stderr } = await run(["--python", newPython, "local", "small.sh"], {
    input: "input\n",
    env,
  });
  expect([stdout, stderr]).toEqual(["input\nend\n", ""]);
});

test("a script that cannot be read is no empty script", async () => {
  const run = async (input: string) => {
    const argv = ["sh", "-c", `"$@" ${input}`, "sh", ...ECONTEXT, "sh", "local"];
    await using child = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    return [await child.stderr.text(), await child.exited];
  };
  expect(await run("<&-")).toEqual(["econtext: standard input is closed\n", 1]);
  expect(await run("</")).toEqual(["econtext: standard input is a folder\n", 1]);
});

test("a text in place of a file, its arguments, its folder and its environment", async () => {
  const script = 'pwd; echo "$0 $1 $ONE"; cat';
  const options = ["--python", newPython, "--cwd", "/usr", "--env", "ONE=1"];
  const run1 = await run(["-c", script, ...options, "local", "--", "a b"], { input: "input\n" });
  expect(run1).toEqual({ stdout: "/usr\nsh a b 1\ninput\n", stderr: "", status: 0 });
  const silent = await run(["-n", "-c", "cat", "--python", newPython, "local"], { input: "no\n" });
  expect(silent.stdout).toBe("");
  const lost = await run(["-c", "pwd", "--cwd", "/absent", "--python", newPython, "local"]);
  expect(lost.stderr).toBe("local: --cwd /absent: No such file or directory\n");
});
