/**
 * What the embedded ssh does with its connections, against a real sshd: logging in with passwords,
 * jump hosts, sharing and limits, new keys under way, bytes both ways, and every ending.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { EmbeddedSpawner } from "../../src/embedded-ssh/spawner.ts";
import type { ByteChild } from "../../src/launch/child.ts";
import { LocalSpawner } from "../../src/launch/local-child.ts";
import {
  makeUser,
  missingRoot,
  run as runTool,
  type ScratchUser,
} from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import { soon } from "../helpers/soon.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { type Run, withEmbedded, withSsh } from "./compare.ts";

setDefaultTimeout(60_000);

const MIB = 1 << 20;
const missingSs = Bun.which("ss") === null ? "no ss (Debian package iproute2)" : undefined;
const OPTIONS = { asks: false, isClient: true };

/** All that a child prints, and how it ends. */
async function all(child: ByteChild, input?: Uint8Array, drained = (): void => {}) {
  const hash = createHash("sha256");
  let bytes = 0;
  let text = "";
  child.listen({
    data: (chunk) => {
      bytes += chunk.length;
      hash.update(chunk);
      if (text.length < 1000) text += new TextDecoder().decode(chunk);
    },
    drained,
    closed: () => {},
  });
  if (input !== undefined) child.write(input);
  const ending = await child.ended;
  return { ending, bytes, text, hash: hash.digest("hex"), stderr: child.stderr };
}

suite("sessions of the embedded ssh", missingSshd(), "sshd", () => {
  const folder = mkdtempSync(join(tmpdir(), "econtext-embedded-"));
  const spawner = new EmbeddedSpawner();
  let server: SshServer;
  let other: SshServer;

  beforeAll(async () => {
    [server, other] = await Promise.all([
      startSshd({ config: ["MaxSessions 3", "LogLevel VERBOSE"] }),
      startSshd({ config: ["LogLevel VERBOSE"] }),
    ]);
  });
  afterAll(async () => {
    await Promise.all([server, other].map((one) => one?.[Symbol.asyncDispose]()));
    rmSync(folder, { recursive: true, force: true });
  });

  const start = (command: string, ...options: readonly string[]): ByteChild =>
    spawner.spawn(
      ["ssh", "-F", server.configPath, ...options, "-T", "--", "target", command],
      OPTIONS,
    );
  const logOf = (one: SshServer): string =>
    readFileSync(join(dirname(one.configPath), "sshd.log"), "utf8");
  const connections = (one: SshServer): number =>
    logOf(one).match(/^Accepted publickey/gm)?.length ?? 0;
  describe("connections", () => {
    test("commands at the same time share one; a server's limit leads to another", async () => {
      const before = connections(server);
      const children = Array.from({ length: 7 }, () => start("echo up >&2; cat"));
      const outputs = children.map((child) => all(child, Buffer.from("x")));
      await soon(() => children.every(({ stderr }) => stderr === "up\n"));
      for (const child of children) child.close();
      const ended = await Promise.all(outputs);
      expect(ended.map(({ ending }) => ending.status)).toEqual(children.map(() => 0));
      expect(connections(server) - before).toBe(3);
    });
    test("the last command closes it", async () => {
      const before = connections(server);
      await all(start("true"));
      await all(start("true"));
      expect(connections(server) - before).toBe(2);
      await soon(
        () =>
          logOf(server).match(/^(?:Disconnected from user|Connection closed)/gm)?.length ===
          connections(server),
      );
    });
    test("no session is allowed", async () => {
      await using none = await startSshd({ config: ["MaxSessions 0"] });
      const argv = ["ssh", "-F", none.configPath, "-T", "--", "target", "true"];
      const { ending, stderr } = await all(spawner.spawn(argv, OPTIONS));
      expect(ending.status).toBe(255);
      expect(stderr).toContain("channel 0: open failed: ");
    });
    test("`auto` starts ssh for a host that is refused", async () => {
      const auto = new EmbeddedSpawner({ fallback: new LocalSpawner() });
      const options = ["-o", "ForwardX11=yes", "-F", server.configPath];
      const argv = ["ssh", ...options, "-T", "--", "target", "echo up >&2; head -n 2; exit 4"];
      const child = auto.spawn(argv, OPTIONS);
      // The first bytes wait until it is known which of the two runs; the writer, too.
      const drained = Promise.withResolvers<void>();
      const output = all(child, Buffer.from("in\n"), drained.resolve);
      await drained.promise;
      await soon(() => child.stderr.endsWith("up\n"));
      child.write(Buffer.from("more\n"));
      const { ending, text } = await output;
      expect(ending.status).toBe(4);
      expect(text).toBe("in\nmore\n");
    });
  });

  describe("jump hosts", () => {
    const run = (lines: readonly string[]): Run => ({
      lines: [
        `Include ${server.configPath}`,
        ...lines,
        `Host far`,
        ...readFileSync(other.configPath, "utf8").split("\n").slice(1),
      ],
      destination: "far",
      command: "echo $SSH_CONNECTION | cut -d' ' -f4; cat; exit 3",
    });
    test("over two real servers", async () => {
      const before = [connections(server), connections(other)];
      const own = run(["Host far", "  ProxyJump target"]);
      const ours = await withEmbedded(join(folder, "jump"), own);
      expect(ours).toMatchObject({ status: 3, stdout: `${other.port}\nin\n` });
      expect([connections(server), connections(other)]).toEqual(before.map((count) => count + 1));
      expect(await withSsh(join(folder, "jump2"), own)).toMatchObject({ stdout: ours.stdout });
    });
    test("two jumps, and an account in one", async () => {
      const own = run(["Host far", `  ProxyJump target,root@127.0.0.1:${server.port}`]);
      const lines = [
        ...own.lines,
        "Host 127.0.0.1",
        ...readFileSync(server.configPath, "utf8").split("\n").slice(1),
      ];
      const ours = await withEmbedded(join(folder, "jumps"), { ...own, lines });
      expect(ours).toMatchObject({ status: 3, stdout: `${other.port}\nin\n` });
    });
    test("one that cannot be reached", async () => {
      const own = run([
        "Host nowhere",
        "  Port 1",
        "  HostName 127.0.0.1",
        "Host far",
        "  ProxyJump nowhere",
      ]);
      const ours = await withEmbedded(join(folder, "jump3"), own);
      expect(ours).toMatchObject({ status: 255, code: "ERR_TRANSPORT_UNREACHABLE" });
    });
    test("jumps that lead back to where they began", async () => {
      const loop = ["Host round", "  ProxyJump far", "Host far", "  ProxyJump round"];
      const ours = await withEmbedded(join(folder, "loop"), run(loop));
      expect(ours.status).toBe(255);
      expect(ours.stderr).toContain("ProxyJump leads back to itself");
    });
    test("jumps that lead back to one another, opened at once", async () => {
      const loop = ["Host round", "  ProxyJump square", "Host square", "  ProxyJump round"];
      const config = join(folder, "loops");
      writeFileSync(config, run(loop).lines.join("\n"));
      const children = ["round", "square", "round"].map((host) =>
        spawner.spawn(["ssh", "-F", config, "-T", "--", host, "true"], OPTIONS),
      );
      for (const { ending, stderr } of await Promise.all(children.map((child) => all(child)))) {
        expect(ending.status).toBe(255);
        expect(stderr).toContain("ProxyJump leads back to itself");
      }
    });
    test("many contexts behind one share its connection, and what ssh -G says of it", async () => {
      const before = connections(server);
      const dir = join(folder, "jump4");
      const asked = join(folder, "asked");
      const note = `Match originalhost target exec "echo >>${asked}"`;
      const own = run([note, "Host far*", "  ProxyJump target"]);
      const text = own.lines.join("\n").replaceAll("DIR", dir).replace("Host far\n", "Host far*\n");
      writeFileSync(join(folder, "many"), text);
      const ended = await Promise.all(
        Array.from({ length: 10 }, (_, at) => {
          const argv = ["ssh", "-F", join(folder, "many"), "-T", "--", `far${at}`, "echo ok"];
          return all(spawner.spawn(argv, OPTIONS));
        }),
      );
      expect(ended.map(({ text }) => text)).toEqual(ended.map(() => "ok\n"));
      expect(connections(server) - before).toBe(1);
      expect(readFileSync(asked, "utf8")).toBe("\n");
    });
  });

  describe("bytes", () => {
    const source = (mib: number): string =>
      `head -c ${mib * MIB} /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 2>/dev/null || head -c ${mib * MIB} /dev/zero`;
    test("all of a large output, and its error output", async () => {
      const { ending, bytes, stderr } = await all(start(`${source(32)}; echo done >&2; exit 5`));
      expect(ending.status).toBe(5);
      expect(bytes).toBe(32 * MIB);
      expect(stderr).toBe("done\n");
    });
    test("a large input", async () => {
      const input = Buffer.alloc(16 * MIB, "0123456789");
      const child = start(`head -c ${input.length} | sha256sum`);
      const { text } = await all(child, input);
      expect(text).toStartWith(createHash("sha256").update(input).digest("hex"));
    });
    for (const [who, limits] of [
      ["this end", ["-o", "RekeyLimit=1M"]],
      ["the server", []],
    ] as const) {
      test(`new keys under way, asked for by ${who}`, async () => {
        await using rekeying = await startSshd({
          config: ["LogLevel DEBUG", ...(limits.length === 0 ? ["RekeyLimit 1M"] : [])],
        });
        const command =
          "head -c 33554432 /dev/zero | tee /dev/stderr 2>/dev/null | sha256sum; head -c 33554432 | sha256sum";
        const argv = ["ssh", "-F", rekeying.configPath, ...limits, "-T", "--", "target", command];
        const zeros = Buffer.alloc(32 * MIB);
        const { text, ending } = await all(spawner.spawn(argv, OPTIONS), zeros);
        const hash = createHash("sha256").update(zeros).digest("hex");
        expect(text).toBe(`${hash}  -\n${hash}  -\n`);
        expect(ending.status).toBe(0);
        const count = logOf(rekeying).match(/rekeying in progress|set_newkeys: mode 1|rekey out/g);
        expect(count?.length).toBeGreaterThan(10);
      });
    }
  });

  describe("endings", () => {
    test("close gives the command the end of its input", async () => {
      const child = start("echo up >&2; cat >/dev/null; echo over >&2; exit 6");
      const output = all(child, Buffer.from("x"));
      await soon(() => child.stderr === "up\n");
      child.close();
      expect(await output).toMatchObject({ ending: { status: 6 }, stderr: "up\nover\n" });
    });
    test("a command that goes on is given up", async () => {
      const child = start("echo up >&2; exec sleep 4");
      const output = all(child, Buffer.from("x"));
      await soon(() => child.stderr === "up\n");
      child.close();
      expect((await output).ending.status).toBe(255);
    });
    test("kill, and close before it is connected", async () => {
      const one = start("exec cat");
      const two = start("exec cat");
      const outputs = [all(one), all(two)];
      one.kill();
      two.close();
      expect((await Promise.all(outputs)).map(({ ending }) => ending.status)).toEqual([255, 255]);
    });
    test("one that leaves does not end what another waits for", async () => {
      const [one, two] = [start("echo one"), start("echo two")];
      const outputs = [all(one), all(two)];
      one.kill();
      expect(await outputs[1]).toMatchObject({ text: "two\n", ending: { status: 0 } });
    });
    test("a server that is killed", async () => {
      const killed = await startSshd();
      const argv = ["ssh", "-F", killed.configPath, "-T", "--", "target", "echo here; exec cat"];
      const child = spawner.spawn(argv, OPTIONS);
      const { promise: isHere, resolve } = Promise.withResolvers<void>();
      child.listen({ data: () => resolve(), drained: () => {}, closed: () => {} });
      await isHere;
      await killed[Symbol.asyncDispose]();
      expect(await child.ended).toEqual({ status: 255 });
      expect(child.stderr).toContain("closed by remote host");
    });
    test("a server that answers no more: ServerAliveInterval, ServerAliveCountMax", async () => {
      const limits = ["-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=1"];
      const child = start("echo $PPID >&2; exec cat", ...limits);
      const output = all(child, Buffer.from("x"));
      await soon(() => child.stderr.endsWith("\n"));
      // The process of sshd for this connection.
      const session = Number(child.stderr);
      process.kill(session, "SIGSTOP");
      try {
        const { ending, stderr } = await output;
        expect(ending).toEqual({ status: 255 });
        expect(stderr).toContain("Timeout, server 127.0.0.1 not responding.");
      } finally {
        process.kill(session, "SIGKILL");
      }
    });
    suite("TCPKeepAlive", missingSs, "ss", () => {
      test.each(["yes", "no"])("%s", async (value) => {
        const child = start("echo $SSH_CONNECTION >&2; exec cat", "-o", `TCPKeepAlive=${value}`);
        const output = all(child, Buffer.from("x"));
        await soon(() => child.stderr.endsWith("\n"));
        const [, port] = child.stderr.split(" ");
        const shown = Bun.spawnSync(["ss", "-tnoH", "sport", "=", `:${port}`]).stdout.toString();
        expect(shown.includes("timer:(keepalive")).toBe(value === "yes");
        child.close();
        await output;
      });
    });
    test("a signal is told", async () => {
      expect((await all(start("kill -9 $$"))).ending).toEqual({ signal: "SIGKILL" });
    });
  });

  suite("passwords", missingRoot(), "root", () => {
    let user: ScratchUser;
    let asking: SshServer;
    beforeAll(async () => {
      user = makeUser();
      asking = await startSshd({
        config: ["PasswordAuthentication yes", "KbdInteractiveAuthentication yes", "UsePAM yes"],
      });
    });
    afterAll(async () => {
      await asking?.[Symbol.asyncDispose]();
      user?.[Symbol.dispose]();
    });
    const run = (method: string, answers: readonly string[], ...lines: string[]): Run => ({
      lines: [
        ...lines,
        "BatchMode no",
        `PreferredAuthentications ${method}`,
        `Include ${asking.configPath}`,
      ],
      destination: `${user.name}@target`,
      answers,
    });
    const denied = { status: 255, code: "ERR_TRANSPORT_PERMISSION_DENIED" };
    for (const method of ["password", "keyboard-interactive"]) {
      test(`${method}: as ssh asks for it`, async () => {
        const right = run(method, [user.password]);
        const theirs = await withSsh(join(folder, `${method}1`), right);
        const ours = await withEmbedded(join(folder, `${method}2`), right);
        expect(ours).toMatchObject({ status: 3, stdout: "ok\nin\n" });
        expect(ours.asked).toEqual(theirs.asked);
      });
      test(`${method}: wrong, then right; wrong each time; none`, async () => {
        const dir = (name: string): string => join(folder, `${method}-${name}`);
        const second = await withEmbedded(dir("a"), run(method, ["wrong", user.password]));
        expect(second).toMatchObject({ status: 3 });
        const prompts = "NumberOfPasswordPrompts 2";
        const each = await withEmbedded(dir("b"), run(method, ["w", "w", "w"], prompts));
        expect(each).toMatchObject(denied);
        expect(each.asked).toHaveLength(2);
        expect(await withEmbedded(dir("c"), run(method, []))).toMatchObject(denied);
        const batch = await withEmbedded(dir("d"), run(method, [user.password], "BatchMode yes"));
        expect(batch).toMatchObject({ ...denied, asked: [] });
      });
    }
    test("PasswordAuthentication no, KbdInteractiveAuthentication no", async () => {
      const only = "password,keyboard-interactive";
      const right = (...lines: string[]): Run => run(only, [user.password], ...lines);
      const [noPassword, noOther] = [
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
      ] as const;
      const dir = (name: string): string => join(folder, `only-${name}`);
      const first = await withEmbedded(dir("a"), right(noPassword));
      expect(first.asked[0]).toStartWith("(");
      const second = await withEmbedded(dir("b"), right(noOther));
      expect(second.asked[0]).not.toStartWith("(");
      const none = await withEmbedded(dir("c"), right(noPassword, noOther));
      expect(none).toMatchObject({ ...denied, asked: [] });
    });
    test("a password that has expired is told as by ssh", async () => {
      const late = makeUser();
      try {
        runTool(["chage", "-d", "0", late.name]);
        const own = {
          ...run("password", [late.password, late.password]),
          destination: `${late.name}@target`,
        };
        const theirs = await withSsh(join(folder, "expired1"), own);
        const ours = await withEmbedded(join(folder, "expired2"), own);
        expect(ours.stderr).toContain("Password change required");
        expect(ours).toMatchObject({ status: theirs.status, asked: theirs.asked });
      } finally {
        late[Symbol.dispose]();
      }
    });
    test("a changed host key: no password is given away", async () => {
      const lines = ["StrictHostKeyChecking no", "UserKnownHostsFile DIR/known_hosts"];
      const wrong = readFileSync(join(dirname(server.configPath), "host_key.pub"), "utf8");
      const own = {
        ...run("password", [user.password], ...lines),
        known: `econtext-throw-away ${wrong}`,
      };
      const ours = await withEmbedded(join(folder, "changed"), own);
      expect(ours).toMatchObject({ code: "ERR_TRANSPORT_HOST_KEY_CHANGED", asked: [] });
    });
  });
});
