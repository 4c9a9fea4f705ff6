/**
 * The first stage and the start of the core under abuse: bytes that come one by one, pipes that
 * take little, an end at any point, descriptors that are closed, sockets or non-blocking, noise,
 * silence; and what is said of each way to fail.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BootstrapError, Broker, type ConnectOptions, type LogRecord } from "../../src/index.ts";
import { PYTHON_CORE } from "../../src/interpreters/embedded.ts";
import type { Plan } from "../../src/interpreters/plan.ts";
import { HEADER_BYTES } from "../../src/protocol/frame.ts";
import { failure } from "../faults/puppet.ts";
import { Scene } from "../faults/scene.ts";
import { pythons } from "../helpers/pythons.ts";
import { writeScript } from "../helpers/scripts.ts";
import { suite } from "../helpers/skip.ts";
import { SOON_MS } from "../helpers/soon.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import {
  CUT_SHORT,
  DESCRIPTORS,
  GONE_MS,
  hasStarted,
  preambleOf,
  start,
  writeByteByByte,
} from "./stage.ts";

const oldest = pythons()[0];
const newest = pythons().at(-1);
const ends = [...new Set([oldest, newest].filter((one) => one !== undefined))];

let dir = "";
let scene: Scene;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "econtext-stage-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
beforeEach(() => {
  scene = new Scene();
});

const planOf = (python: string): Plan => ({ wants: "python", path: python });
const preamble = (): Uint8Array => preambleOf({ wants: "python" }, scene.argv0);
/** A program for `ConnectOptions.python`. */
const script = (name: string, lines: string, mode?: number): string =>
  writeScript(join(dir, name), lines, mode);

async function works(options: ConnectOptions): Promise<void> {
  await using broker = new Broker();
  const context = await broker.connect("local", { ...options, argv0: scene.argv0 });
  expect(await context.call("len", new Uint8Array(300_000))).toBe(300_000);
  const text = "é".repeat(100_000);
  expect(await context.call("copy.copy", text)).toBe(text);
  await broker.close();
  await scene.emptied(GONE_MS);
}

for (const python of ends) {
  describe(python.label, () => {
    test("the preamble comes one byte at a time", async () => {
      await using child = start(planOf(python.path));
      await writeByteByByte(child, preamble());
      await hasStarted(child);
      await scene.emptied(GONE_MS);
    });

    test("the end comes anywhere in the preamble", async () => {
      const whole = preamble();
      const core = PYTHON_CORE.length;
      const spread = Array.from({ length: 24 }, (_, i) => Math.floor((core * i) / 24));
      const edges = [1, 2, core - 1, core, core + 1, core + 5, core + HEADER_BYTES - 1];
      const late = [core + HEADER_BYTES, core + HEADER_BYTES + 1, whole.length - 20];
      const offsets = [...spread, ...edges, ...late, whole.length - 2, whole.length - 1];
      for (const offset of offsets) {
        await using child = start(planOf(python.path));
        if (offset > 0) child.stdin.write(whole.subarray(0, offset));
        await child.stdin.end();
        const said = await child.stdout.text();
        expect([offset, said, await child.exited]).toEqual([offset, "", CUT_SHORT]);
        expect(child.resourceUsage()?.cpuTime.total ?? 0n).toBeLessThan(2_000_000n);
      }
      await scene.emptied(GONE_MS);
    });

    test("the end comes right after the preamble", async () => {
      await using child = start(planOf(python.path));
      child.stdin.write(preamble());
      await child.stdin.end();
      await child.exited;
      await scene.emptied(GONE_MS);
      expect(child.resourceUsage()?.cpuTime.total ?? 0n).toBeLessThan(2_000_000n);
    });

    for (const how of [
      "nonblocking",
      "tiny",
      "sockets",
      "closed2",
      "removed-cwd",
      "no-descriptors",
    ]) {
      test(`started with unusual descriptors: ${how}`, async () => {
        // What prepares them needs a new Python; what is started is the one under test.
        const prepare = `exec '${newest?.path ?? ""}' '${DESCRIPTORS}' ${how} '${python.path}' "$@"`;
        await works({ python: script(`python-${how}`, prepare) });
      });
    }

    for (const how of ["closed1", "closed0", "closed012"]) {
      test(`started without a way to answer: ${how}`, async () => {
        const prepare = `exec '${newest?.path ?? ""}' '${DESCRIPTORS}' ${how} '${python.path}' "$@"`;
        await using broker = new Broker();
        const options = {
          python: script(`python-${how}`, prepare),
          argv0: scene.argv0,
          deadline: 2000,
        };
        const context = await broker.connect("local", options);
        expect((await failure(context.ready())).code).toMatch(/^ERR_(BOOTSTRAP|DEADLINE)_/);
        await broker.close();
        await scene.emptied(GONE_MS);
      });
    }

    test("an interpreter whose path is no text", async () => {
      // No string of ours can name it: the shell makes it.
      const folder = `'${dir}'/"$(printf 'caf\\303\\251 \\377')"`;
      const link = `mkdir -p ${folder}; ln -sf '${python.path}' ${folder}/python`;
      await works({ python: script("python-no-text", `${link}; exec ${folder}/python "$@"`) });
    });

    test("noise before the marker, also what looks like one", async () => {
      const noise = `printf 'Welcome!\\033[31m\\necontext/1 AAAAAAAAAAAAAAAAAAAAAA\\necontext/1 '`;
      const much = `head -c 1000000 /dev/zero; echo to stderr >&2`;
      await works({
        python: script("python-noise", `${noise}; ${much}; exec '${python.path}' "$@"`),
      });
    });
  });
}

describe("errors", () => {
  async function fails(
    code: string,
    target: string,
    options: ConnectOptions,
  ): Promise<BootstrapError> {
    await using broker = new Broker({ graceMs: 300 });
    const context = await broker.connect(target, options);
    const calls = [context.call("os.getpid"), context.call("os.getpid"), context.ready()];
    const [error, ...more] = await Promise.all(calls.map(failure));
    expect([error?.code, error?.message]).toEqual([code, expect.any(String)]);
    for (const one of more) expect(one.code).toBe(code);
    return error as BootstrapError;
  }

  /** Connect with a PATH that has only `sh` and what is in `dir`. */
  async function withPath(
    programs: Record<string, string>,
    code: "NO_INTERPRETER" | "TOO_OLD" | "FAILED",
  ): Promise<BootstrapError> {
    const bin = mkdtempSync(join(dir, "bin-"));
    symlinkSync("/bin/sh", join(bin, "sh"));
    for (const [name, lines] of Object.entries(programs)) {
      writeFileSync(join(bin, name), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
    }
    const before = process.env["PATH"];
    process.env["PATH"] = bin;
    try {
      return await fails(`ERR_BOOTSTRAP_${code}`, "local", {});
    } finally {
      process.env["PATH"] = before;
    }
  }

  test("no interpreter: all that was tried is listed", async () => {
    const error = await withPath({}, "NO_INTERPRETER");
    expect(error.message).toContain("python3, python, python2");
    expect(error.report.status).toBe(97);
  });

  test("the interpreter is too old", async () => {
    // No Python as old as that runs here: this says what the first stage says on one.
    expect((await withPath({ python3: "exit 98" }, "TOO_OLD")).report.status).toBe(98);
  });

  test("the interpreter that was named is not there", async () => {
    const error = await fails("ERR_BOOTSTRAP_NO_INTERPRETER", "local", {
      python: join(dir, "nope"),
    });
    expect(error.message).toContain(join(dir, "nope"));
  });

  test("the interpreter that was named may not be run", async () => {
    const python = script("python-forbidden", "exit 0", 0o644);
    const error = await fails("ERR_BOOTSTRAP_NO_INTERPRETER", "local", { python });
    expect(error.message).toContain(`tried ${python}`);
    expect(error.message).toMatch(/ermission/);
  });

  test("the interpreter that was named is no Python", async () => {
    const python = script("python-none", "echo I am no Python; echo really >&2; exit 3");
    const error = await fails("ERR_BOOTSTRAP_FAILED", "local", { python });
    expect(error).toBeInstanceOf(BootstrapError);
    expect(error.report.said).toBe("I am no Python\nreally");
    expect(error.report.status).toBe(3);
    expect(error.message).toContain(`${python} is not a usable Python: it ended with status 3`);
    expect(error.message).toContain("I am no Python");
    const silent = await fails("ERR_BOOTSTRAP_FAILED", "local", { python: "/bin/true" });
    expect(silent.message).toContain(
      "/bin/true is not a usable Python: it ended with status 0 before it was ready, and printed nothing",
    );
    const other = await fails("ERR_BOOTSTRAP_FAILED", "local", { python: process.execPath });
    expect(other.message).toContain("is not a usable Python");
    expect(other.message).toContain("-B");
  });

  test("what was found on PATH is no Python", async () => {
    const error = await withPath({ python3: "echo I am no Python; exit 4" }, "FAILED");
    expect(error.message).toContain(
      "what was found is not a usable Python: it ended with status 4",
    );
    expect(error.message).toContain("I am no Python");
  });

  test("what stands between reads the preamble", async () => {
    const python = script(
      "python-thief",
      `head -c 2000 >/dev/null; exec '${newest?.path ?? ""}' "$@" </dev/null`,
    );
    await fails("ERR_BOOTSTRAP_CUT", "local", { python });
  });

  test("a program that is not there", async () => {
    await fails("ERR_BOOTSTRAP_SPAWN", "host", { ssh: { program: join(dir, "no-ssh") } });
  });

  test("silence", async () => {
    const python = script("python-silent", "echo half a word; exec sleep 60");
    const began = performance.now();
    const error = await fails("ERR_DEADLINE_CONNECT", "local", { python, deadline: 300 });
    expect(performance.now() - began).toBeLessThan(300 + SOON_MS);
    expect(error.message).toContain("half a word");
    expect(error.exitStatus).toBe(124);
  });

  test("too much noise", async () => {
    const python = script("python-noisy", "exec yes");
    const began = performance.now();
    await fails("ERR_BOOTSTRAP_NOISE", "local", { python });
    expect(performance.now() - began).toBeLessThan(SOON_MS);
  });

  suite("ssh", missingSshd(), "sshd", () => {
    let server: SshServer;
    let locked: SshServer;
    beforeAll(async () => {
      server = await startSshd();
      locked = await startSshd({ config: ["AuthorizedKeysFile none"] });
    });
    afterAll(async () => {
      await server[Symbol.asyncDispose]();
      await locked[Symbol.asyncDispose]();
    });
    const through = (config: SshServer, ...more: string[]): ConnectOptions => ({
      ssh: { options: ["-F", config.configPath, ...more], interactive: false },
    });

    test("no such host", async () => {
      // An empty label is in no name: no server is asked.
      const error = await fails("ERR_TRANSPORT_UNKNOWN_HOST", "no..host", through(server));
      expect(error.exitStatus).toBe(255);
      expect(error.report.said).toContain("no..host");
    });

    test("no server listens", async () => {
      const idle = createServer();
      await new Promise<void>((resolve) => idle.listen(0, "127.0.0.1", resolve));
      const { port } = idle.address() as { port: number };
      await new Promise((resolve) => idle.close(resolve));
      await fails("ERR_TRANSPORT_UNREACHABLE", server.host, through(server, "-p", String(port)));
    });

    test("permission denied", async () => {
      await fails("ERR_TRANSPORT_PERMISSION_DENIED", locked.host, through(locked));
    });

    test("the host key is not known", async () => {
      const unknown = through(server, "-o", "UserKnownHostsFile=/dev/null");
      await fails("ERR_TRANSPORT_HOST_KEY_UNKNOWN", server.host, unknown);
    });

    test("the host key has changed", async () => {
      // The other server's keys: the alias is the same in both.
      const known = join(locked.configPath, "../known_hosts");
      const changed = through(server, "-o", `UserKnownHostsFile=${known}`);
      await fails("ERR_TRANSPORT_HOST_KEY_CHANGED", server.host, changed);
    });

    test.each(["spawned", "embedded"] as const)(
      "a host key that has changed, and may have, is an alarm (%s)",
      async (engine) => {
        const messages: string[] = [];
        const onLog = ({ level, message }: LogRecord) => level >= 30 && messages.push(message);
        await using broker = new Broker({ onLog });
        const known = join(dir, "changed");
        copyFileSync(join(locked.configPath, "../known_hosts"), known);
        const more = ["-o", `UserKnownHostsFile=${known}`, "-o", "StrictHostKeyChecking=no"];
        const { ssh } = through(server, ...more);
        const context = await broker.connect(server.host, {
          ssh: { ...ssh, ...(engine === "embedded" && { engine }) },
        });
        await context.ready();
        expect(messages).toEqual([
          "the host key has changed: this may be another machine, and StrictHostKeyChecking lets it pass",
        ]);
      },
    );

    test("the interpreter that was named is not there", async () => {
      const options = { ...through(server), python: join(dir, "nope") };
      const error = await fails("ERR_BOOTSTRAP_NO_INTERPRETER", server.host, options);
      expect(error.message).toContain(join(dir, "nope"));
    });

    test("the connection is cut while it starts", async () => {
      const options = {
        ...through(server),
        python: script("python-cut", "kill -9 $PPID; exit 0"),
      };
      const error = await failure(
        (async () => {
          await using broker = new Broker({ graceMs: 300 });
          await (await broker.connect(server.host, options)).ready();
        })(),
      );
      expect(error.code).toMatch(/^ERR_(TRANSPORT|BOOTSTRAP)_FAILED$/);
    });
  });
});
