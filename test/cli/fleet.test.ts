/** Several targets: each way to show their results, and how they are worked on. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "../helpers/skip.ts";
import { missingTmux, Tmux } from "../repl/tmux.ts";
import { ECONTEXT, econtextIn, PYTHON, type Run } from "./econtext.ts";
import { wrongIn } from "./schema.ts";

setDefaultTimeout(90_000);

let dir: string;

/** Targets that are this machine, each with a name of its own, and some that are broken. */
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "econtext-fleet-"));
  const names = ["web1", "web2", "web3", "db1"];
  const own = names.map(
    (name) => `[transports.${name}]\nargv = ["env", "NAME=${name}", "{command}"]\n`,
  );
  writeFileSync(join(dir, "econtext.toml"), own.join(""));
});
afterAll(() => rmSync(dir, { recursive: true }));

const WEBS = ["web1", "web2", "web3"];

function run(command: string, ...args: string[]): Promise<Run> {
  return econtextIn(dir, command, "--python", PYTHON, "--ssh", "false", ...args);
}

function records(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("--group", () => {
  test("one piece for each target, in the order in which they were given", async () => {
    // The first one ends last.
    const script = "[ $NAME != web1 ] || sleep 1; echo $NAME; echo to $NAME >&2";
    const { stdout, stderr, status } = await run(
      "exec",
      "--group",
      ...WEBS,
      "--",
      "sh",
      "-c",
      script,
    );
    expect(stdout).toBe("==> web1 <==\nweb1\n==> web2 <==\nweb2\n==> web3 <==\nweb3\n");
    expect(stderr).toBe(WEBS.map((name) => `==> ${name}, stderr <==\nto ${name}\n`).join(""));
    expect(status).toBe(0);
  });

  test("a target that cannot be reached has its heading, too", async () => {
    const { stdout, stderr, status } = await run(
      "exec",
      "--group",
      "gone",
      "web1",
      "--",
      "echo",
      "a",
    );
    expect(stdout).toBe("==> web1 <==\na\n");
    expect(stderr).toMatch(
      /^==> gone: no interpreter came up <==\ngone: .*\n1 ok; 1 failed: gone \(no interpreter came up\)\n$/,
    );
    expect(status).toBe(255);
  });
});

describe("--fold", () => {
  test("equal output once, the largest group first", async () => {
    const script = "[ $NAME = db1 ] && echo other || echo same";
    const { stdout, status } = await run(
      "exec",
      "--fold",
      "db1",
      ...WEBS,
      "--",
      "sh",
      "-c",
      script,
    );
    expect(stdout).toBe("==> web[1-3] (3) <==\nsame\n==> db1 <==\nother\n");
    expect(status).toBe(0);
  });

  test("how a command ended, and its stderr, tell groups apart", async () => {
    const script = "[ $NAME != web2 ] || exit 7; [ $NAME != web3 ] || echo no >&2";
    const { stdout, stderr, status } = await run(
      "exec",
      "--fold",
      ...WEBS,
      "--",
      "sh",
      "-c",
      script,
    );
    expect(stdout).toBe("==> web1 <==\n==> web2: exit 7 <==\n");
    expect(stderr).toBe("==> web3, stderr <==\nno\n2 ok; 1 failed: web2 (exit 7)\n");
    expect(status).toBe(7);
  });

  test("--diff shows how the others differ from the largest group", async () => {
    const script = "echo a; [ $NAME = db1 ] && echo x || echo b; echo c";
    const { stdout } = await run(
      "exec",
      "--fold",
      "--diff",
      ...WEBS,
      "db1",
      "--",
      "sh",
      "-c",
      script,
    );
    expect(stdout).toBe(
      "==> web[1-3] (3) <==\na\nb\nc\n==> db1 <==\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n",
    );
  });

  test("--diff keeps bytes that are no UTF-8: they are no other such bytes", async () => {
    const script = "echo a; [ $NAME = db1 ] && printf '\\377\\n' || printf '\\376\\n'";
    const args = ["exec", "--python", PYTHON, "--fold", "--diff", "web1", "web2", "db1", "--"];
    const argv = [...ECONTEXT, ...args, "sh", "-c", script];
    await using child = Bun.spawn(argv, { cwd: dir, stdin: "ignore", stdout: "pipe" });
    const text = Buffer.from(await child.stdout.bytes()).toString("latin1");
    expect(text).toBe(
      "==> web[1-2] (2) <==\na\n\xfe\n==> db1 <==\n@@ -1,2 +1,2 @@\n a\n-\xfe\n+\xff\n",
    );
  });

  test("equal values of calls", async () => {
    const args = ["os.environ.get", "NAME"];
    const { stdout } = await run("call", "--fold", "web1,web2", ...args);
    expect(stdout).toBe("==> web1 <==\nweb1\n==> web2 <==\nweb2\n");
    const same = await run("call", "--fold", "web1,web2", "sorted", "[3, 1]");
    expect(same.stdout).toBe("==> web[1-2] (2) <==\n[1,3]\n");
    const failed = await run("call", "--fold", "web1,web2", "int", "=x");
    expect(failed.stderr).toMatch(/^==> web\[1-2\] \(2\): ValueError <==\n/);
    expect(failed.stderr).toEndWith("\n2 failed: web[1-2] (ValueError)\n");
  });
});

describe("ping", () => {
  test("--fold shows once what answers alike, without what differs", async () => {
    const { stdout, stderr, status } = await run("ping", "--fold", ...WEBS, "gone");
    expect(stdout).toMatch(/^==> web\[1-3\] \(3\) <==\npython 3[.\d]+, \S+\n$/);
    expect(stderr).toEndWith("\n3 ok; 1 failed: gone (no interpreter came up)\n");
    expect(status).toBe(255);
  });

  test("--group shows the hops of each target below its name, --outdir in its file", async () => {
    const answer = String.raw`python 3[.\d]+, pid \d+, \S+, connected in [.\d]+ ms, round trip [.\d]+ ms\n`;
    const grouped = await run("ping", "--group", "web1/local", "web2");
    expect(grouped.stdout).toMatch(
      new RegExp(
        `^==> web1/local <==\nweb1: ${answer}web1/local: ${answer}==> web2 <==\nweb2: ${answer}$`,
      ),
    );
    const out = join(dir, "pings");
    expect(await run("ping", "--outdir", out, "web1", "web2")).toMatchObject({ stdout: "" });
    expect(readFileSync(join(out, "web2.stdout"), "utf8")).toMatch(new RegExp(`^web2: ${answer}$`));
  });
});

describe("--json", () => {
  test("a record for each target, of exec, call, ping and cp", async () => {
    const exec = await run(
      "exec",
      "--json",
      "web1",
      "gone",
      "--",
      "sh",
      "-c",
      "echo o; echo e >&2; exit 3",
    );
    const call = await run("call", "--json", "web1", "gone", "--", "len", "ab");
    const values = await run("call", "--json", "web1", "web2", "--", "iter", "[1, 2]");
    const ping = await run("ping", "--json", "web1", "gone");
    const cp = await run("cp", "--json", join(dir, "econtext.toml"), `web1,gone:${dir}/copy`);
    for (const { stdout } of [exec, call, values, ping, cp]) {
      for (const record of records(stdout)) expect(wrongIn(record)).toEqual([]);
    }
    const named = (name: string) => records(exec.stdout).find(({ target }) => target === name);
    const [gone, web1] = [named("gone"), named("web1")];
    expect(web1).toMatchObject({
      target: "web1",
      ok: false,
      status: 3,
      stdout: "o\n",
      stderr: "e\n",
    });
    expect(gone).toMatchObject({ ok: false, status: 255, error: { code: "ERR_BOOTSTRAP_FAILED" } });
    expect(records(call.stdout)).toContainEqual(
      expect.objectContaining({ target: "web1", value: 2 }),
    );
    expect(
      records(ping.stdout)
        .map(({ ok }) => ok)
        .sort(),
    ).toEqual([false, true]);
    expect(
      records(cp.stdout)
        .map(({ status }) => status)
        .sort(),
    ).toEqual([0, 255]);
    expect([exec.status, call.status, ping.status, cp.status]).toEqual([255, 255, 255, 255]);
  });

  test("each failure has a code and a message, whatever failed", async () => {
    const missing = join(dir, "missing");
    const runs = [
      run("exec", "--json", "web1", "--", "false"),
      run("exec", "--json", "web1", "web2", "--", "sh", "-c", "kill -9 $$"),
      run("exec", "--json", "web1", "--", missing),
      run("exec", "--json", "--max-failures", "0", "-j1", "web1", "web2", "--", "false"),
      run("sh", "--json", "-c", "exit 7", "web1", "gone"),
      run("call", "--json", "web1,web2", "int", "=x"),
      run("call", "--json", "--deadline", "0.5", "web1,web2", "time.sleep", "60"),
      run("cp", "--json", missing, `web1,web2:${dir}/copy`),
      run("cp", "--json", `web1:${missing}`, `${dir}/copy`),
      run("cp", "--json", `web1:${missing}`, `web2:${dir}/copy`),
      run("ping", "--json", "gone"),
    ];
    for (const { stdout } of await Promise.all(runs)) {
      const failed = records(stdout).filter(({ ok }) => ok === false);
      expect(failed.length).toBeGreaterThan(0);
      expect(failed.flatMap((record) => wrongIn(record))).toEqual([]);
      for (const { error } of failed) {
        const { code, message } = error as Record<string, string>;
        expect(code).toMatch(/^ERR_[A-Z_]+$/);
        expect(message).not.toBe("");
      }
    }
  });

  test("output that is no UTF-8 is there in base64, too", async () => {
    const { stdout } = await run("exec", "--json", "web1", "--", "printf", "a\\377");
    expect(records(stdout)).toEqual([
      expect.objectContaining({ stdout: "a\ufffd", stdoutBase64: "Yf8=", stderr: "" }),
    ]);
    expect(wrongIn(records(stdout)[0])).toEqual([]);
  });

  test("the values of a generator are one list", async () => {
    writeFileSync(join(dir, "many.py"), "def numbers():\n    yield 1\n    yield 2\n");
    const { stdout } = await run("call", "--json", "web1,web2", "many.py:numbers");
    for (const record of records(stdout)) expect(record).toMatchObject({ values: [1, 2] });
  });

  test("a single target of exec is a record, too", async () => {
    const { stdout } = await run("exec", "--json", "web1", "--", "echo", "a");
    expect(records(stdout)).toEqual([expect.objectContaining({ ok: true, stdout: "a\n" })]);
  });
});

test("--outdir writes a file for each target and stream", async () => {
  const out = join(dir, "out");
  const script = "echo $NAME; [ $NAME = web2 ] || echo e >&2";
  const { stdout, status } = await run(
    "exec",
    "--outdir",
    out,
    "web1",
    "web2/local",
    "--",
    "sh",
    "-c",
    script,
  );
  expect([stdout, status]).toEqual(["", 0]);
  expect(readdirSync(out).sort()).toEqual(["web1.stderr", "web1.stdout", "web2%2Flocal.stdout"]);
  expect(readFileSync(join(out, "web2%2Flocal.stdout"), "utf8")).toBe("web2\n");
});

describe("the order of the work", () => {
  const stamp = (file: string): string[] => ["--", "sh", "-c", `echo $NAME >>${file}; sleep 0.1`];

  test("-j 1 takes the targets in turn, and each gets all of standard input", async () => {
    const argv = [...ECONTEXT, "exec", "--python", PYTHON, "-j1", ...WEBS, "--", "wc", "-c"];
    await using child = Bun.spawn(argv, {
      cwd: dir,
      stdin: new Blob(["x".repeat(5000)]),
      stdout: "pipe",
    });
    expect(await child.stdout.text()).toBe("web1: 5000\nweb2: 5000\nweb3: 5000\n");
    expect(await child.exited).toBe(0);
  });

  test("--serial begins a batch when the one before has ended", async () => {
    const file = join(dir, "serial");
    await run("exec", "--serial", "1", ...WEBS, "db1", ...stamp(file));
    expect(readFileSync(file, "utf8")).toBe("web1\nweb2\nweb3\ndb1\n");
  });

  test("--max-failures begins no further target", async () => {
    const args = ["--max-failures", "0", "-j", "1", "web1", "web2", "web3", "--"];
    const { stderr, status } = await run("exec", ...args, "sh", "-c", "exit 4");
    expect(stderr).toBe("web1: exit status 4\n1 failed: web1 (exit 4); 2 not begun\n");
    expect(status).toBe(4);
  });

  test("--joblog is read by --resume and --resume-failed", async () => {
    const file = join(dir, "joblog");
    const fails = ["--", "sh", "-c", "[ $NAME != web2 ]"];
    const first = await run("exec", "--joblog", file, ...WEBS, ...fails);
    expect(first.status).toBe(1);
    const [header = "", ...lines] = readFileSync(file, "utf8").trimEnd().split("\n");
    expect(header).toBe(
      "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand",
    );
    const ends = lines
      .map((line) => line.split("\t"))
      .map((all) => [all[0], all[1], all[6], all[8]]);
    const of = (target: string) => `exec ${target} -- sh -c '[ $NAME != web2 ]'`;
    expect(ends.sort()).toEqual([
      ["1", "web1", "0", of("web1")],
      ["2", "web2", "1", of("web2")],
      ["3", "web3", "0", of("web3")],
    ]);
    const failed = ["--joblog", file, "--resume-failed", ...WEBS];
    const again = await run("exec", ...failed, "--", "sh", "-c", "echo $NAME");
    expect(again.stdout).toBe("web2: web2\n");
    const rest = await run("exec", "--joblog", file, "--resume", ...WEBS, "--", "echo", "a");
    expect([rest.stdout, rest.status]).toEqual(["", 0]);
  });
});

test("--plan prints what would be done, and starts nothing", async () => {
  const { stdout, status } = await run(
    "exec",
    "--plan",
    "-j",
    "1",
    "web1/sudo:root",
    "web2",
    "--",
    "touch",
    join(dir, "made"),
  );
  expect(stdout).toContain(
    "target    web1/sudo:root\nhop       web1\nruns      env NAME=web1 BOOTSTRAP\n",
  );
  expect(stdout).toContain(`command   ["touch","${dir}/made"]\n`);
  expect(stdout).toContain(
    "window    1 at the same time\n          1 at most: --jobs\nNothing was started.\n",
  );
  expect(status).toBe(0);
  expect(readdirSync(dir)).not.toContain("made");
});

test("options that contradict each other", async () => {
  const out = join(dir, "contradicted");
  const rows = [
    [["--group", "--fold"], "--group and --fold: give one of them"],
    [["--diff"], "--diff needs --fold"],
    [["--resume"], "--resume needs --joblog FILE"],
    [["-j", "0"], "--jobs 0: must be a number, 1 or more"],
    [["--serial", "200%"], "--serial 200%: must be a share of the targets, up to 100%"],
    [["--connect-deadline", "soon"], "--connect-deadline soon: not a time"],
    [["--outdir", "/dev/null"], "--outdir /dev/null: it is no folder"],
    [["--outdir", out, "web1"], `--outdir ${out}: web1 is named twice, and would have one file`],
    [["--plan", "--json"], "--plan and --json: a plan is text; leave --json out"],
  ] as const;
  for (const [options, problem] of rows) {
    const { stderr, status } = await run("exec", ...options, "web1", "web2", "--", "true");
    expect(stderr).toContain(`econtext exec: ${problem}`);
    expect(status).toBe(2);
  }
});

suite("on a terminal", missingTmux, "tmux", () => {
  test("names are aligned and coloured, a status line shows the state, the end sums up", async () => {
    await using terminal = new Tmux();
    const argv = [...ECONTEXT, "exec", "--python", PYTHON, "web1", "web2/local", "--"].join(" ");
    const script = `cd ${dir}; ${argv} sh -c "echo a; sleep 3"; echo LEFT $?; exec cat`;
    await terminal.open(`exec sh -c '${script}'`);
    await terminal.until(/2 running/);
    const shown = await terminal.until(/LEFT \d+/);
    expect(shown).toMatch(/^web1: {7}a$/m);
    expect(shown).toMatch(/^web2\/local: a$/m);
    expect(shown).toMatch(/^2 ok, in \d\.\d s\nLEFT 0$/m);
  });
});

test("a target of several sets is used once; plain names are taken as they are", async () => {
  const once = await run("exec", "web[1-2]", "web2", "--", "echo", "a");
  expect(once.stdout.trimEnd().split("\n").sort()).toEqual(["web1: a", "web2: a"]);
  const twice = await run("exec", "web1", "web1", "--", "echo", "a");
  expect(twice.stdout).toBe("web1: a\nweb1: a\n");
});
