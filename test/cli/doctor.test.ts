/** `econtext doctor`: each stage of a connection that can fail, on real servers. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeScript } from "../helpers/scripts.ts";
import { suite } from "../helpers/skip.ts";
import { makeSshFiles, type SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { startBrokenHosts } from "./broken-hosts.ts";
import { econtext, start } from "./econtext.ts";

interface Row {
  readonly stage: string;
  readonly result: string;
  readonly detail: string;
  readonly hint?: string;
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

/** A login and a connection, each with its deadline. */
setDefaultTimeout(120_000);

/** Long enough for a loaded machine. */
const PATIENT = ["--deadline", "50"];

suite("doctor", missingSshd(), "sshd", () => {
  let server: SshServer;
  let dir: string;

  beforeAll(async () => {
    server = await startSshd();
    dir = mkdtempSync(join(tmpdir(), "econtext-doctor-"));
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true });
  });

  async function examine(
    ...options: string[]
  ): Promise<{ rows: Row[]; last: Row; status: number | null }> {
    const config = options.includes("-F") ? [] : ["-F", server.configPath];
    const deadline = options.includes("--deadline") ? [] : PATIENT;
    const run = await econtext("doctor", "--json", ...config, ...deadline, ...options, "target");
    const rows = run.stdout
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Row);
    const last = rows.at(-1);
    if (last === undefined) throw new Error(`no stage: ${run.stderr}`);
    return { rows, last, status: run.status };
  }

  /** A server whose login shell is this script. */
  async function withShell(...lines: string[]): Promise<SshServer> {
    const path = join(dir, `shell-${crypto.randomUUID()}`);
    writeScript(path, lines.join("\n"));
    return startSshd({ loginShell: path });
  }

  test("all stages of a host that works", async () => {
    const { rows, status } = await examine();
    expect(rows.map(({ stage }) => stage)).toEqual([
      "name",
      "tcp",
      "host key",
      "login",
      "shell",
      "interpreters",
      "bootstrap",
      "round trip",
      "bandwidth",
      "clock",
      "nothing written",
    ]);
    expect(rows.filter(({ result }) => result === "failed")).toEqual([]);
    expect(rows.find(({ stage }) => stage === "clock")?.detail).toMatch(/^the same, within/);
    expect(rows[2]?.detail).toMatch(/^ssh-ed25519 SHA256:.*OpenSSH/);
    expect(status).toBe(0);
  });

  test("which ssh connects with --ssh auto, and why", async () => {
    const config = join(dir, "auto");
    writeFileSync(
      config,
      `Host target-x\n  ForwardX11 yes\nHost *\n  Include ${server.configPath}\n`,
    );
    const { rows } = await examine("--ssh", "auto", "-F", config, "target-x");
    const [refused, taken] = rows.filter(({ stage }) => stage === "bootstrap");
    expect(taken?.detail).toEndWith(
      "by the embedded ssh, which lacks nothing that this host needs",
    );
    expect(refused?.detail).toMatch(/by your ssh, .*: ForwardX11 yes: /);
  });

  test("lines for a person", async () => {
    const run = await econtext("doctor", "-F", server.configPath, ...PATIENT, "target");
    expect(run.stdout).toMatch(
      /^target\n {2}name {12}ok {6,}\d+(?:\.\d)? ms {2}127\.0\.0\.1, port \d+\n/,
    );
    expect(run.stdout).not.toContain("\x1b");
    expect(run.status).toBe(0);
  });

  const FAILURES: readonly (readonly [
    title: string,
    option: string,
    stage: string,
    status: number,
    detail: RegExp,
  ])[] = [
    [
      "a name that is not known",
      "HostName=nothing.invalid",
      "name",
      10,
      /Could not resolve hostname/,
    ],
    ["a port that nothing listens on", "Port=1", "tcp", 11, /Connection refused/],
    [
      "a host key that is not known",
      "UserKnownHostsFile=/dev/null",
      "host key",
      12,
      /verification failed/,
    ],
    ["a key that is not accepted", "User=nothing", "login", 13, /Permission denied/],
    [
      "a jump host that refuses",
      "ProxyJump=127.0.0.1:1",
      "tcp",
      11,
      /^127\.0\.0\.1, which ssh jumps through: ssh: connect to .* Connection refused$/,
    ],
  ];
  for (const [title, option, stage, status, detail] of FAILURES) {
    test(title, async () => {
      const found = await examine("-o", option);
      expect(found.last).toMatchObject({ stage, result: "failed" });
      expect(found.last.detail).toMatch(detail);
      expect(found.last.hint).toBeString();
      expect(found.status).toBe(status);
    });
  }

  test("a jump through two hosts: each stage is that of its host", async () => {
    const config = join(dir, "jumps");
    const every = readFileSync(server.configPath, "utf8").replace("Host target*", "Host *");
    writeFileSync(config, every);
    const jumps = ["-o", "ProxyJump=first,second", "-o", "HostKeyAlias=other"];
    const { rows, last, status } = await examine("-F", config, ...jumps);
    for (const stage of ["tcp", "host key", "login"]) {
      const places = rows
        .filter((row) => row.stage === stage && row !== last)
        .map(({ detail }) => detail.split(", which")[0]);
      expect(places.slice(0, 2)).toEqual(["first", "second"]);
      expect(places).toHaveLength(stage === "tcp" ? 3 : 2);
    }
    expect(last).toMatchObject({ stage: "host key", result: "failed" });
    expect(last.detail).not.toContain("jumps");
    expect(status).toBe(12);
    const failed = await examine("-F", config, "-o", "ProxyJump=first,127.0.0.1:1");
    expect(failed.last).toMatchObject({ stage: "tcp", result: "failed" });
    expect(failed.last.detail).toStartWith("127.0.0.1, which ssh jumps through: ");
    expect(failed.status).toBe(11);
  });

  test("several targets at once, each told as soon as those before it are", async () => {
    const meets = (mine: string, theirs: string) =>
      withShell(
        `touch ${join(dir, mine)}`,
        `until [ -e ${join(dir, theirs)} ] || ! [ -e /proc/$PPID ]; do sleep 0.05; done`,
        'exec /bin/sh "$@"',
      );
    // The first host waits for the login to the second; the second until the first is told.
    await using first = await meets("a", "b");
    await using second = await meets("b", "told");
    const config = join(dir, "two");
    const hosts = [first, second].map(({ configPath }, at) =>
      readFileSync(configPath, "utf8").replace("Host target*", `Host host${at}`),
    );
    writeFileSync(config, hosts.join("\n"));
    const run = start(["doctor", "--json", "-F", config, ...PATIENT, "host[0-1]", "local"]);
    const rows: { target: string; stage: string }[] = [];
    for await (const line of linesOf(run.stdout)) {
      const row = JSON.parse(line) as (typeof rows)[number];
      if (row.target === "host0" && row.stage === "nothing written") {
        writeFileSync(join(dir, "told"), "");
      }
      rows.push(row);
    }
    const names = rows.map(({ target }) => target);
    expect(names.filter((name, at) => name !== names[at - 1])).toEqual(["host0", "host1", "local"]);
    expect(await run.exited).toBe(0);
  });

  test("ctrl-C ends all that is tested", async () => {
    await using hanging = await withShell("while kill -0 $PPID 2>/dev/null; do sleep 0.1; done");
    const run = start(["doctor", "-F", hanging.configPath, ...PATIENT, "local", "target[1-3]"]);
    for await (const line of linesOf(run.stdout)) {
      if (line.includes("nothing written")) run.kill("SIGINT");
    }
    await run.exited;
    expect(run.signalCode).toBe("SIGINT");
  });

  test("a host key that has changed", async () => {
    const other = makeSshFiles();
    const known = join(dir, "known_hosts");
    writeFileSync(known, `econtext-throw-away ${other.hostKey.public}\n`);
    other.remove();
    const { last, status } = await examine("-o", `UserKnownHostsFile=${known}`);
    expect(last).toMatchObject({ stage: "host key", result: "failed" });
    expect(last.detail).toMatch(/^The fingerprint .* is SHA256:\S+; Offending ED25519 key in /);
    expect(last.detail).toContain(`${known}:1`);
    expect(last.hint).toEndWith(`: ssh-keygen -f ${known} -R econtext-throw-away`);
    expect(status).toBe(12);
  });

  test("the embedded ssh behind a hop: the stage that failed", async () => {
    const own = ["--ssh", "embedded", "-F", server.configPath, "-o", "Port=1"];
    const run = await econtext("doctor", "--json", ...PATIENT, ...own, "local/target");
    const last = JSON.parse(run.stdout.trim().split("\n").at(-1) ?? "") as Row;
    expect(last).toMatchObject({ stage: "tcp", result: "failed" });
    expect(run.status).toBe(11);
  });

  test("a server that accepts a connection and says nothing", async () => {
    using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
    const { last, status } = await examine("-o", `Port=${silent.port}`, "--deadline", "3");
    expect(last).toMatchObject({ stage: "host key", result: "failed" });
    expect(last.detail).toBe("connected, and the server says nothing more, for 3 s");
    expect(status).toBe(12);
  });

  test("a profile that prints", async () => {
    await using noisy = await withShell("echo Welcome to the machine", 'exec /bin/sh "$@"');
    const { rows, status } = await examine("-F", noisy.configPath);
    expect(rows.find(({ stage }) => stage === "shell")).toMatchObject({
      result: "warning",
      detail: "23 characters before a command: Welcome to the machine",
    });
    expect(status).toBe(0);
  });

  test("a login shell that runs nothing", async () => {
    await using broken = await withShell("exit 7");
    const { last, status } = await examine("-F", broken.configPath);
    expect(last).toMatchObject({ stage: "shell", result: "failed" });
    expect(last.detail).toBe("the login shell ended with status 7, and printed nothing");
    expect(status).toBe(14);
  });

  test("a login shell that hangs", async () => {
    await using hanging = await withShell("while kill -0 $PPID 2>/dev/null; do sleep 0.1; done");
    const { last, status } = await examine("-F", hanging.configPath, "--deadline", "5");
    expect(last.stage).toBe("shell");
    expect(last.detail).toBe("logged in, and the shell does not run the command, for 5 s");
    expect(status).toBe(14);
  });

  test("a host without an interpreter", async () => {
    const bin = join(dir, "bin");
    await Bun.$`mkdir -p ${bin}`;
    for (const name of ["sh", "cat", "sleep"]) symlinkSync(Bun.which(name) ?? "", join(bin, name));
    await using bare = await withShell(`PATH=${bin} exec /bin/sh "$@"`);
    const { rows, last, status } = await examine("-F", bare.configPath);
    expect(rows.find(({ stage }) => stage === "interpreters")).toMatchObject({
      result: "unknown",
      detail: "none is on PATH",
    });
    expect(last).toMatchObject({ stage: "bootstrap", result: "failed" });
    expect(last.detail).toContain("no interpreter found");
    expect(status).toBe(17);
  });

  /** Each host that cannot be worked on: the stage, the exit status, and what is told. */
  const BROKEN: Readonly<Record<string, readonly [stage: string, status: number, RegExp]>> = {
    refused: ["tcp", 11, /Connection refused/],
    hole: ["tcp", 11, /^no answer: nothing refuses the connection, and nothing accepts it/],
    silent: ["host key", 12, /^connected, and the server says nothing more/],
    "target-key": ["host key", 12, /Host key verification failed/],
    "target-noise": ["shell", 14, /^the login shell prints more than 1048576 bytes, unasked: /],
    "target-ends": ["shell", 14, /^the login shell ended with status 1: This account is not/],
    "target-hangs": ["shell", 14, /^logged in, and the shell does not run the command/],
    "target-bare": ["bootstrap", 17, /no interpreter found/],
    "target-garbage": ["bootstrap", 17, /not a frame/],
  };

  test("hosts that are broken in different ways are told apart", async () => {
    await using hosts = await startBrokenHosts(dir, Object.keys(BROKEN));
    const examined = Object.entries(BROKEN).map(async ([name, [stage, status, detail]]) => {
      const limit = name.includes("-") && name !== "target-hangs" ? PATIENT : ["--deadline", "10"];
      const run = await econtext("doctor", "--json", "-F", hosts.config, ...limit, name);
      const last = JSON.parse(run.stdout.trim().split("\n").at(-1) ?? "") as Row;
      const told = [name, last.stage, last.result, run.status];
      expect(told).toEqual([name, stage, "failed", status]);
      expect(last.detail).toMatch(detail);
      expect(last.hint).toBeString();
    });
    await Promise.all(examined);
  });

  test("a way through another context", async () => {
    const run = await econtext("doctor", "--json", ...PATIENT, "local/local");
    const rows = run.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Row & { hop: string });
    expect(rows.filter(({ stage }) => stage === "hop").map(({ hop }) => hop)).toEqual([
      "local",
      "local/local",
    ]);
    expect(run.status).toBe(0);
  });
});
