/**
 * A table of commands, each run twice: with what `econtext up` keeps, and without. What they print,
 * read and end with must be the same to the byte.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "../helpers/skip.ts";
import { missingSshd } from "../helpers/sshd.ts";
import { type Finished, type RunOptions, Scene } from "./scene.ts";

setDefaultTimeout(180_000);

const MAX_TRIES = 5;
const LATE =
  /^econtext: not used: the process that keeps connections \(pid N\) (?:was late|does not answer)/m;

const T = "TARGET";
const sh = (script: string, ...more: string[]) => ["exec", T, "--", "sh", "-c", script, ...more];

/**
 * Rows: arguments, and what is special of a run. `own`: the command's own process must run it.
 * `made`: a file or a folder that it makes. HERE stands for the folder of the run.
 */
type Row = readonly [
  name: string,
  args: readonly string[],
  options?: RunOptions & { readonly own?: boolean; readonly made?: string },
];
const ROWS: readonly Row[] = [
  ["output", sh("echo out; echo err >&2")],
  ["a status", sh("exit 7")],
  ["a signal", sh("kill -9 $$")],
  ["SIGTERM", sh("kill $$")],
  ["not found", ["exec", T, "--", "absent-command"]],
  ["not executable", ["exec", T, "--", "/etc/passwd"]],
  ["one word", ["exec", T, "--", "df -h"]],
  ["input", ["exec", T, "--", "cat"], { input: "one\ntwo\n" }],
  ["much input", ["exec", T, "--", "cksum"], { input: "0123456789abcdef".repeat(200_000) }],
  ["much output", sh("yes | head -c 3000000 | cksum; yes | head -c 3000000")],
  ["input from a pipe", ["sh", "-c", "cat; cat > /dev/null", T], { input: "piped\n", pipe: true }],
  [
    "much input from a pipe",
    ["exec", T, "--", "cksum"],
    { input: "ab".repeat(90_000), pipe: true },
  ],
  ["no input", ["exec", "-n", T, "--", "cat"], { input: "one" }],
  ["no reader of the input", sh("exec <&-; echo done"), { input: "x".repeat(500_000) }],
  ["a folder", ["exec", "--cwd", "/usr", T, "--", "pwd"]],
  ["no such folder", ["exec", "--cwd", "/absent", T, "--", "pwd"]],
  ["a variable", ["exec", "--env", "X=a b", T, "--", "sh", "-c", "echo $X"]],
  ["the environment", sh("env | grep -v ^SSH_ | grep -v ^_= | sort")],
  ["limits, mask, folder, groups", sh("ulimit -a; umask; pwd; id; nice")],
  ["descriptors", sh("ls /proc/self/fd | wc -l")],
  ["signals that are ignored", sh("grep Sig[BIC] /proc/self/status")],
  ["process group", sh("[ $(ps -o pgid= -p $$) != $$ ] && echo other; ps -o tty= -p $$")],
  ["a deadline", ["exec", "--deadline", "5", T, "--", "sleep", "60"]],
  ["a set", ["exec", "--group", "target[1-2]", "--", "echo", "hi"], { own: true }],
  ["a list of targets", ["exec", `${T},${T}`, "--", "sh", "-c", "exit 3"]],
  ["a kind", ["exec", "--kind", "bun", T, "--", "echo", "hi"]],
  ["a kind that is not there", ["exec", "--node", "/absent/node", T, "--", "true"]],
  ["a script", ["sh", "-c", "echo $0 $#; cat", T, "--", "a", "b"], { input: "in" }],
  ["a script of a file", ["sh", T, "--", "hello.sh", "x"]],
  ["a script from input", ["sh", T], { input: "echo from $0\nexit 4\n" }],
  ["no such script", ["sh", T, "absent.sh"], { own: true }],
  ["a login by rsh", ["rsh", T, "echo", "$0", "a  b"]],
  ["rsh of another port", ["rsh", "-p", "1", T, "true"], { own: true }],
  ["a call", ["call", T, "os.path.join", "a", "b"]],
  ["a call that fails", ["call", T, "json.loads", "{"]],
  ["a call of a file", ["call", T, "tasks.py:twice", "21"]],
  ["a call that prints", ["call", T, "tasks.py:chatty"]],
  ["a generator", ["call", T, "tasks.py:count", "3"]],
  ["a call with JSON", ["call", "--json", T, "tasks.py:twice", "21"]],
  ["no such function", ["call", T, "tasks.py:absent"]],
  ["JavaScript", ["call", T, "tasks.ts:double", "4"]],
  ["JavaScript that throws", ["call", T, "tasks.ts:fails"]],
  ["a file to standard output", ["cp", `${T}:/etc/hostname`, "-"]],
  ["no such file", ["cp", `${T}:/absent`, "-"]],
  ["a file to this machine", ["cp", `${T}:/etc/hostname`, "fetched"], { made: "fetched" }],
  ["a file to no folder", ["cp", `${T}:/etc/hostname`, "absent/file"]],
  ["a folder to this machine", ["cp", "-r", `${T}:HERE/tree`, "back"], { made: "back" }],
  ["two files to a file", ["cp", `${T}:/etc/hostname`, `${T}:/etc/passwd`, "hello.sh"]],
  ["by host", ["cp", "--by-host", `${T}:/etc/hostname`, "hosts"], { made: "hosts" }],
  ["by host into a file", ["cp", "--by-host", `${T}:/etc/hostname`, "hello.sh/hosts"]],
  ["a file of this machine", ["cp", "hello.sh", `${T}:HERE/sent`], { made: "sent" }],
  ["a file by a way up", ["cp", "tree/../hello.sh", `${T}:HERE/sent-up`], { made: "sent-up" }],
  ["a name with a colon", ["cp", "tree/a:b", `${T}:HERE/sent-colon`], { made: "sent-colon" }],
  ["a folder", ["cp", "-r", "tree", `${T}:HERE/sent-tree`], { made: "sent-tree" }],
  ["what is in a folder", ["cp", "-r", "tree/.", `${T}:HERE/sent-in`], { made: "sent-in" }],
  ["a folder without -r", ["cp", "tree", `${T}:HERE/sent-not`]],
  ["files that are absent", ["cp", "absent", "HERE/absent2", "tree/c", `${T}:HERE/to`]],
  ["a file twice", ["cp", "--checksum", "hello.sh", `${T}:HERE/hello.sh`]],
  ["records of files", ["cp", "--json", "absent", "hello.sh", `${T}:HERE/to`]],
  ["/dev/stdin", ["cp", "/dev/stdin", `${T}:HERE/in`], { own: true, input: "in" }],
  ["a link to it", ["cp", "stdin", `${T}:HERE/in`], { own: true, input: "in" }],
  ["a script from it", ["sh", T, "/dev/stdin"], { own: true, input: "echo in\n", pipe: true }],
  ["a script from a folder", ["sh", T], { own: true, redirect: "</" }],
  ["a folder as input", ["cp", "-", `${T}:HERE/in`], { own: true, redirect: "</" }],
  ["a closed input", ["cp", "-", `${T}:HERE/in`], { own: true, redirect: "<&-" }],
  ["an input to write to", ["cp", "-", `${T}:HERE/in`], { own: true, redirect: "0>written" }],
  ["a command with such an input", ["exec", T, "--", "cat"], { own: true, redirect: "0>written" }],
  ["a path behind it", ["exec", `${T}/local`, "--", "echo", "behind"]],
  ["a path that does not exist", ["exec", `${T}/podman:absent`, "--", "true"]],
  ["another target", ["exec", "local", "--", "echo", "here"], { own: true }],
  ["another target besides", ["exec", T, "local", "--", "true"], { own: true }],
  ["an option of ssh", ["exec", "-o", "User=absent", T, "--", "true"], { own: true }],
  ["a wrong option", ["exec", "--kimd", "node", T, "--", "true"], { own: true }],
  ["no command", ["exec", T]],
  ["help", ["exec", "--help"], { own: true }],
  ["debug logs", ["exec", "--log-level", "debug", T, "--", "echo", "hi"]],
  ["JSON logs", ["call", "--log-format", "json", T, "json.loads", "{"]],
];

/** @returns names, modes, times and contents; the files are removed */
function taken(path: string): string {
  const show = `-type f -printf '%P %m %Ts\\n' -o -printf '%P %y %m %l\\n'`;
  const list = `find "$0" ${show} | sort; find "$0" -type f | sort | xargs cat`;
  const { stdout } = Bun.spawnSync(["sh", "-c", list, path], { stdin: "ignore" });
  rmSync(path, { recursive: true, force: true });
  return stdout.toString();
}

/** Stands for what differs from run to run. */
function plain({ stdout, stderr, ...end }: Finished): Finished {
  const one = (text: string): string =>
    text
      .replaceAll(/"time":"[^"]*"/g, '"time":""')
      .replaceAll(/"\w+(?:Ms|At)":[^,}]*/g, '"":0')
      .replaceAll(/^\d\d:\d\d:\d\d/gm, "TIME")
      .replaceAll(/pid \d+/g, "pid N");
  return { stdout: one(stdout), stderr: one(stderr), ...end };
}

suite("with and without econtext up", missingSshd(), "sshd", () => {
  test("commands are the same to the byte", async () => {
    await using scene = await Scene.open();
    const cwd = join(scene.folder, "work");
    mkdirSync(join(cwd, "tree", "sub"), { recursive: true });
    mkdirSync(join(cwd, "to"));
    symlinkSync("/dev/stdin", join(cwd, "stdin"));
    symlinkSync("c", join(cwd, "tree", "link"));
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(cwd, name), text);
    const run = async (row: Row, kept: boolean): Promise<Finished> => {
      const [, args, { own: _, made, ...options } = {}] = row;
      const words = args.map((word) => word.replaceAll(T, scene.host).replaceAll("HERE", cwd));
      const env = { ECONTEXT_UP: kept ? undefined : "off" };
      const finished = await scene.run(words, { ...options, cwd, env });
      return made === undefined ? finished : { ...finished, made: taken(join(cwd, made)) };
    };
    const expected: Finished[] = [];
    const rest = [...ROWS.entries()];
    const runAll = async (): Promise<void> => {
      for (let next = rest.shift(); next !== undefined; next = rest.shift()) {
        expected[next[0]] = await run(next[1], false);
      }
    };
    await Promise.all(Array.from({ length: 6 }, runAll));
    expect(await scene.run(["up", scene.host])).toMatchObject({ stderr: "", status: 0 });
    let served = 0;
    for (const [at, row] of ROWS.entries()) {
      const [name, , { own = false } = {}] = row;
      let finished = plain(await run(row, true));
      // On a busy machine, a command may lose patience with the process, and says so.
      for (let n = 1; n < MAX_TRIES && LATE.test(finished.stderr); n++) {
        finished = plain(await run(row, true));
      }
      expect({ name, ...finished }).toEqual({ name, ...plain(expected[at] as Finished) });
      const [about] = await scene.kept();
      const isUsed = Number(about?.["served"]) > served;
      expect({ name, isUsed }).toEqual({ name, isUsed: !own });
      served = Number(about?.["served"]);
    }
  });
});

const FILES = {
  "tree/a:b": "colon\n",
  "tree/c": "c\n",
  "tree/sub/d": "d\n",
  "hello.sh": 'echo "hello $1 from $0"\n',
  "tasks.py": [
    "import sys",
    "def twice(n): return 2 * n",
    "def count(n):",
    "    for i in range(n): yield i",
    "def chatty():",
    "    print('said'); sys.stderr.write('told\\n')",
    "",
  ].join("\n"),
  "tasks.ts": [
    "export function double(n: number): number { return 2 * n }",
    "export function fails(): never { throw new TypeError('no') }",
    "",
  ].join("\n"),
};
