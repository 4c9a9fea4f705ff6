/** Several targets when something is wrong: with the targets, with where results go, or with us. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../conformance/session.ts";
import { descendants } from "../helpers/leaks.ts";
import { suite } from "../helpers/skip.ts";
import { missingSshd } from "../helpers/sshd.ts";
import { startBrokenHosts } from "./broken-hosts.ts";
import { ECONTEXT, econtextIn, PYTHON, start } from "./econtext.ts";
import { wrongIn } from "./schema.ts";

setDefaultTimeout(120_000);

let dir: string;
const NAMES = ["web1", "web2", "web3", "hangs"];

/** Targets that are this machine, and one that never answers. */
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "econtext-fleet-faults-"));
  const own = NAMES.map((name) => {
    const argv =
      name === "hangs" ? ["sh", "-c", "cat", "{command}"] : ["env", `NAME=${name}`, "{command}"];
    return `[transports.${name}]\nargv = ${JSON.stringify(argv)}\n`;
  });
  writeFileSync(join(dir, "econtext.toml"), own.join(""));
});
afterAll(() => rmSync(dir, { recursive: true }));

const WEBS = ["web1", "web2", "web3"];
const OPTIONS = ["--python", PYTHON, "--ssh", "false"];

describe("ctrl-C", () => {
  /** @returns what is left on the screen when the first output was followed by SIGINT */
  async function interrupted(...args: string[]) {
    await using child = start(["exec", ...OPTIONS, ...args], {}, dir);
    const reader = child.stdout.getReader();
    const first = new TextDecoder().decode((await reader.read()).value);
    child.kill("SIGINT");
    const stderr = await child.stderr.text();
    await child.exited;
    return { first, stderr, how: child.signalCode };
  }

  test("ends what runs, and begins no other target", async () => {
    const script = ["sh", "-c", "echo $NAME; exec sleep 1000"];
    expect(await interrupted("-j1", ...WEBS, "--", ...script)).toEqual({
      first: "web1: web1\n",
      stderr: "web1: SIGINT\n1 failed: web1 (SIGINT); 2 not begun\n",
      how: "SIGINT",
    });
  });

  test("ends the run when what the commands have printed is not read", async () => {
    const fifo = join(dir, "unread");
    const argv = ["exec", ...OPTIONS, "web1", "web2", "--", "yes"];
    await using reader = Bun.spawn(["sh", "-c", `mkfifo '${fifo}'; exec 9<>'${fifo}'; echo; cat`], {
      stdin: "pipe",
      stdout: "pipe",
    });
    await reader.stdout.getReader().read();
    await using child = Bun.spawn(
      ["sh", "-c", `exec "$@" >'${fifo}'`, "sh", ...ECONTEXT, ...argv],
      {
        cwd: dir,
        stderr: "ignore",
      },
    );
    const written = () =>
      descendants(child.pid)
        .filter(({ command }) => command.trim() === "yes")
        .map(({ pid }) => /wchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, "latin1"))?.[1]);
    const standsStill = async () => {
      const before = written();
      await Bun.sleep(500);
      return before.length === 2 && String(before) === String(written());
    };
    expect(await eventually(standsStill)).toBe(true);
    child.kill("SIGINT");
    await child.exited;
    expect(child.signalCode).toBe("SIGINT");
  });

  test("gives up a target that connects, and waits for a command that tidies up", async () => {
    const script = [
      "sh",
      "-c",
      "trap 'kill $!; sleep 0.2; exit 3' INT; sleep 1000 & echo $NAME; wait",
    ];
    expect(await interrupted("web1", "hangs", "--", ...script)).toEqual({
      first: "web1: web1\n",
      stderr: "web1: exit status 3\n2 failed: web1 (exit 3), hangs (cancelled)\n",
      how: "SIGINT",
    });
  });
});

test("--fail-fast cancels what runs, and ends with the status of the failure", async () => {
  const script = "[ $NAME = web1 ] && exit 3; sleep 60";
  const { stderr, status } = await econtextIn(
    dir,
    ...["exec", ...OPTIONS, "--fail-fast", ...WEBS, "--", "sh", "-c", script],
  );
  expect(stderr).toContain("web1: exit status 3\n");
  expect(stderr).toContain("web1 (exit 3)");
  expect(stderr).toContain("(cancelled)");
  expect(status).toBe(3);
});

describe("results that cannot be shown", () => {
  const shell = async (script: string) => {
    const argv = ["sh", "-c", script, ...ECONTEXT, "exec", ...OPTIONS];
    await using child = Bun.spawn(argv, { cwd: dir, stdout: "pipe", stderr: "pipe" });
    return [await child.stderr.text(), await child.exited] as const;
  };
  for (const way of ["", "--group", "--fold", "--fold --diff", "--json"]) {
    test(`end the run with one word: ${way}`, async () => {
      const line = `"$0" "$@" ${way} web1 web2 web3 -- seq 9`;
      const full = "econtext: standard output: ENOSPC: no space left on device, write\n";
      expect(await shell(`${line} >/dev/full`)).toEqual([full, 1]);
      expect(await shell(`${line} >&-`)).toEqual(["econtext: standard output is closed\n", 1]);
      // The reader takes a byte of more than a pipe holds.
      const gone = `{ "$0" "$@" ${way} web1 web2 web3 -- seq 900000; echo $? >&2; } | head -c1`;
      expect(await shell(gone)).toEqual(["141\n", 0]);
    });
  }

  /** No file may be longer than 1 KiB: as a disk that is full. */
  const limited = (line: string) => shell(`trap '' XFSZ; ulimit -f 2; "$0" "$@" ${line}`);

  test("a file of --outdir is named, and the other targets are right", async () => {
    const script = `'[ $NAME = web2 ] && seq 9999 || echo ok'`;
    const [stderr, status] = await limited(`--outdir out ${WEBS.join(" ")} -- sh -c ${script}`);
    expect(stderr).toStartWith("econtext: out/web2.stdout: EFBIG: ");
    expect(stderr).toEndWith("\n2 ok; 1 failed: web2 (exit 1)\n");
    expect(status).toBe(1);
    expect(readFileSync(join(dir, "out/web3.stdout"), "utf8")).toBe("ok\n");
  });

  test("a job log that is full is told once, and can be resumed", async () => {
    const log = join(dir, "log");
    const long = `: ${"x".repeat(700)}; echo $NAME`;
    const [stderr, status] = await limited(`--joblog log ${WEBS.join(" ")} -- sh -c '${long}'`);
    expect(stderr).toMatch(/^job log log: EFBIG: .*; the run goes on; .*\n$/);
    expect(status).toBe(2);
    expect(readFileSync(log, "utf8")).not.toEndWith("\n");
    const args = ["--joblog", "log", "--resume", ...WEBS, "--", "sh", "-c", "echo $NAME"];
    const again = await econtextIn(dir, "exec", ...OPTIONS, ...args);
    expect(again.stderr).toBe("");
    expect(again.stdout.split("\n").length).toBe(3);
    expect(readFileSync(log, "utf8").split("\n").length).toBe(5);
  });
});

test("--outdir keeps no file of an earlier run", async () => {
  const run = (script: string) =>
    econtextIn(
      dir,
      "exec",
      ...OPTIONS,
      "--outdir",
      "old",
      "web1",
      "web2",
      "--",
      "sh",
      "-c",
      script,
    );
  await run("echo a; echo b >&2");
  await run("echo c");
  expect(readdirSync(join(dir, "old")).sort()).toEqual(["web1.stdout", "web2.stdout"]);
});

test("output that is too long is told with the name of its target", async () => {
  const script = "[ $NAME = web2 ] && head -c 20000000 /dev/zero || echo a";
  for (const way of [["--group"], ["--fold"], ["--fold", "--diff"]]) {
    const args = [...way, "web1", "web3", "web2", "--", "sh", "-c", script];
    const { stderr } = await econtextIn(dir, "exec", ...OPTIONS, ...args);
    const lost = 20_000_000 - (16 << 20);
    expect(stderr).toBe(`web2: the output was too long: ${lost} bytes were lost; try: --outdir\n`);
  }
});

const WORK = `case $BROKEN in
dies) kill -9 $PPID; sleep 9 ;;
seven) exit 7 ;;
garbage) : > "$GO"; sleep 9 ;;
full) echo x 2>&1 >/dev/full || exit 28 ;;
esac
echo fine`;

/** Each broken host: its status, the code of its error, and what it is told with. */
const BROKEN: Readonly<Record<string, readonly [status: number, code: string, text?: RegExp]>> = {
  refused: [255, "ERR_TRANSPORT_UNREACHABLE", /Connection refused\n {2}try: check the port/],
  hole: [124, "ERR_DEADLINE_CONNECT", /within 25000 ms; it said nothing/],
  silent: [
    124,
    "ERR_DEADLINE_CONNECT",
    /within 25000 ms; it said nothing\n {2}try: econtext doctor/,
  ],
  "target-key": [255, "ERR_TRANSPORT_HOST_KEY_CHANGED", /try: make sure that it is the right/],
  "target-bare": [255, "ERR_BOOTSTRAP_NO_INTERPRETER", /try: install Python 3, Bun or Node.js/],
  "target-noise": [255, "ERR_BOOTSTRAP_NOISE", /^.{1,600}\n {2}try: make the login shell's/s],
  "target-ends": [255, "ERR_BOOTSTRAP_FAILED", /said: This account is not available/],
  "target-hangs": [124, "ERR_DEADLINE_CONNECT", /try: econtext doctor/],
  "target-dies": [255, "ERR_DISCONNECT_LOST", /the far side ended \(killed by SIGKILL/],
  "target-garbage": [255, "ERR_PROTOCOL_FRAME", /not a frame: .*\n {2}try: find what else/],
  "target-seven": [7, "ERR_SHELL_STATUS", /^target-seven: exit status 7$/],
  "target-full": [28, "ERR_SHELL_STATUS"],
};

suite("a hundred hosts by ssh", missingSshd(), "sshd", () => {
  /** By the embedded ssh with fewer hosts: what it costs is nothing that breaks. */
  const engines = [
    ["spawned", 100],
    ["embedded", 30],
  ] as const;
  const told = "the others are right, and those that are broken are each named with why, by an ssh";
  test.concurrent.each(engines)(`${told} that is %s`, async (engine, count) => {
    const own = join(dir, engine);
    mkdirSync(own);
    await using hosts = await startBrokenHosts(own, Object.keys(BROKEN), "asked");
    const { config } = hosts;
    const broken = Object.keys(BROKEN);
    const good = `target[01-${count - broken.length}]`;
    const ssh = engine === "embedded" ? ["--ssh", engine, "--log-level", "warning"] : [];
    const args = ["--json", ...ssh, "-F", config, "--connect-deadline", "25", good];
    const words = ["--deadline", "30", ...broken, "--", "sh", "-c", WORK];
    const began = performance.now();
    const { stdout, stderr, status } = await econtextIn(dir, "exec", "-n", ...args, ...words);
    expect(performance.now() - began).toBeLessThan(100_000);
    const lines = stdout.trimEnd().split("\n");
    const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(records.flatMap((record) => wrongIn(record))).toEqual([]);
    const fine = records.filter(({ ok }) => ok === true);
    expect(fine.map((record) => record["stdout"])).toEqual(
      Array(count - broken.length).fill("fine\n"),
    );
    for (const [target, [exit, code, text = /./]] of Object.entries(BROKEN)) {
      const record = records.find((one) => one["target"] === target);
      const error = (record?.["error"] ?? {}) as { code?: string; message?: string };
      expect([target, record?.["status"], error.code]).toEqual([target, exit, code]);
      expect(error.message).toMatch(text);
    }
    expect(stderr).toStartWith(`${fine.length} ok; ${broken.length} failed: `);
    expect(status).toBe(255);
  });
});
