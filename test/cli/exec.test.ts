import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { ECONTEXT, econtext, local, PYTHON, start } from "./econtext.ts";

const EXEC = ["exec", "--python", PYTHON, "local"];

test("stdout, stderr and the status are the command's", async () => {
  expect(await local("exec", "--", "sh", "-c", "echo out; echo err >&2; exit 7")).toEqual({
    stdout: "out\n",
    stderr: "err\n",
    status: 7,
  });
});

test("the command runs without a shell, and stdin is empty", async () => {
  expect((await local("exec", "--", "echo", "$HOME", "a  b", "*")).stdout).toBe("$HOME a  b *\n");
  expect(await local("exec", "--", "cat")).toEqual({ stdout: "", stderr: "", status: 0 });
});

test("a signal is 128 + N; not found is 127, not executable 126", async () => {
  expect((await local("exec", "--", "sh", "-c", "kill -9 $$")).status).toBe(137);
  expect(await local("exec", "--", "absent-command")).toEqual({
    stdout: "",
    stderr: "local: absent-command: No such file or directory\n",
    status: 127,
  });
  expect((await local("exec", "--", "df -h")).stderr).toBe(
    "local: df -h: No such file or directory; one word with spaces is one program name: " +
      "write -- df -h, or econtext sh -c 'df -h' local\n",
  );
  expect((await local("exec", "--", "a | b")).stderr).toEndWith(
    "write econtext sh -c 'a | b' local\n",
  );
  expect((await local("exec", "--", "/etc/passwd")).status).toBe(126);
});

test("bytes arrive as they are, all of them", async () => {
  const code = "import os,sys,hashlib\nd=bytes(bytearray(range(256)))*65536\n";
  const write = `${code}os.write(2,hashlib.md5(d).hexdigest().encode())\nwhile d: d=d[os.write(1,d):]`;
  await using child = start([...EXEC, "--", PYTHON, "-c", write]);
  const [bytes, sum] = await Promise.all([child.stdout.bytes(), child.stderr.text()]);
  expect(bytes.length).toBe(256 * 65536);
  expect(createHash("md5").update(bytes).digest("hex")).toBe(sum);
});

test("several targets run together; each line has its name, the status is the highest", async () => {
  const command = ["--", "sh", "-c", "printf 'a\\nb'; echo e >&2; exit 3"];
  const run = await econtext("exec", "--python", PYTHON, "local", "local/local", ...command);
  // Each in its own order; the two among each other as they come.
  const lines = run.stdout.split("\n").filter(Boolean);
  const other = "local/local";
  expect(lines.sort()).toEqual([`${other}: a`, `${other}: b`, "local: a", "local: b"]);
  const said = run.stderr.split("\n").filter(Boolean);
  const [failed] = said.slice(-1);
  expect(failed).toBe(`2 failed: local,${other} (exit 3)`);
  const each = ["local", other].flatMap((name) => [`${name}: e`, `${name}: exit status 3`]);
  expect(said.slice(0, -1).sort()).toEqual(each.sort());
  expect(run.status).toBe(3);
});

test("a reader that goes away ends the command, quietly", async () => {
  await using child = start([...EXEC, "--", "yes"]);
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  expect(await child.stderr.text()).toBe("");
  await child.exited;
  expect(child.exitCode).toBe(141);
});

test("a reader that does not read slows the command down", async () => {
  const count = 'i=0; while head -c 1048576 /dev/zero; do i=$((i+1)); echo "$i" >&2; done';
  // A shell's pipe: Bun would read one of its own whether anybody wants it or not.
  const pipeline = ["sh", "-c", '"$@" | sleep 1', "sh"];
  await using child = Bun.spawn([...pipeline, ...ECONTEXT, ...EXEC, "--", "sh", "-c", count], {
    stdin: "ignore",
    stderr: "pipe",
  });
  const counted = (await child.stderr.text()).trimEnd().split("\n");
  expect(counted.length).toBeLessThan(32);
});

test("a deadline kills the command and its children", async () => {
  const run = await local("exec", "--deadline", "0.5", "--", "sh", "-c", "sleep 100 | cat");
  expect(run.stdout).toBe("");
  expect(run.stderr).toMatch(/^local: no result within 500 ms; it is cancelled\n {2}try: a longer/);
  expect(run.status).toBe(124);
});

test("several targets: a line of a mebibyte stays whole, a longer one is cut with a mark", async () => {
  const line = (bytes: number) => `head -c ${bytes} /dev/zero | tr '\\0' x; echo`;
  const script = `${line(300_000)}; ${line(1 << 20)}; ${line((1 << 20) + 5)}; printf end`;
  const run = await econtext(
    "exec",
    "--python",
    PYTHON,
    "local",
    "local/local",
    "--",
    "sh",
    "-c",
    script,
  );
  const lines = run.stdout.trimEnd().split("\n");
  const lengths = lines.map((text) =>
    text.replace(/^(?:local\/)?local: (x*)/, (_, xs) => `${xs.length}`),
  );
  const expected = ["300000", "1048576", "1048576 [... 5 more bytes]", "0end"];
  expect(lengths.sort()).toEqual([...expected, ...expected].sort());
});

test("an environment without PATH", async () => {
  const argv = [...ECONTEXT, "exec", "local", "--", "sh", "-c", "echo it"];
  const { stdout, stderr } = Bun.spawnSync(argv, { env: {}, stdin: "ignore" });
  expect([stdout.toString(), stderr.toString()]).toEqual(["it\n", ""]);
});

test("several targets: one that is not there is named, with the reason, in a line", async () => {
  const argv = ["exec", "--ssh", "false", "--python", PYTHON, "local", "web1", "--", "echo", "it"];
  const { stdout, stderr, status } = await econtext(...argv);
  expect(stdout).toBe("local: it\n");
  expect(stderr).toMatch(/^web1: .*\n1 ok; 1 failed: web1 \(no interpreter came up\)\n$/);
  expect(status).toBe(255);
  const json = await econtext(
    "exec",
    "--log-format",
    "json",
    "--ssh",
    "false",
    "web1",
    "--",
    "true",
  );
  expect(JSON.parse(json.stderr)).toMatchObject({ level: "error", context: "web1" });
});

test("a folder that is missing is named, and not taken for the command", async () => {
  const run = await econtext(...EXEC.slice(0, -1), "--cwd", "/absent", "local", "--", "pwd");
  expect(run.stderr).toBe("local: --cwd /absent: No such file or directory\n");
  expect(run.status).toBe(126);
});

test("a standard output that is closed is an error", async () => {
  const closed = (...words: string[]) => {
    const line = [...ECONTEXT, ...words].map((word) => `'${word}'`).join(" ");
    const { stderr, exitCode } = Bun.spawnSync(["sh", "-c", `${line} >&-`], { stdin: "ignore" });
    return [stderr.toString(), exitCode];
  };
  const refused = ["econtext: standard output is closed\n", 1];
  expect(closed(...EXEC, "--", "echo", "it")).toEqual(refused);
  expect(closed(...EXEC, "--", "true")).toEqual(["", 0]);
  for (const words of [["--help"], ["-V"]]) expect(closed(...words)).toEqual(refused);
});
