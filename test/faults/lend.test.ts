/**
 * Lending a runtime, for real: to far sides whose PATH has a Python and a shell, and no JavaScript.
 * What they run, what they write, why it is refused, and what is left when it is broken off.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BootstrapError,
  Broker,
  type BrokerOptions,
  type ConnectOptions,
  type EcontextError,
} from "../../src/index.ts";
import { pythonOf } from "../helpers/pythons.ts";
import { writeScript } from "../helpers/scripts.ts";
import { suite } from "../helpers/skip.ts";
import { SOON_MS } from "../helpers/soon.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { Scene, signal } from "./scene.ts";

const MASTER = join(import.meta.dir, "../fixtures/lend-master.ts");
const CLI = join(import.meta.dir, "../../src/cli/main.ts");
/** A user id that only the borrowing slave has, where we may choose it. */
const UNUSED_UID = 65534;
const { PATH = "" } = process.env;
const isRoot = process.getuid?.() === 0;
const setpriv = isRoot ? Bun.which("setpriv") : null;

let dir: string;
let scene: Scene;
const python = Bun.which("python3", { PATH: "/usr/bin:/bin" }) ?? Bun.which("python3") ?? "";

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "econtext-lend-"));
  chmodSync(dir, 0o755);
});
afterAll(() => rmSync(dir, { recursive: true }));
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => {
  process.env["PATH"] = PATH;
  scene.end();
});

/** A folder for PATH in which there is a shell, and what is named. */
function pathWith(programs: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(dir, "path-"));
  chmodSync(folder, 0o755);
  const all = { sh: "/bin/sh", sleep: Bun.which("sleep") ?? "", ...programs };
  for (const [name, path] of Object.entries(all)) symlinkSync(path, join(folder, name));
  return folder;
}

/** A program that runs its last argument in a shell that finds no JavaScript, in place of ssh. */
function bareShell(more: string): string {
  const path = `PATH=${pathWith({ python3: python })}`;
  const lines = `for last; do :; done\n${path}\n${more}exec sh -c "$last"`;
  return writeScript(join(mkdtempSync(join(dir, "ssh-")), "ssh"), lines);
}

/** What a call is refused with that would need a lent runtime. */
async function refusal(options: ConnectOptions, more: BrokerOptions = {}): Promise<EcontextError> {
  await using broker = new Broker(more);
  const context = await broker.connect("bare", {
    argv0: scene.argv0,
    ssh: { program: bareShell("") },
    ...options,
  });
  return context.call("node:os.hostname").then(
    (value) => expect.unreachable(`it returned ${String(value)}`),
    (error: EcontextError) => error,
  );
}

/** The head of an executable: as much as is looked at before anything is sent. */
function fakeProgram(name: string, machine: number, loader: string): string {
  const bytes = Buffer.alloc(4096);
  bytes.write("\x7fELF\x02\x01\x01", "latin1");
  bytes.writeUInt16LE(machine, 18);
  bytes.writeBigUInt64LE(64n, 32); // program headers: where, how long each, how many
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(3, 64); // PT_INTERP: where, and how long
  bytes.writeBigUInt64LE(256n, 64 + 8);
  bytes.writeBigUInt64LE(BigInt(loader.length + 1), 64 + 32);
  bytes.write(loader, 256);
  const path = join(dir, name);
  writeFileSync(path, bytes);
  return path;
}

const machineOfElf = { x64: 62, arm64: 183 }[process.arch as string] ?? 0;

for (const version of ["2.7", "3.6", "3.13"] as const) {
  const { python: lender, missing } = pythonOf(version);
  suite(`lending by Python ${version}`, missing, "python", () => {
    test("starts a Bun", async () => {
      process.env["PATH"] = pathWith({ python3: lender?.path ?? "" });
      const logs: string[] = [];
      await using broker = new Broker({
        onLog: ({ logger, message }) => logs.push(`${logger}: ${message}`),
      });
      const context = await broker.connect("local", { lend: true, argv0: scene.argv0 });
      // Pipelined: what was sent before there was a slave is sent again.
      const calls = [
        context.call((a: number) => a + 1, 41),
        context.call("node:path.basename", "/a/b"),
        context.ping(),
      ];
      expect((await Promise.all(calls)).slice(0, 2)).toEqual([42, "b"]);
      expect(await context.ready()).toMatchObject({ kind: "bun", version: process.versions.bun });
      await context.call(() => console.log("printed there"));
      expect(await context.exec(["sh", "-c", "exit 3"]).exited).toEqual({ status: 3 });
      expect(logs).toEqual([
        "econtext: a Bun was lent to it; it is in memory only",
        "console: printed there",
      ]);
      await broker.close();
      await scene.emptied(SOON_MS);
    });
  });
}

test("several at once, each its own", async () => {
  const program = bareShell("");
  await using broker = new Broker();
  const contexts = await Promise.all(
    ["one", "two", "three"].map((name) =>
      broker.connect(name, { lend: true, argv0: scene.argv0, ssh: { program } }),
    ),
  );
  const pids = await Promise.all(contexts.map((context) => context.call(() => process.pid)));
  expect(new Set(pids).size).toBe(3);
});

test("user code sees a Bun like any other", async () => {
  await using broker = new Broker();
  const options = { lend: true, argv0: scene.argv0, ssh: { program: bareShell("") } };
  const context = await broker.connect("bare", options);
  expect(await context.call(() => process.env["BUN_BE_BUN"])).toBeUndefined();
  expect(
    await context.call(() => {
      const child = Bun.spawnSync([process.execPath, "-p", "6 * 7"], { stderr: "inherit" });
      return [child.exitCode, child.stdout.toString()];
    }),
  ).toEqual([0, "42\n"]);
  // Neither its own program nor the connection is handed down. Descriptor 3 is where the shell
  // looks for the names.
  const open = await context.call(() =>
    Bun.spawnSync(["sh", "-c", "echo /proc/$$/fd/[4-9] /proc/$$/fd/??"]).stdout.toString(),
  );
  expect(open.match(/\d+(?=\s)/g)).toBeNull();
});

test("nothing is lent where there is JavaScript, and nothing costs more", async () => {
  process.env["PATH"] = pathWith({ python3: python, bun: process.execPath });
  let lent = 0;
  await using broker = new Broker({ onLend: () => lent++ });
  const context = await broker.connect("local", { lend: true, argv0: scene.argv0 });
  expect(await context.call(() => process.execPath)).toEndWith("/bun");
  expect(lent).toBe(0);
});

test("a Python function needs none", async () => {
  let lent = 0;
  await using broker = new Broker({ onLend: () => lent++ });
  const options = { lend: true, argv0: scene.argv0, ssh: { program: bareShell("") } };
  const context = await broker.connect("bare", options);
  expect(await context.call("os.getpid")).toBeNumber();
  expect(lent).toBe(0);
});

for (const kind of [{}, { kind: "python" }] as const) {
  test(`a Bun is lent beside the Python that serves the context, ${JSON.stringify(kind)}`, async () => {
    let lent = 0;
    await using broker = new Broker({ onLend: () => lent++ });
    const options = { lend: true, argv0: scene.argv0, ssh: { program: bareShell("") }, ...kind };
    const context = await broker.connect("bare", options);
    expect(await context.call("len", [1])).toBe(1);
    expect(await context.$`echo it`.text()).toBe("it\n");
    expect(lent).toBe(0);
    const calls = [context.call((a: number) => a + 1, 41), context.call("len", [1, 2])];
    expect(await Promise.all(calls)).toEqual([42, 2]);
    expect(lent).toBeGreaterThan(0);
    expect(await context.ready()).toMatchObject({ kind: "python" });
    await broker.close();
    await scene.emptied(SOON_MS);
  });
}

test("another processor's Bun is refused before it is sent, and both are named", async () => {
  const [machine, name] = process.arch === "x64" ? [183, "aarch64"] : [62, "x86_64"];
  let lent = 0;
  const path = fakeProgram("foreign", machine, "/lib/ld-linux.so");
  const error = await refusal({ lend: path }, { onLend: () => lent++ });
  expect(error).toBeInstanceOf(BootstrapError);
  expect(error.code).toBe("ERR_LEND_PLATFORM");
  expect(error.message).toContain(`is for Linux ${name}, and does not run on its Linux `);
  expect(lent).toBe(0);
  await scene.emptied(SOON_MS);
});

test("a Bun for another C library is refused", async () => {
  const path = fakeProgram("musl", machineOfElf, "/lib/ld-of-another-libc.so.1");
  const error = await refusal({ lend: path });
  expect(error.code).toBe("ERR_LEND_PLATFORM");
  expect(error.message).toContain("it has no /lib/ld-of-another-libc.so.1");
});

/** Runs what stands for ssh where nothing is mounted on /proc. */
const withoutProc = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"];
const canHide = isRoot && Bun.which("unshare") !== null;

test.if(canHide && Bun.spawnSync([...withoutProc, "true"]).success)(
  "where /proc is not mounted, nothing is sent",
  async () => {
    let lent = 0;
    const words = withoutProc.map((word) => `'${word}'`).join(" ");
    const program = writeScript(
      join(mkdtempSync(join(dir, "ssh-")), "ssh"),
      `exec ${words} '${bareShell("")}' "$@"`,
    );
    const error = await refusal({ lend: true, ssh: { program } }, { onLend: () => lent++ });
    expect(error.code).toBe("ERR_LEND_REFUSED");
    expect(error.message).toContain("/proc, which is not mounted there");
    expect(lent).toBe(0);
    await scene.emptied(SOON_MS);
  },
);

test("a program that does not start is told with what it says", async () => {
  const error = await refusal({ lend: Bun.which("false") ?? "" });
  expect(error.code).toBe("ERR_LEND_FAILED");
  expect(error.message).toContain("the program ended with status 1");
  await scene.emptied(SOON_MS);
});

test("a file that is not there, and a kind that cannot be lent", async () => {
  const error = await refusal({ lend: join(dir, "nowhere") });
  expect(error.code).toBe("ERR_LEND_FAILED");
  expect(error.message).toContain("nowhere");
  await using broker = new Broker();
  for (const other of [{ python: "python3" }, { kind: "node" }] as const) {
    await expect(broker.connect("local", { ...other, lend: true })).rejects.toMatchObject({
      code: "ERR_USAGE_KIND",
    });
  }
});

test("no Python either: what was tried of both", async () => {
  process.env["PATH"] = pathWith({});
  await using broker = new Broker();
  const context = await broker.connect("local", { lend: true });
  const error = await context.call("node:os.hostname").catch((reason: EcontextError) => reason);
  expect(error).toMatchObject({ code: "ERR_BOOTSTRAP_NO_INTERPRETER" });
  expect(String(error)).toMatch(/tried bun, node.*a Python.*tried python3, python, python2/s);
});

test("without it, the error says that there is a way", async () => {
  const error = await refusal({});
  expect(error.code).toBe("ERR_BOOTSTRAP_NO_INTERPRETER");
  expect(error.message).toContain("--lend-runtime");
});

test("a deadline holds for all of it, and closing ends it", async () => {
  const error = await refusal({ lend: true, deadline: 300 });
  expect(error.code).toBe("ERR_DEADLINE_CONNECT");
  await scene.emptied(SOON_MS);

  const sending = Promise.withResolvers<void>();
  const broker = new Broker({ graceMs: 50, onLend: () => sending.resolve() });
  const ssh = { program: bareShell("") };
  const context = await broker.connect("bare", { lend: true, argv0: scene.argv0, ssh });
  const call = context.call("node:os.hostname").catch((reason: EcontextError) => reason.code);
  await sending.promise;
  await broker.close();
  expect(await call).toBe("ERR_DISCONNECT_FORCED");
  await scene.emptied(SOON_MS);
});

test("a crash of what was lent is the end of its context, and of all that it left", async () => {
  await using broker = new Broker();
  const options = { lend: true, argv0: scene.argv0, ssh: { program: bareShell("") } };
  const context = await broker.connect("bare", options);
  await context.call((seconds: string) => void Bun.spawn(["sleep", seconds]), scene.duration);
  await scene.populated(1);
  await expect(context.call(() => process.abort())).rejects.toMatchObject({
    code: "ERR_DISCONNECT_LOST",
  });
  await scene.emptied(SOON_MS);
});

for (const [when, lines] of [
  ["while it sends", 1],
  ["while what was lent hangs", 2],
] as const) {
  for (const way of ["local", "ssh"] as const) {
    test(`a master that is killed ${when} leaves nothing (${way})`, async () => {
      const ssh = { program: bareShell("") };
      const options = { lend: true, argv0: scene.argv0, ...(way === "ssh" ? { ssh } : {}) };
      const argument = JSON.stringify([way === "ssh" ? "bare" : "local", options]);
      const master = Bun.spawn([process.execPath, MASTER, argument], {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, PATH: pathWith({ python3: python }) },
      });
      let said = "";
      for await (const text of master.stdout.pipeThrough(new TextDecoderStream())) {
        said += text;
        if (said.split("\n").length > lines) break;
      }
      for (const pid of said.match(/\d+/g) ?? []) scene.watch(Number(pid));
      expect(scene.alive().length).toBeGreaterThan(0);
      signal(master.pid, "SIGKILL");
      await master.exited;
      await scene.emptied(SOON_MS);
    });
  }
}

test("the command line lends too, and shows no progress where there is no terminal", async () => {
  const script = bareShell("");
  const argv = ["call", "bare", "Math.max", "3", "4", "--kind", "bun", "--lend-runtime"];
  const child = Bun.spawn([process.execPath, CLI, ...argv, "--ssh", script], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect(said[0]).toBe("4\n");
  expect(said[1]).toMatch(/^\S+ I bare: econtext: a Bun was lent to it; it is in memory only\n$/);
  expect(await child.exited).toBe(0);
});

test("on a terminal it shows how far it is, and takes that away", async () => {
  const argv = [process.execPath, CLI, "call", "bare", "Math.max", "3", "4", "--kind", "bun"];
  const whole = [...argv, "--lend-runtime", "--ssh", bareShell("")];
  const terminal = `import pty; pty.spawn(${JSON.stringify(whole)})`;
  const child = Bun.spawn([python, "-c", terminal], { stdio: ["ignore", "pipe", "inherit"] });
  const said = await child.stdout.text();
  const shown = said.split("\r\x1b[K");
  expect(shown).toContainEqual(expect.stringMatching(/^lending bun to bare: \S+ .B of \S+ MB$/));
  // A line that is taken away may be the last before the result.
  expect(shown.at(-1)).toMatch(/(?:^|\n)4\r\n$/);
  expect(shown.at(-1)).not.toContain("lending");
  await child.exited;
});

suite("lending over ssh", missingSshd(), "sshd", () => {
  let server: SshServer;
  let home: string;
  let shell: string;

  beforeAll(async () => {
    home = join(dir, "home");
    mkdirSync(home);
    chmodSync(home, 0o777);
    shell = join(dir, "login-shell");
    const bare = pathWith({ python3: python });
    // Files of a user of its own cannot be mistaken for another program's.
    const drop =
      setpriv === null
        ? ""
        : `${setpriv} --reuid=${UNUSED_UID} --regid=${UNUSED_UID} --clear-groups`;
    writeScript(shell, `export PATH=${bare} HOME=${home}\nexec ${drop} /bin/sh "$@"`);
    server = await startSshd({ loginShell: shell });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test("a function runs, and nothing is written to any disk", async () => {
    const mark = join(dir, "mark");
    writeFileSync(mark, "");
    await using broker = new Broker();
    const context = await broker.connect(server.host, {
      lend: true,
      argv0: scene.argv0,
      ssh: { options: ["-F", server.configPath] },
    });
    const [pid, lender] = await context.call(() => [process.pid, process.ppid, process.getuid?.()]);
    expect(await context.call(() => process.versions.bun)).toBe(process.versions.bun);
    const trees = setpriv === null ? [home] : ["/tmp", "/var/tmp", "/dev/shm", "/run", home];
    const who = setpriv === null ? [] : ["-user", String(UNUSED_UID)];
    const find = Bun.spawnSync(["find", ...trees, "-xdev", ...who, "-newer", mark]);
    expect(find.stdout.toString()).toBe("");
    // What these processes have made dirty in any file that has a disk behind it, since they were
    // started.
    for (const one of [pid, lender]) {
      expect(readFileSync(`/proc/${String(one)}/io`, "utf8")).toContain("\nwrite_bytes: 0\n");
    }
  });
});
