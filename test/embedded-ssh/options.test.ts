/**
 * The options of ssh_config(5) that the embedded ssh honours, against a real sshd and beside the
 * system's ssh; and those that it refuses by name.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import { account } from "../../src/transports/account.ts";
import { run as runTool } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { type Run, withEmbedded, withSsh } from "./compare.ts";
import { OK, optionScene, TYPES } from "./scene.ts";

suite("options of the embedded ssh", missingSshd(), "sshd", () => {
  const { folder, at, text, another, hostKey, usual, withLines, both, same, port } = optionScene();

  describe("keys of users", () => {
    const key = (name: string, ...lines: string[]): Run => {
      const run = usual();
      return { ...run, lines: [...lines, ...run.lines, `  IdentityFile ${at(name)}`] };
    };
    const denied = { status: 255, code: "ERR_TRANSPORT_PERMISSION_DENIED" } as const;
    for (const type of Object.keys(TYPES)) test(type, () => same(key(`user_${type}`), OK));
    test("one that is not taken", () => same(key("other"), denied));
    test("a later one", () => same(key("other", `IdentityFile ${at("user_ecdsa")}`), OK));
    test("one that is missing", () => same(key("nothing"), denied));
    test("-i FILE that is missing", () =>
      same({ ...key("user_rsa"), options: ["-i", "/nowhere/key"] }, OK));
    test("one that others can read", () => same(key("too_open"), denied));
    test("with a passphrase", async () => {
      await same({ ...key("locked"), answers: ["open sesame"] }, OK);
      await same({ ...key("locked"), answers: ["wrong", "open sesame"] }, OK);
      await same({ ...key("locked"), answers: [] }, denied);
    });
    test("NumberOfPasswordPrompts", async () => {
      for (const count of [0, 1]) {
        const run = key("locked", `NumberOfPasswordPrompts ${count}`);
        const answers = ["wrong", "open sesame"];
        expect((await same({ ...run, answers }, denied)).asked).toHaveLength(count);
      }
    });
    test("with a passphrase, in the old format", () =>
      same({ ...key("locked_pem"), answers: ["open sesame"] }, OK));
    test("BatchMode asks for no passphrase", () => same(key("locked", "BatchMode yes"), denied));
    test("PubkeyAuthentication no", () => same(key("user_rsa", "PubkeyAuthentication no"), denied));
    test("PubkeyAcceptedAlgorithms", async () => {
      await same(key("user_rsa", "PubkeyAcceptedAlgorithms ssh-ed25519"), denied);
      await same(key("user_rsa", "PubkeyAcceptedAlgorithms rsa-sha2-256"), OK);
      // The package signs with SHA-256 where the server has it.
      const other = key("user_rsa", "PubkeyAcceptedAlgorithms rsa-sha2-512");
      const ours = await withEmbedded(another(), other);
      expect(ours).toMatchObject(denied);
      expect(ours.stderr).toContain("PubkeyAcceptedAlgorithms has no rsa-sha2-256");
    });
    test("RequiredRSASize", () => same(key("user_rsa", "RequiredRSASize 3073"), denied));
    test("a public key alone", () => same(key("user_rsa.pub"), denied));
    test("a pipe is not read", async () => {
      runTool(["mkfifo", "-m", "600", at("pipe")]);
      const own = key("user_rsa", `IdentityFile ${at("pipe")}`);
      expect(await withEmbedded(another(), own)).toMatchObject(OK);
    });
    test("a passphrase in the old format is asked for in turn", async () => {
      runTool(["cp", "-p", at("locked_pem"), at("locked_pem_alone")]);
      const answers = ["open sesame"];
      const first = key("locked_pem_alone", `IdentityFile ${at("user_ecdsa")}`);
      expect((await same({ ...first, answers }, OK)).asked).toEqual([]);
      const last = key("locked_pem_alone", `IdentityFile ${at("other")}`);
      expect((await same({ ...last, answers }, OK)).asked).toHaveLength(1);
    });
    test("PreferredAuthentications", () =>
      same(key("user_rsa", "PreferredAuthentications password"), denied));
    test("HOME and USER of another account do not count", async () => {
      const file = `~/${relative(account().home, at("user_rsa"))}`;
      const env = { HOME: "/nowhere", USER: "bin" };
      await same({ ...key("nothing", `IdentityFile ${file}`), env }, OK);
      runTool(["cp", "-p", at("user_rsa"), at(`user_${account().name}`)]);
      await same({ ...key("nothing", `IdentityFile ${folder}/user_%u`), env }, OK);
    });
    test("tokens in IdentityFile", () =>
      same(key("user_rsa", `IdentityFile ${folder}/user_%L-%n-%p-%r`), OK));
  });

  describe("an agent", () => {
    let agent: { readonly socket: string; readonly pid: number };
    beforeAll(() => {
      const said = runTool(["ssh-agent", "-s", "-a", at("agent")]);
      agent = { socket: at("agent"), pid: Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1]) };
      for (const name of ["other", "user_ecdsa", "user_rsa"]) {
        runTool(["env", `SSH_AUTH_SOCK=${agent.socket}`, "ssh-add", "-q", at(name)]);
      }
    });
    afterAll(() => {
      if (agent !== undefined) process.kill(agent.pid);
    });
    const using = (...lines: string[]): Run => {
      const run = usual();
      return { ...run, lines: [...lines, ...run.lines.filter((one) => !/Identit/.test(one))] };
    };
    const denied = { status: 255, code: "ERR_TRANSPORT_PERMISSION_DENIED" } as const;
    test("its keys", () => same(using("IdentityAgent DIR/../agent", "IdentityFile none"), OK));
    test("SSH_AUTH_SOCK", () =>
      same({ ...using("IdentityFile none"), env: { SSH_AUTH_SOCK: agent.socket } }, OK));
    test("IdentitiesOnly with a public key", async () => {
      const agent = "IdentityAgent DIR/../agent";
      const only = (name: string) => [agent, "IdentitiesOnly yes", `IdentityFile ${at(name)}`];
      await same(using(...only("other")), denied);
      await same(using(...only("user_ecdsa")), OK);
    });
    test("IdentitiesOnly with the file of a public key", async () => {
      runTool(["cp", at("user_ecdsa.pub"), at("apart.pub")]);
      const agent = ["IdentityAgent DIR/../agent", "IdentitiesOnly yes"];
      await same(using(...agent, `IdentityFile ${at("user_ecdsa.pub")}`), OK);
      await same(using(...agent, `IdentityFile ${at("apart")}`), OK);
    });
    test("a key that is restricted to a destination", async () => {
      writeFileSync(at("restricting"), hostKey("ed25519", "here") + hostKey("rsa", "there"));
      const socket = at("restricted-agent");
      const said = runTool(["ssh-agent", "-s", "-a", socket]);
      const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1]);
      const add = [
        "env",
        `SSH_AUTH_SOCK=${socket}`,
        "ssh-add",
        "-q",
        "-H",
        at("restricting"),
        "-h",
      ];
      const lines = [`IdentityAgent ${socket}`, "IdentityFile none", "ForwardAgent yes"];
      try {
        runTool([...add, "there", at("user_rsa")]);
        await same(using(...lines), denied);
        runTool([...add, "here", at("user_ecdsa")]);
        // What the far side sees of the agent is another thing: here, no key.
        const command = "ssh-add -l; cat; exit 3";
        const is = { status: 3, stdout: "The agent has no identities.\nin\n" } as const;
        await same({ ...using(...lines), command }, is);
      } finally {
        process.kill(pid);
      }
    });
    describe("AddKeysToAgent", () => {
      /** @returns what the agent holds after a run of ssh, and after one of the embedded ssh */
      const added = async (name: string, run: Run): Promise<string[]> => {
        const lists: string[] = [];
        for (const one of [withSsh, withEmbedded]) {
          const socket = `${another()}-agent`;
          const said = runTool(["ssh-agent", "-s", "-a", socket]);
          try {
            const env = { SSH_AUTH_SOCK: socket };
            expect(await one(another(), { ...run, env })).toMatchObject(OK);
            const all = { ...process.env, ...env };
            const list = Bun.spawnSync(["ssh-add", "-l"], { env: all }).stdout.toString();
            // The agent signs with it, and the public key agrees.
            const trial = Bun.spawnSync(["ssh-add", "-T", at(`${name}.pub`)], { env: all });
            lists.push(`${list}${trial.exitCode}`);
          } finally {
            process.kill(Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1]));
          }
        }
        return lists;
      };
      const adding = (value: string, name: string): Run =>
        using(`AddKeysToAgent ${value}`, `IdentityFile ${at(name)}`);
      const EMPTY = "The agent has no identities.\n1";
      for (const type of Object.keys(TYPES)) {
        test(`${type}: the agent holds it, and signs with it`, async () => {
          const [theirs, ours] = await added(`user_${type}`, adding("yes", `user_${type}`));
          expect(ours).toMatch(/^\d+ SHA256:.*\n0$/);
          expect(ours).toBe(theirs);
        });
      }
      test("with a passphrase, for a time, and confirmed", async () => {
        const locked = { ...adding("confirm 5m", "locked"), answers: ["open sesame"] };
        const [theirs, ours] = await added("user_ed25519", locked);
        expect(ours).toMatch(/^256 SHA256:/);
        expect(ours).toBe(theirs);
      });
      test("`ask` asks", async () => {
        const ask = adding("ask", "user_rsa");
        const lists = await added("user_rsa", { ...ask, answers: ["yes"] });
        const [theirs, ours] = lists;
        expect(ours).toMatch(/^3072 SHA256:/);
        expect(ours).toBe(theirs);
        expect(await added("user_rsa", { ...ask, answers: ["no"] })).toEqual([EMPTY, EMPTY]);
        const empty = await added("user_rsa", { ...ask, answers: [""] });
        expect(empty).toEqual(lists);
        const batch = { ...ask, lines: ["BatchMode yes", ...ask.lines], answers: ["yes"] };
        // ssh would ask by SSH_ASKPASS all the same.
        expect((await added("user_rsa", batch))[1]).toBe(EMPTY);
      });
      test("without an agent", () => same(withLines(["AddKeysToAgent yes"]), OK));
    });
    describe("ForwardAgent", () => {
      const listing = (...lines: string[]): Run => ({
        ...withLines(lines),
        env: { SSH_AUTH_SOCK: agent.socket },
        command: "ssh-add -l 2>&1 | cut -d' ' -f2-; cat; exit 3",
      });
      test("the agent of the login, and another one", async () => {
        const all = await same(listing("IdentityAgent SSH_AUTH_SOCK", "ForwardAgent yes"), {});
        expect(all.stdout.match(/^SHA256:/gm)).toHaveLength(3);
        const env = { SSH_AUTH_SOCK: agent.socket, OTHER_AGENT: agent.socket };
        for (const value of ["$OTHER_AGENT", "$SSH_AUTH_SOCK", agent.socket]) {
          const own = listing("IdentityAgent SSH_AUTH_SOCK", `ForwardAgent ${value}`);
          expect((await same({ ...own, env }, {})).stdout).toBe(all.stdout);
        }
      });
      test("none", async () => {
        for (const value of ["yes", "no", agent.socket]) {
          const ours = await same(listing(`ForwardAgent ${value}`), { status: 3 });
          expect(ours.stdout).not.toContain("SHA256:");
        }
      });
      test("a changed host key: the agent is not given away", async () => {
        const lines = ["StrictHostKeyChecking no", "IdentityAgent SSH_AUTH_SOCK"];
        const known = `[127.0.0.1]:${port()} ${text("other.pub")}\n`;
        const run = { ...listing(...lines, "ForwardAgent yes"), known };
        const ours = await same(run, { status: 3 });
        expect(ours.stdout).not.toContain("SHA256:");
        expect(ours.stderr).toContain("Agent forwarding is disabled");
      });
      test("a server that refuses it", async () => {
        await using refusing = await startSshd({ config: ["AllowAgentForwarding no"] });
        const lines = ["ForwardAgent yes", `IdentityAgent ${agent.socket}`];
        await same({ lines: [...lines, `Include ${refusing.configPath}`] }, OK);
      });
    });
    test("its order, and the server's limit of attempts", async () => {
      // Each key counts as an attempt: of the agent's, the second is the one that is taken.
      await using limited = await startSshd({
        config: ["MaxAuthTries 2", `AuthorizedKeysFile ${at("user_ecdsa.pub")}`],
      });
      const lines = (...own: string[]): Run => ({
        lines: [...own, "IdentityAgent DIR/../agent", `Include ${limited.configPath}`],
      });
      const files = ["user_rsa", "user_ecdsa"].map((name) => `IdentityFile ${at(name)}`);
      await same(lines("IdentitiesOnly no", "IdentityFile none"), OK);
      await same(lines("IdentitiesOnly no", ...files), OK);
      const late = ["other", "user_rsa"].map((name) => `IdentityFile ${at(name)}`);
      const ours = await same(lines("IdentitiesOnly no", ...late), { status: 255 });
      expect(ours.stderr).toContain("Too many authentication failures");
    });
    test("none there", () =>
      same(using("IdentityAgent /nowhere/agent", `IdentityFile ${at("user_rsa")}`), OK));
  });

  describe("connecting", () => {
    test("a host that does not exist", () =>
      same(withLines(["HostName no-such-host.invalid"]), {
        status: 255,
        code: "ERR_TRANSPORT_UNKNOWN_HOST",
      }));
    test("a port that refuses", () =>
      same(withLines(["Port 1", "ConnectionAttempts 2"]), {
        status: 255,
        code: "ERR_TRANSPORT_UNREACHABLE",
      }));
    test("AddressFamily", async () => {
      const lines = ["HostName localhost", "StrictHostKeyChecking no"];
      await same(withLines([...lines, "AddressFamily inet"]), OK);
      await same(withLines([...lines, "AddressFamily inet6"]), { status: 255 });
      const is = { status: 255, code: "ERR_TRANSPORT_UNKNOWN_HOST" } as const;
      await same(withLines(["AddressFamily inet6"]), is);
    });
    test("BindAddress", () =>
      same(
        withLines(["BindAddress 127.0.0.2"], {
          command: "echo $SSH_CONNECTION | cut -d' ' -f1; cat; exit 3",
        }),
        { status: 3, stdout: "127.0.0.2\nin\n" },
      ));
    test("ConnectTimeout: a server that says nothing", async () => {
      const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
      const lines = ["ConnectTimeout 1", `Port ${silent.port}`];
      await same(withLines(lines), { status: 255, code: "ERR_TRANSPORT_UNREACHABLE" });
      silent.stop(true);
    });
    test("a server that hangs up", async () => {
      const short = Bun.listen({
        hostname: "127.0.0.1",
        port: 0,
        socket: { open: (socket) => void socket.end(), data() {} },
      });
      await same(withLines([`Port ${short.port}`]), { status: 255, code: "ERR_TRANSPORT_FAILED" });
      short.stop(true);
    });
    test("a server that ends in the middle of the key exchange", () =>
      same(withLines(["ProxyCommand printf 'SSH-2.0-short\\r\\n'; sleep 0.2"]), { status: 255 }));
    test("a user, in three spellings", async () => {
      const me = "echo $(id -un) >&2; cat; exit 3";
      const is = { status: 3 };
      await same(withLines(["User root"], { command: me }), is);
      await same(withLines([], { destination: "root@target", command: me }), is);
      await same(withLines([], { destination: `ssh://root@target:${port()}` }), is);
    });
    test("SendEnv and SetEnv", () =>
      same(
        withLines(["SendEnv LC_MY*", "SetEnv GREETING=hello"], {
          env: { LC_MYOWN: "sent" },
          command: "echo $GREETING $LC_MYOWN; cat; exit 3",
        }),
        { status: 3, stdout: "hello sent\nin\n" },
      ));
    test("Compression", () => same(withLines(["Compression yes"]), OK));
    for (const cipher of ["aes128-gcm@openssh.com", "aes256-ctr"]) {
      test(`Ciphers ${cipher}`, () => same(withLines([`Ciphers ${cipher}`]), OK));
    }
    test("MACs", () =>
      same(withLines(["Ciphers aes128-ctr", "MACs hmac-sha2-512-etm@openssh.com"]), OK));
    test("KexAlgorithms", () => same(withLines(["KexAlgorithms ecdh-sha2-nistp384"]), OK));
    test("nothing in common", async () => {
      const run = withLines(["KexAlgorithms diffie-hellman-group1-sha1"]);
      const ours = await withEmbedded(another(), run);
      expect(ours).toMatchObject({ status: 255, code: "ERR_TRANSPORT_REFUSED" });
    });
    test("ProxyCommand", () =>
      same(
        withLines([`ProxyCommand bash -c 'exec 3<>/dev/tcp/%h/%p; cat <&3 & cat >&3; kill $!'`]),
        OK,
      ));
    test("ProxyCommand that fails", () =>
      same(withLines(["ProxyCommand exit 1"]), { status: 255, code: "ERR_TRANSPORT_FAILED" }));
    test("a banner", async () => {
      const { stderr } = await same(withLines([]), OK);
      expect(stderr).toContain("be welcome");
      for (const level of ["QUIET", "ERROR"]) {
        const quiet = await same(withLines([`LogLevel ${level}`]), OK);
        expect(quiet.stderr).not.toContain("be welcome");
      }
    });
    test("Include, Match and Host", () =>
      same(withLines([`Match originalhost target`, `  Port ${port()}`, "Host *"], {}), OK));
    test("Match exec, user, localuser, final and canonical", () => {
      const me = account().name;
      return same(
        withLines(
          [
            `Match exec "test %n = target" localuser ${me} user ${me}`,
            "  SetEnv GREETING=exec",
            "Match final",
            `  Port ${port()}`,
            "Match canonical",
            "  Port 1",
            "Host *",
            "  CanonicalizeHostname no",
          ],
          { command: "echo $GREETING; cat; exit 3" },
        ),
        { status: 3, stdout: "exec\nin\n" },
      );
    });
    test("ClearAllForwardings", () =>
      same(withLines(["ClearAllForwardings yes", "LocalForward 9 localhost:9"]), OK));
    test("ForceCommand of the server", async () => {
      await using forced = await startSshd({ config: ["ForceCommand echo forced; cat; exit 5"] });
      await same(
        { lines: [`Include ${forced.configPath}`] },
        { status: 5, stdout: "forced\nin\n" },
      );
    });
    test("an option that does not exist", () =>
      same(withLines(["NoSuchOption yes"]), { status: 255 }));
    test("an ending by a signal", async () => {
      const [, ours] = await both(withLines([], { command: "kill -9 $$" }));
      expect(ours.status).toBeUndefined();
    });
  });

  describe("refused by name", () => {
    const ROWS: readonly (readonly [line: string, named: string])[] = [
      ["BindInterface lo", "BindInterface lo"],
      ["CertificateFile /nowhere/cert.pub", "CertificateFile"],
      ["ForwardX11 yes", "ForwardX11 yes"],
      ["HostbasedAuthentication yes", "HostbasedAuthentication yes"],
      ["KexAlgorithms sntrup761x25519-sha512@openssh.com", "KexAlgorithms"],
      ["Ciphers chacha20-poly1305@openssh.com,aes128-ctr", "chacha20-poly1305@openssh.com"],
      ["MACs umac-128-etm@openssh.com", "MACs"],
      ["LocalForward 9 localhost:9", "LocalForward"],
      ["PKCS11Provider /nowhere.so", "PKCS11Provider"],
      ["Tunnel yes", "Tunnel"],
      ["VerifyHostKeyDNS yes", "VerifyHostKeyDNS"],
      ['UserKnownHostsFile "DIR/a b"', "UserKnownHostsFile"],
      ['SetEnv GREETING="a b"', "SetEnv"],
    ];
    for (const [line, named] of ROWS) {
      test(line, async () => {
        const ours = await withEmbedded(another(), withLines([line]));
        expect(ours).toMatchObject({ status: 255, code: "ERR_TRANSPORT_REFUSED", stdout: "" });
        expect(ours.stderr).toContain(named);
      });
    }
  });
});
