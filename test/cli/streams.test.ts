/** What flows through `econtext exec` and `econtext sh`: standard input, signals, scripts. */
import { describe, expect, test } from "bun:test";
import { closeSync, mkdtempSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openNonBlocking } from "../../src/io/fd.ts";
import { makePipe } from "../../src/io/libc.ts";
import { eventually, isCommandRunning, uniqueSeconds } from "../conformance/session.ts";
import { pattern } from "../helpers/random.ts";
import { ECONTEXT, PYTHON, type Run } from "./econtext.ts";

const LOCAL = ["--python", PYTHON, "local"];

function start(args: readonly string[], stdin: Uint8Array | "ignore") {
  return Bun.spawn([...ECONTEXT, ...args], { stdin, stdout: "pipe", stderr: "pipe" });
}

function open(args: readonly string[]) {
  return Bun.spawn([...ECONTEXT, ...args], { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
}

async function run(args: readonly string[], stdin: string | Uint8Array = ""): Promise<Run> {
  await using child = start(args, new Uint8Array(Buffer.from(stdin)));
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return { stdout, stderr, status: child.exitCode };
}

describe("standard input", () => {
  test("is the command's, byte for byte, and so is its end", async () => {
    const bytes = new Uint8Array(3 << 20);
    for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7 + (i >> 8)) & 255;
    const sum = new Bun.CryptoHasher("md5").update(bytes).digest("hex");
    const { stdout, status } = await run(["exec", ...LOCAL, "--", "md5sum"], bytes);
    expect([stdout, status]).toEqual([`${sum}  -\n`, 0]);
  });

  test("of a file begins where the last reader has stopped", async () => {
    const folder = mkdtempSync(join(tmpdir(), "econtext-input-"));
    const file = join(folder, "script");
    writeFileSync(file, "echo one\necho two\n");
    const read = (args: string): string => {
      const line = `{ dd bs=1 count=9 status=none; "$@" ${args}; } < ${file}`;
      const { stdout } = Bun.spawnSync(["sh", "-c", line, "sh", ...ECONTEXT]);
      return stdout.toString();
    };
    const on = LOCAL.join(" ");
    expect(read(`exec ${on} -- cat`)).toBe("echo one\necho two\n");
    expect(read(`exec -j1 ${on} local -- cat`)).toBe(
      "echo one\nlocal: echo two\nlocal: echo two\n",
    );
    expect(read(`sh ${on}`)).toBe("echo one\ntwo\n");
    rmSync(folder, { recursive: true });
  });

  test.if(process.platform === "linux")("that does not block is waited for", async () => {
    const [end, write] = makePipe() as readonly [number, number];
    const stdin = openNonBlocking(end, "read") as number;
    await using child = Bun.spawn([...ECONTEXT, "exec", ...LOCAL, "--", "wc", "-c"], {
      stdin,
      stdout: "pipe",
    });
    for (let round = 0; round < 4; round++) {
      await Bun.sleep(100);
      writeSync(write, pattern(1000));
    }
    for (const fd of [end, write, stdin]) closeSync(fd);
    expect(await child.stdout.text()).toBe("4000\n");
  });

  const kinds = [
    ["python", ["--python", PYTHON]],
    ["bun", ["--kind", "bun", "--bun", process.execPath]],
  ] as const;
  for (const [kind, options] of kinds) {
    test(`from a pipe and from a file, and its output to a pipe, at once and by the crumb: ${kind}`, () => {
      const folder = mkdtempSync(join(tmpdir(), "econtext-pipes-"));
      try {
        const file = join(folder, "file");
        const bytes = pattern(9_000_001);
        writeFileSync(file, bytes);
        const sum = new Bun.CryptoHasher("md5").update(bytes).digest("hex");
        const command = [...ECONTEXT, "exec", ...options, "local", "--"].join(" ");
        const ways = [
          `${command} cat < ${file} | md5sum`,
          `cat ${file} | ${command} cat | md5sum`,
          `cat ${file} | ${command} md5sum`,
          `dd if=${file} bs=70001 2>/dev/null | ${command} dd bs=50001 2>/dev/null | md5sum`,
          `{ head -c 3000000; sleep 0.05; head -c 10; sleep 0.05; cat; } < ${file} | ${command} cat | { sleep 0.2; cat; } | md5sum`,
        ];
        const sums = ways.map((way) => Bun.spawnSync(["sh", "-c", way]).stdout.toString());
        expect(sums).toEqual(ways.map(() => `${sum}  -\n`));
      } finally {
        rmSync(folder, { recursive: true });
      }
    }, 30_000);
  }

  test("arrives while it is open", async () => {
    await using child = open(["exec", ...LOCAL, "--", "cat"]);
    const reader = child.stdout.getReader();
    for (const word of ["one", "two"]) {
      child.stdin.write(`${word}\n`);
      child.stdin.flush();
      const { value } = await reader.read();
      expect(new TextDecoder().decode(value)).toBe(`${word}\n`);
    }
    child.stdin.end();
    expect((await reader.read()).done).toBe(true);
    expect(await child.exited).toBe(0);
  });

  test("goes to every target; -n gives none, and leaves it to who comes next", async () => {
    const both = await run(["exec", ...LOCAL, "local", "--", "wc", "-c"], "12345");
    expect(both.stdout).toBe("local: 5\nlocal: 5\n");
    const loop = `while read -r x; do ${ECONTEXT.join(" ")} exec -n ${LOCAL.join(" ")} -- echo "$x"; done`;
    const words = Bun.spawnSync(["sh", "-c", loop], { stdin: new TextEncoder().encode("a\nb\n") });
    expect(words.stdout.toString()).toBe("a\nb\n");
  });

  test("that the command does not read is no error, and holds nothing up", async () => {
    await using child = open(["exec", ...LOCAL, "--", "sh", "-c", "exit 5"]);
    expect(await child.exited).toBe(5);
    expect(await child.stderr.text()).toBe("");
  });
});

describe("signals", () => {
  for (const [name, status] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    test(`${name} is the command's, which may have its own way`, async () => {
      const script = `trap 'echo caught; exit 9' ${name.slice(3)}; echo on; while :; do sleep 0.05; done`;
      await using child = start(["exec", ...LOCAL, "--", "sh", "-c", script], "ignore");
      const reader = child.stdout.getReader();
      await reader.read();
      child.kill(name);
      expect(new TextDecoder().decode((await reader.read()).value)).toBe("caught\n");
      expect(await child.exited).toBe(9);
      // Not before it runs: a shell that is just starting it may miss an interrupt.
      const seconds = uniqueSeconds();
      await using other = start(
        ["exec", ...LOCAL, "--", "sh", "-c", `sleep ${seconds}; echo x`],
        "ignore",
      );
      expect(await eventually(() => isCommandRunning(seconds))).toBe(true);
      other.kill(name);
      await other.exited;
      expect([other.signalCode, other.exitCode]).toEqual([name, null]);
      expect(status).toBeGreaterThan(128);
    });
  }

  test("the second ends by force what does not hear the first", async () => {
    const script = "trap 'echo heard' INT TERM; echo on; while :; do sleep 0.05; done";
    await using child = start(["exec", ...LOCAL, "--", "sh", "-c", script], "ignore");
    const reader = child.stdout.getReader();
    await reader.read();
    child.kill("SIGINT");
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("heard\n");
    expect(child.exitCode).toBe(null);
    child.kill("SIGINT");
    await child.exited;
    expect(child.signalCode).toBe("SIGINT");
  });

  test("stopped and continued, as by a shell", async () => {
    const script = "while :; do echo x; sleep 0.02; done";
    await using child = start(["exec", ...LOCAL, "--", "sh", "-c", script], "ignore");
    let count = 0;
    void (async () => {
      for await (const chunk of child.stdout) count += chunk.length;
    })();
    expect(await eventually(() => count > 4)).toBe(true);
    child.kill("SIGTSTP");
    const status = () => readFileSync(`/proc/${child.pid}/status`, "utf8");
    expect(await eventually(() => /^State:\s+T/m.test(status()))).toBe(true);
    // What it printed before is read first.
    const isQuiet = async (): Promise<boolean> => {
      const before = count;
      await Bun.sleep(200);
      return count === before;
    };
    expect(await eventually(isQuiet)).toBe(true);
    const stopped = count;
    child.kill("SIGCONT");
    expect(await eventually(() => count > stopped + 8)).toBe(true);
    child.kill("SIGTERM");
    await child.exited;
  });
});

describe("sh", () => {
  const script = 'echo "$0 $*"; cat; echo done; exit 3';

  test("a script from standard input, with arguments", async () => {
    expect(await run(["sh", ...LOCAL], script)).toEqual({
      stdout: "sh \ndone\n",
      stderr: "",
      status: 3,
    });
    const { stdout } = await run(["sh", ...LOCAL, "--", "-", "a b", "c"], script);
    expect(stdout).toBe("sh a b c\ndone\n");
  });

  test("from a file, which leaves it the standard input; its shell; no argument shows it", async () => {
    const dir = mkdtempSync(join(tmpdir(), "econtext-sh-"));
    try {
      const file = join(dir, "script.sh");
      writeFileSync(file, `#!/usr/bin/env bash\n[[ a == a ]] && ${script}`);
      const { stdout, status } = await run(["sh", ...LOCAL, "--", file, "x"], "input\n");
      expect([stdout, status]).toEqual([`${file} x\ninput\ndone\n`, 3]);
      writeFileSync(file, "tr '\\0' ' ' < /proc/$$/cmdline; : secret");
      expect((await run(["sh", ...LOCAL, file])).stdout).not.toContain("secret");
      writeFileSync(file, "#!/usr/bin/perl\n");
      expect((await run(["sh", ...LOCAL, file])).stderr).toContain(
        "first line must name one of sh, bash",
      );
      const missing = await run(["sh", ...LOCAL, "--", join(dir, "absent")]);
      expect([missing.status, missing.stderr]).toEqual([
        2,
        expect.stringContaining("no such file: "),
      ]);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

test("a terminal is refused where there is none here", async () => {
  const { status, stderr } = await run(["exec", ...LOCAL, "-t", "--", "true"]);
  expect([status, stderr]).toEqual([2, expect.stringContaining("-t needs a terminal")]);
});
