/**
 * The options of ssh_config(5) that the embedded ssh honours, against a real sshd: with the same
 * files and the same answers it does what the system's ssh does. Those that it refuses by name.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run as runTool } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { type Outcome, type Run, withEmbedded, withSsh } from "./compare.ts";

const TYPES = { ed25519: [], ecdsa: ["-b", "384"], rsa: ["-b", "3072"] } as const;

suite("the embedded ssh and the system's", missingSshd(), "sshd", () => {
  const folder = mkdtempSync(join(tmpdir(), "econtext-embedded-"));
  const at = (name: string): string => join(folder, name);
  const text = (name: string): string => readFileSync(at(name), "utf8").trim();
  let server: SshServer;
  let count = 0;

  const makeKey = (name: string, type: string, ...more: string[]): void => {
    runTool(["ssh-keygen", "-q", "-t", type, "-N", "", "-C", name, "-f", at(name), ...more]);
  };

  beforeAll(async () => {
    for (const [type, more] of Object.entries(TYPES)) {
      makeKey(`host_${type}`, type, ...more);
      makeKey(`user_${type}`, type, ...more);
    }
    makeKey("other", "ed25519");
    runTool(["cp", "-p", at("user_ed25519"), at("locked")]);
    runTool(["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", at("locked")]);
    runTool(["cp", "-p", at("user_rsa"), at("locked_pem")]);
    const toPem = ["-m", "PEM", "-P", "", "-N", "open sesame", "-f", at("locked_pem")];
    runTool(["ssh-keygen", "-q", "-p", ...toPem]);
    runTool(["cp", "-p", at("user_ed25519"), at("too_open")]);
    runTool(["chmod", "644", at("too_open")]);
    const keys = Object.keys(TYPES);
    const authorized = keys.map((type) => text(`user_${type}.pub`)).join("\n");
    writeFileSync(at("authorized_keys"), `${authorized}\n`);
    server = await startSshd({
      config: [
        ...keys.map((type) => `HostKey ${at(`host_${type}`)}`),
        `AuthorizedKeysFile ${at("authorized_keys")}`,
        "AcceptEnv GREETING LC_*",
        `Banner ${at("banner")}`,
      ],
    });
    writeFileSync(at("banner"), "be welcome\n");
  });

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const hostKey = (type: string, name?: string): string => {
    const [kind, key] = text(`host_${type}.pub`).split(" ");
    return `${name ?? `[127.0.0.1]:${server.port}`} ${kind} ${key}\n`;
  };
  /** A host key that is the right one, and a user key that is taken. */
  const usual = (): Run => ({
    lines: [
      "Host *",
      "  HostName 127.0.0.1",
      `  Port ${server.port}`,
      "  UserKnownHostsFile DIR/known_hosts",
      "  GlobalKnownHostsFile /dev/null",
      "  UpdateHostKeys no",
      "  IdentitiesOnly yes",
      "  IdentityAgent none",
      `  KexAlgorithms curve25519-sha256`,
    ],
    known: hostKey("ed25519"),
  });
  const withLines = (lines: readonly string[], more: Partial<Run> = {}): Run => {
    const { lines: own, ...rest } = usual();
    // The first value counts.
    const key = `  IdentityFile ${at("user_ed25519")}`;
    return { ...rest, ...more, lines: [...lines, ...own, key] };
  };

  async function both(run: Run): Promise<readonly [Outcome, Outcome]> {
    count += 1;
    const dir = at(`run${count}`);
    return Promise.all([withSsh(`${dir}a`, run), withEmbedded(`${dir}b`, run)]);
  }

  /** What must be the same, and what both must be. */
  async function same(run: Run, is: Partial<Outcome>): Promise<Outcome> {
    const [theirs, ours] = await both(run);
    const { stderr, known, ...compared } = ours;
    const { stderr: said, known: learned, ...wanted } = theirs;
    expect({ ...compared, stderr }).toMatchObject({ ...is });
    expect({ ...compared, lines: linesOf(known) }).toEqual({ ...wanted, lines: linesOf(learned) });
    return ours;
  }

  const linesOf = (known: string): number => known.trim().split("\n").filter(Boolean).length;

  const OK = { status: 3, stdout: "ok\nin\n" } as const;

  describe("host keys", () => {
    const asks = { status: 255, code: "ERR_TRANSPORT_HOST_KEY_UNKNOWN" } as const;
    for (const type of Object.keys(TYPES)) {
      test(`known by ${type} alone`, () => same(withLines([], { known: hostKey(type) }), OK));
    }
    test("hashed names", async () => {
      const file = at("hashed");
      writeFileSync(file, hostKey("ed25519"));
      runTool(["ssh-keygen", "-q", "-H", "-f", file]);
      await same(withLines([], { known: readFileSync(file, "utf8") }), OK);
    });
    test("patterns and exclusions", async () => {
      const [, ...key] = hostKey("ed25519").split(" ");
      const known = (names: string): string => [names, ...key].join(" ");
      await same(withLines([], { known: known("[127.0.0.?]:*,!other") }), OK);
      await same(withLines([], { known: known("[127.0.0.1]:*,![*]:*") }), asks);
    });
    test("a key known for the host at its usual port", () =>
      same(withLines([], { known: hostKey("ed25519", "127.0.0.1") }), OK));
    test("a changed key", async () => {
      const wrong = text("other.pub").split(" ");
      const known = `[127.0.0.1]:${server.port} ${wrong[0]} ${wrong[1]}\n`;
      const is = { status: 255, code: "ERR_TRANSPORT_HOST_KEY_CHANGED" } as const;
      const { stderr } = await same(withLines([], { known }), is);
      expect(stderr).toContain("DIR/known_hosts:1");
    });
    test("a changed key, StrictHostKeyChecking no", async () => {
      const wrong = text("other.pub").split(" ");
      const known = `[127.0.0.1]:${server.port} ${wrong[0]} ${wrong[1]}\n`;
      await same(withLines(["StrictHostKeyChecking no"], { known }), OK);
    });
    test("a revoked key", async () => {
      const known = `${hostKey("ed25519")}@revoked ${hostKey("ed25519", "*")}`;
      const { stderr } = await same(withLines([], { known }), { status: 255 });
      expect(stderr).toContain("REVOKED HOST KEY");
    });
    test("RevokedHostKeys", async () => {
      writeFileSync(at("revoked"), `${text("host_ed25519.pub")}\n`);
      const lines = [`RevokedHostKeys ${at("revoked")}`];
      await same(withLines(lines), { status: 255, code: "ERR_TRANSPORT_HOST_KEY_UNKNOWN" });
      await same(withLines(["RevokedHostKeys DIR/nothing"]), { status: 255 });
    });
    test("StrictHostKeyChecking yes", () =>
      same(withLines(["StrictHostKeyChecking yes"], { known: "" }), asks));
    test("StrictHostKeyChecking accept-new", async () => {
      const { known } = await same(
        withLines(["StrictHostKeyChecking accept-new"], { known: "" }),
        OK,
      );
      expect(known).toBe(hostKey("ed25519"));
    });
    test("HashKnownHosts", async () => {
      const lines = ["StrictHostKeyChecking accept-new", "HashKnownHosts yes"];
      const { known } = await same(withLines(lines, { known: "" }), OK);
      expect(known).toMatch(/^\|1\|/);
      await same(withLines([], { known }), OK);
    });
    test("a question: yes, no, nothing, the fingerprint", async () => {
      await same(withLines([], { known: "", answers: ["yes"] }), OK);
      await same(withLines([], { known: "", answers: ["no"] }), asks);
      await same(withLines([], { known: "", answers: [] }), asks);
      await same(withLines([], { known: "", answers: ["perhaps", "yes"] }), OK);
      const print = runTool(["ssh-keygen", "-lf", at("host_ed25519.pub")]).split(" ")[1] ?? "";
      await same(withLines([], { known: "", answers: [print] }), OK);
    });
    test("FingerprintHash md5", () =>
      same(withLines(["FingerprintHash md5"], { known: "", answers: ["yes"] }), OK));
    test("BatchMode", () => same(withLines(["BatchMode yes"], { known: "" }), asks));
    test("HostKeyAlias", () =>
      same(withLines(["HostKeyAlias apart"], { known: hostKey("rsa", "apart") }), OK));
    test("HostKeyAlgorithms", () =>
      same(withLines(["HostKeyAlgorithms rsa-sha2-512"], { known: hostKey("rsa") }), OK));
    test("GlobalKnownHostsFile", async () => {
      writeFileSync(at("global"), hostKey("ed25519"));
      await same(withLines([`GlobalKnownHostsFile ${at("global")}`], { known: "" }), OK);
    });
    test("several UserKnownHostsFile", async () => {
      writeFileSync(at("second"), hostKey("ed25519"));
      await same(
        withLines([`UserKnownHostsFile DIR/known_hosts ${at("second")}`], { known: "" }),
        OK,
      );
    });
    test("KnownHostsCommand", async () => {
      writeFileSync(at("print"), '#!/bin/sh\necho "$1" "$2"\n', { mode: 0o755 });
      const [, kind, key] = hostKey("ed25519").split(" ");
      const command = `KnownHostsCommand ${at("print")} %H "${kind} ${key?.trim()}"`;
      await same(withLines([command], { known: "" }), OK);
      await same(withLines(["KnownHostsCommand /bin/false"]), { status: 255 });
    });
    test("NoHostAuthenticationForLocalhost", () =>
      same(withLines(["NoHostAuthenticationForLocalhost yes"], { known: "" }), OK));
    test("CheckHostIP", async () => {
      const wrong = text("other.pub").split(" ");
      const known =
        hostKey("ed25519", `[localhost]:${server.port}`) +
        `[127.0.0.1]:${server.port} ${wrong[0]} ${wrong[1]}\n`;
      const lines = ["HostName localhost", "AddressFamily inet"];
      await same(withLines([...lines, "CheckHostIP no"], { known }), OK);
      // Addresses of the loopback network are not looked at.
      await same(withLines([...lines, "CheckHostIP yes"], { known }), OK);
    });
    test("RequiredRSASize", () =>
      same(withLines(["RequiredRSASize 4096"], { known: hostKey("rsa") }), { status: 255 }));
  });

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
    test("NumberOfPasswordPrompts", () =>
      same({ ...key("locked", "NumberOfPasswordPrompts 1"), answers: ["wrong"] }, denied));
    test("with a passphrase, in the old format", () =>
      same({ ...key("locked_pem"), answers: ["open sesame"] }, OK));
    test("BatchMode asks for no passphrase", () => same(key("locked", "BatchMode yes"), denied));
    test("PubkeyAuthentication no", () => same(key("user_rsa", "PubkeyAuthentication no"), denied));
    test("PubkeyAcceptedAlgorithms", () =>
      same(key("user_rsa", "PubkeyAcceptedAlgorithms ssh-ed25519"), denied));
    test("PreferredAuthentications", () =>
      same(key("user_rsa", "PreferredAuthentications password"), denied));
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
      await same(withLines([], { destination: `ssh://root@target:${server.port}` }), is);
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
    test("nothing in common", () =>
      same(withLines(["KexAlgorithms diffie-hellman-group1-sha1"]), {
        status: 255,
        code: "ERR_TRANSPORT_FAILED",
      }));
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
      const quiet = await same(withLines(["LogLevel QUIET"]), OK);
      expect(quiet.stderr).not.toContain("be welcome");
    });
    test("Include, Match and Host", () =>
      same(withLines([`Match originalhost target`, `  Port ${server.port}`, "Host *"], {}), OK));
    test("an option that does not exist", () =>
      same(withLines(["NoSuchOption yes"]), { status: 255 }));
    test("an ending by a signal", async () => {
      const [, ours] = await both(withLines([], { command: "kill -9 $$" }));
      expect(ours.status).toBeUndefined();
    });
  });

  describe("refused by name", () => {
    const ROWS: readonly (readonly [line: string, named: string])[] = [
      ["AddKeysToAgent yes", "AddKeysToAgent"],
      ["BindInterface lo", "BindInterface lo"],
      ["CertificateFile /nowhere/cert.pub", "CertificateFile"],
      ["ForwardAgent yes", "ForwardAgent yes"],
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
        const ours = await withEmbedded(at(`run${++count}`), withLines([line]));
        expect(ours).toMatchObject({ status: 255, code: "ERR_TRANSPORT_REFUSED", stdout: "" });
        expect(ours.stderr).toContain(named);
      });
    }
    test("a key with a certificate", async () => {
      makeKey("ca", "ed25519");
      makeKey("certified", "ed25519");
      const sign = ["ssh-keygen", "-q", "-s", at("ca"), "-I", "me", "-n", "root"];
      runTool([...sign, at("certified.pub")]);
      const lines = [`IdentityFile ${at("certified")}`];
      const ours = await withEmbedded(at(`run${++count}`), withLines(lines));
      expect(ours).toMatchObject({ status: 255, code: "ERR_TRANSPORT_REFUSED" });
      expect(ours.stderr).toContain("certified-cert.pub");
    });
  });
});
