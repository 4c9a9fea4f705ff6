/** The helpers that other tests stand on: the two ssh servers, Pythons, layers, leaks, skips. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { violations } from "../../scripts/layers.ts";
import {
  descendants,
  isRunning,
  type Marked,
  marked,
  RUN_ID,
  survivors,
} from "../helpers/leaks.ts";
import { pythons } from "../helpers/pythons.ts";
import { suite } from "../helpers/skip.ts";
import { SOON_MS } from "../helpers/soon.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { startSsh2Server } from "../helpers/ssh2-server.ts";
import { loginShell, missingSshd, startSshd } from "../helpers/sshd.ts";

const missingSsh = Bun.which("ssh") === null ? "no ssh on this machine" : undefined;

/** What both servers must do alike, as the real client sees it. */
function sshServer(start: () => Promise<SshServer>): void {
  test("ten megabytes both ways, then the exit status", async () => {
    await using server = await start();
    const data = crypto.getRandomValues(new Uint8Array(65536));
    const blocks = 160;
    const child = ssh(server, "cat; exit 3");
    const sending = (async () => {
      for (let i = 0; i < blocks; i += 1) {
        child.stdin.write(data);
        await child.stdin.flush();
      }
      await child.stdin.end();
    })();
    const hash = new Bun.CryptoHasher("sha256");
    let bytes = 0;
    for await (const chunk of child.stdout) {
      bytes += chunk.length;
      hash.update(chunk);
    }
    await sending;
    const expected = new Bun.CryptoHasher("sha256");
    for (let i = 0; i < blocks; i += 1) expected.update(data);
    expect(bytes).toBe(blocks * data.length);
    expect(hash.digest("hex")).toBe(expected.digest("hex"));
    expect(await child.exited).toBe(3);
  });

  test("both outputs, quoting, and a reader that does not read", async () => {
    await using server = await start();
    const child = ssh(server, `printf '%s|' 'a  b' "c$((1+1))"; echo 'to stderr' >&2; exit 7`);
    void child.stdin.end();
    const said = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect(said).toEqual(["a  b|c2|", "to stderr\n"]);
    expect(await child.exited).toBe(7);
    const deaf = ssh(server, "exec <&-; head -c 3000000 /dev/zero");
    const sending = (async () => {
      deaf.stdin.write(new Uint8Array(1_000_000));
      await deaf.stdin.end();
    })().catch(() => {}); // sshd says that there is no reader, and the client closes our pipe
    expect((await deaf.stdout.bytes()).length).toBe(3_000_000);
    expect(await deaf.exited).toBe(0);
    await sending;
  });

  test("a command that a signal ends", async () => {
    await using server = await start();
    const child = ssh(server, "kill -TERM $$");
    void child.stdin.end();
    await child.stdout.text();
    expect(await child.exited).not.toBe(0);
  });

  test("when the client dies the pipes are closed and nothing is killed", async () => {
    await using server = await start();
    const child = ssh(server, "echo $$; sleep 1000 & echo $!; exec cat");
    const pids = await twoNumbers(child.stdout);
    // In the midst of an exec a process has no environment.
    const inherited = await until(() => environment(pids[1]) || undefined);
    expect(inherited).toContain(`ECONTEXT_TEST_RUN=${RUN_ID}`);
    child.kill("SIGKILL");
    await child.exited;
    expect(await gone(pids[0])).toBe(true); // cat saw the end of its input
    expect(isRunning(pids[1])).toBe(true); // sleep reads nothing
    process.kill(pids[1], "SIGKILL");
  });
}

suite("ssh server made with ssh2", missingSsh, "ssh", () => {
  sshServer(() => startSsh2Server());

  test("counts connections, drops them, and refuses a stranger", async () => {
    await using server = await startSsh2Server();
    const child = ssh(server, "echo up; exec cat");
    await firstChunk(child.stdout);
    expect(server.connections).toBe(1);
    server.dropConnections();
    expect(await child.exited).toBe(255);
    await using other = await startSsh2Server();
    const port = `Port=${String(server.port)}`;
    const stranger = ssh(other, "true", "-o", port, "-o", "StrictHostKeyChecking=no");
    void stranger.stdin.end();
    expect(await stranger.stderr.text()).toMatch(/host key|Permission denied/i);
    expect(await stranger.exited).toBe(255);
  });
});

suite("OpenSSH's sshd", missingSshd(), "sshd", () => {
  sshServer(() => startSshd());
});

for (const name of ["sh", "bash", "zsh", "fish", "tcsh", "ksh"]) {
  const shell = loginShell(name);
  suite(`login shell ${name}`, missingSshd() ?? shell.missing, "shells", () => {
    test("gets the command as it was written", async () => {
      await using server = await startSshd({ loginShell: shell.path ?? "" });
      const child = ssh(server, `echo "a  b" 'c$HOME "d"' | cat; exit 4`);
      void child.stdin.end();
      expect(await child.stdout.text()).toBe('a  b c$HOME "d"\n');
      expect(await child.exited).toBe(4);
    });

    test("is that shell", async () => {
      await using server = await startSshd({ loginShell: shell.path ?? "" });
      const child = ssh(server, name === "fish" ? "echo $fish_pid" : "readlink /proc/$$/exe; true");
      void child.stdin.end();
      expect(await child.stdout.text()).toMatch(name === "fish" ? /^\d+\n/ : /^\/.*sh/);
    });
  });
}

describe("pythons", () => {
  test("each is there once, and says its version", () => {
    const paths = pythons().map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length);
    for (const { version, label } of pythons()) expect(label).toContain(version.join("."));
  });
});

describe("layers", () => {
  const check = (path: string, text: string) => violations(new Map([[path, text]]));

  test("down is allowed; up, sideways and out are not", () => {
    expect(check("src/context/context.ts", 'import { A } from "../calls/callee.ts";')).toEqual([]);
    expect(check("src/protocol/a.ts", 'export * from "./b.ts";')).toEqual([]);
    const upward = '\nimport type { A } from "../context/context.ts";';
    expect(check("src/calls/callee.ts", upward)).toEqual([
      expect.stringContaining("src/calls/callee.ts:2: calls may not import context ("),
    ]);
    const aside = 'import {\n  A,\n} from "../transports/ssh.ts";';
    expect(check("src/mux/stream.ts", aside)).toHaveLength(1);
    expect(check("src/transports/ssh.ts", 'import "../protocol/frame.ts";')).toHaveLength(1);
    expect(check("src/cli/main.ts", 'await import("../broker/broker.ts");')).toHaveLength(1);
    expect(check("src/calls/callee.ts", 'import x from "../scripts/a.ts";')).toHaveLength(1);
    expect(check("src/unknown.ts", "")).toHaveLength(1);
  });

  test("an example in a comment is no import", () => {
    expect(check("src/errors.ts", '/**\n * import { a } from "./index.ts";\n */')).toEqual([]);
  });
});

describe("leaks", () => {
  test("a slave is seen while it lives, wherever it hangs", async () => {
    await using child = Bun.spawn(["bash", "-c", "exec -a econtext:test sleep 1000"], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    const seen = await until(() => marked().get(child.pid));
    expect(seen?.command).toStartWith("econtext:test");
    expect(descendants(process.pid).map(({ pid }) => pid)).toContain(child.pid);
    child.kill();
    await child.exited;
    expect(await survivors([seen as Marked])).toEqual([]);
  });

  test("a zombie does not run", async () => {
    await using child = Bun.spawn(["sh", "-c", "sleep 0.1 & echo $!; exec sleep 1000"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const { value } = await child.stdout.getReader().read();
    const zombie = Number(new TextDecoder().decode(value));
    expect(await gone(zombie)).toBe(true);
    process.kill(zombie, 0); // it is there all the same
  });

  test("an orphan of another program is seen", async () => {
    const shell = Bun.spawn(["sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!"]);
    const pid = Number(await shell.stdout.text());
    await shell.exited;
    expect(await until(() => marked().get(pid))).toBeDefined();
    process.kill(pid, "SIGKILL");
  });
});

describe("preload", () => {
  /** Runs a test file under our preload; returns what bun test printed. */
  async function run(source: string): Promise<string> {
    const dir = mkdtempSync(join(tmpdir(), "econtext-preload-"));
    try {
      const file = join(dir, "sample.test.ts");
      writeFileSync(file, `${SAMPLE}\n${source}`);
      const preload = join(import.meta.dir, "..", "preload.ts");
      const child = Bun.spawn([process.execPath, "test", "--preload", preload, file], {
        cwd: dir,
        stdin: "ignore",
        stdout: "ignore",
        stderr: "pipe",
        env: {
          ...process.env,
          ECONTEXT_TEST_RUN: crypto.randomUUID(),
          ECONTEXT_TEST_GRACE_MS: "300",
          NO_COLOR: "1",
        },
      });
      return await child.stderr.text();
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }

  test("a test that leaves a slave fails, and only that", async () => {
    const said = await run(`
      test("leaves one", async () => { await slave(); });
      test("is clean", async () => { const one = await slave(); one.kill(); await one.exited; });`);
    expect(said).toContain("(fail) leaves one");
    expect(said).toMatch(
      /left running by this test, or one that ran beside it:\s+pid \d+, child of \d+: econtext:sample/,
    );
    expect(said).toContain("(pass) is clean");
  });

  test("a slave of a test that still runs is no leak of one beside it", async () => {
    const said = await run(`
      test.concurrent("ends first", async () => { await Bun.sleep(100); });
      test.concurrent("runs on", async () => {
        const one = await slave(); await Bun.sleep(600); one.kill(); await one.exited;
      });`);
    expect(said).toContain("0 fail");
  });

  test("tests that run at once are told of a leak when the last of them ends", async () => {
    const said = await run(`
      test.concurrent("leaves one", async () => { await slave(); await Bun.sleep(100); });
      test.concurrent("is the last", async () => { await Bun.sleep(400); });
      test("is alone", () => {});`);
    expect([...said.matchAll(/^\(fail\) (.*?) \[/gm)].map(([, name]) => name)).toEqual([
      "is the last",
    ]);
  });

  test("a slave from beforeAll is fine when afterAll ends it", async () => {
    const file = (end: string) => `
      let one; beforeAll(async () => { one = await slave(); }); afterAll(async () => { ${end} });
      test("uses it", () => {});`;
    expect(await run(file("one.kill(); await one.exited;"))).toContain("0 fail");
    const said = await run(file(""));
    expect(said).toContain("(pass) uses it");
    expect(said).toContain("left running after all tests of:\nsample.test.ts: ");
    expect(said).toContain("1 fail");
  });
});

/**
 * A slave of sorts: it has its name when it says so, and ends with its stdin, that is with the
 * test.
 */
const SAMPLE = `
  import { afterAll, beforeAll, test } from "bun:test";
  const slave = async () => {
    const argv = ["bash", "-c", "exec -a econtext:sample sh -c 'echo; read line'"];
    const one = Bun.spawn(argv, { stdio: ["pipe", "pipe", "ignore"] });
    await one.stdout.getReader().read();
    return one;
  };`;

function ssh(server: SshServer, command: string, ...options: string[]) {
  return Bun.spawn(["ssh", "-F", server.configPath, ...options, server.host, command], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
}

async function twoNumbers(stream: ReadableStream<Uint8Array>): Promise<[number, number]> {
  let text = "";
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  while (!/\d+\n\d+\n/.test(text)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`only ${JSON.stringify(text)} before the end`);
    text += decoder.decode(value, { stream: true });
  }
  const [first = 0, second = 0] = text.split("\n").map(Number);
  return [first, second];
}

async function firstChunk(stream: ReadableStream<Uint8Array>): Promise<void> {
  const reader = stream.getReader();
  await reader.read();
  reader.releaseLock();
}

function environment(pid: number): string {
  return readFileSync(`/proc/${String(pid)}/environ`, "latin1");
}

async function gone(pid: number): Promise<boolean> {
  return (await until(() => (isRunning(pid) ? undefined : true))) ?? false;
}

async function until<T>(probe: () => T | undefined): Promise<T | undefined> {
  const end = performance.now() + SOON_MS;
  let found = probe();
  while (found === undefined && performance.now() < end) {
    await Bun.sleep(10);
    found = probe();
  }
  return found;
}
