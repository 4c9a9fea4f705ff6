/** Host keys, by the embedded ssh and by the system's: known-hosts files, questions, refusals. */
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { account } from "../../src/transports/account.ts";
import { run as runTool } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import { missingSshd } from "../helpers/sshd.ts";
import { withEmbedded } from "./compare.ts";
import { OK, OWN_ADDRESS, optionScene, TYPES } from "./scene.ts";

const missingAddress =
  OWN_ADDRESS === undefined ? "this machine has no address of a network" : undefined;

suite("host keys of the embedded ssh", missingSshd(), "sshd", () => {
  const { at, text, hostKey, withLines, both, same, port, another } = optionScene();
  const file = at;
  const revoked = { status: 255, code: "ERR_TRANSPORT_HOST_KEY_REVOKED" } as const;
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
    const known = `[127.0.0.1]:${port()} ${wrong[0]} ${wrong[1]}\n`;
    const is = { status: 255, code: "ERR_TRANSPORT_HOST_KEY_CHANGED" } as const;
    const { stderr } = await same(withLines([], { known }), is);
    expect(stderr).toContain("DIR/known_hosts:1");
  });
  test("a key of another type than the known one counts as changed", async () => {
    // A server in between would show a key of a type that is not known.
    const known = `[127.0.0.1]:${port()} ${text("user_rsa.pub")}\n`;
    const is = { status: 255, code: "ERR_TRANSPORT_HOST_KEY_CHANGED" } as const;
    for (const strict of ["ask", "accept-new", "yes"]) {
      const lines = ["HostKeyAlgorithms ssh-ed25519", `StrictHostKeyChecking ${strict}`];
      const ours = await same(withLines(lines, { known, answers: ["yes"] }), is);
      expect(ours.asked).toEqual([]);
      expect(ours.stderr).toContain("Offending RSA key in DIR/known_hosts:1");
    }
  });
  test("@cert-authority alone refuses the host", async () => {
    const known = `@cert-authority * ${text("other.pub")}\n`;
    const run = withLines(["StrictHostKeyChecking accept-new"], { known });
    const ours = await withEmbedded(another(), run);
    expect(ours).toMatchObject({ status: 255, code: "ERR_TRANSPORT_REFUSED", known });
    await same(withLines([], { known: known + hostKey("ed25519") }), OK);
  });
  test("a changed key, StrictHostKeyChecking no", async () => {
    const wrong = text("other.pub").split(" ");
    const known = `[127.0.0.1]:${port()} ${wrong[0]} ${wrong[1]}\n`;
    await same(withLines(["StrictHostKeyChecking no"], { known }), OK);
  });
  test("a revoked key", async () => {
    const known = `${hostKey("ed25519")}@revoked ${hostKey("ed25519", "*")}`;
    const { stderr } = await same(withLines([], { known }), revoked);
    expect(stderr).toContain("REVOKED HOST KEY");
    await same(withLines(["StrictHostKeyChecking no"], { known }), OK);
  });
  test("RevokedHostKeys", async () => {
    writeFileSync(at("revoked"), `${text("host_ed25519.pub")}\n`);
    const lines = [`RevokedHostKeys ${at("revoked")}`];
    await same(withLines(lines), revoked);
    await same(withLines(["RevokedHostKeys DIR/nothing"]), { status: 255 });
  });
  test("a revoked key beside a known one of another type", async () => {
    const known = `@revoked ${hostKey("ed25519")}${hostKey("ed25519")}${hostKey("rsa")}`;
    await same(withLines([], { known }), OK);
  });
  test("a line with a damaged key is none", async () => {
    for (const key of ["ssh-ed25519 AAAA", "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAA"]) {
      await same(withLines([], { known: `[127.0.0.1]:${port()} ${key}\n` }), asks);
    }
  });
  test("HostKeyAlgorithms -NAME leaves the known types first", () =>
    same(withLines(["HostKeyAlgorithms -*25519*"], { known: hostKey("rsa") }), OK));
  test("HostKeyAlgorithms ^NAME does not", async () => {
    const is = { status: 255, code: "ERR_TRANSPORT_HOST_KEY_CHANGED" } as const;
    const lines = ["HostKeyAlgorithms ^ecdsa-sha2-nistp384"];
    await same(withLines(lines, { known: hostKey("rsa") }), is);
  });
  test("UserKnownHostsFile none accepts no new host", async () => {
    for (const strict of ["accept-new", "no"]) {
      const lines = [`StrictHostKeyChecking ${strict}`, "UserKnownHostsFile none"];
      await same(withLines(lines), { status: 255, code: "ERR_TRANSPORT_HOST_KEY_UNKNOWN" });
    }
    const lines = ["UserKnownHostsFile none", "GlobalKnownHostsFile DIR/known_hosts"];
    await same(withLines(lines), OK);
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
  test("~ in names of files", async () => {
    writeFileSync(at("global"), hostKey("ed25519"));
    const file = `~/${relative(account().home, at("global"))}`;
    await same(withLines([`GlobalKnownHostsFile ${file}`], { known: "" }), OK);
    await same(withLines([`UserKnownHostsFile ${file}`], { known: "" }), OK);
    writeFileSync(at("revoked"), `${text("host_ed25519.pub")}\n`);
    const list = `~/${relative(account().home, at("revoked"))}`;
    // OpenSSH 9.2 looks for a folder of the name ~, and lets no key pass either.
    const [theirs, ours] = await both(withLines([`RevokedHostKeys ${list}`]));
    expect(theirs.status).toBe(255);
    expect(ours).toMatchObject(revoked);
  });
  test("a file of known hosts that is a pipe", async () => {
    runTool(["mkfifo", at("pipe")]);
    const run = withLines([`UserKnownHostsFile ${at("pipe")}`], { known: "" });
    const ours = await withEmbedded(another(), run);
    expect(ours.status).toBe(255);
    expect(ours.stderr).toContain(`${at("pipe")}: not a regular file`);
  });
  test("a file of known hosts that is a folder", async () => {
    const run = (checking: string) =>
      withLines([`UserKnownHostsFile ${at(".")}`, `StrictHostKeyChecking ${checking}`]);
    await same(run("accept-new"), OK);
    await same(run("yes"), { status: 255 });
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
    await same(withLines(["KnownHostsCommand false"]), OK); // not an absolute path
    // In a value of a variable, a token is none. The path itself is not expanded.
    const log = '#!/bin/sh\necho "$1|$2" >>"$3"\n';
    for (const name of ["print-%h", "print-one"]) writeFileSync(at(name), log, { mode: 0o755 });
    const env = { PRINTED: "%h a", PRINT: at("print-one") };
    const words = `"\${PRINTED}|%h" %%h \${PRINT}.log`;
    await same(withLines([`KnownHostsCommand ${at("print-%h")} ${words}`], { env }), OK);
    const printed = readFileSync(at("print-one.log"), "utf8").trim().split("\n");
    expect(new Set(printed)).toEqual(new Set(["%h a|127.0.0.1|%h"]));
    await same(withLines([`KnownHostsCommand \${PRINT}`], { env }), OK);
    for (const wrong of [`\${NOWHERE_SET}`, `\${}`, `\${PRINT`, "%y"]) {
      const lines = [`KnownHostsCommand ${at("print-one")} ${wrong}`];
      await same(withLines(lines, { env }), { status: 255 });
    }
  });
  test("NoHostAuthenticationForLocalhost", async () => {
    const lines = ["NoHostAuthenticationForLocalhost yes"];
    await same(withLines(lines, { known: "" }), OK);
    await same(withLines([...lines, "HostKeyAlias apart"], { known: "" }), asks);
    // Behind a proxy, `localhost` is another machine.
    const relay = "exec 3<>/dev/tcp/127.0.0.1/%p; cat <&3 & cat >&3; kill $!";
    const proxy = `ProxyCommand bash -c 'trap "" HUP; ${relay}'`;
    await same(withLines([...lines, "HostName localhost", proxy], { known: "" }), asks);
  });
  describe("CheckHostIP", () => {
    const wrong = (host: string): string => `${host} ${text("other.pub")}\n`;
    test("addresses of this machine alone are not looked at", async () => {
      const known = hostKey("ed25519", `[localhost]:${port()}`) + wrong(`[127.0.0.1]:${port()}`);
      const lines = ["HostName localhost", "AddressFamily inet", "CheckHostIP yes"];
      await same(withLines(lines, { known }), OK);
    });
    suite("of a network", missingAddress, "address", () => {
      const address = OWN_ADDRESS ?? "";
      const lines = ["CheckHostIP yes", `HostName ${address}`, "HostKeyAlias web1"];
      const at = (): string => `[${address}]:${port()}`;
      test("it is learned with the host, and for a known host", async () => {
        const fresh = withLines([...lines, "StrictHostKeyChecking accept-new"], { known: "" });
        expect((await same(fresh, OK)).known).toBe(hostKey("ed25519", `web1,${at()}`));
        const hashed = { ...fresh, lines: ["HashKnownHosts yes", ...fresh.lines] };
        expect((await same(hashed, OK)).known.match(/^\|1\|/gm)).toHaveLength(2);
        const known = hostKey("ed25519", "web1");
        expect((await same(withLines(lines, { known }), OK)).known).toBe(
          known + hostKey("ed25519", at()),
        );
      });
      test("another key is known for it", async () => {
        const known = hostKey("ed25519", "web1") + wrong(at());
        await same(withLines(["CheckHostIP no", ...lines], { known }), OK);
        await same(withLines(lines, { known, answers: ["yes"] }), OK);
        await same(withLines(lines, { known, answers: ["no"] }), { status: 255 });
        await same(withLines([...lines, "StrictHostKeyChecking yes"], { known }), { status: 255 });
        await same(withLines([...lines, "StrictHostKeyChecking no"], { known }), OK);
      });
      test("KnownHostsCommand is asked for it", async () => {
        writeFileSync(file("ask"), `#!/bin/sh\necho "$1" >>${file("asked")}\n`, { mode: 0o755 });
        const command = `KnownHostsCommand ${file("ask")} %I:%H`;
        const run = withLines([...lines, command], { known: hostKey("ed25519", `web1,${at()}`) });
        await same(run, OK);
        const asked = readFileSync(file("asked"), "utf8").trim().split("\n");
        // Before 10.0, ssh tells the host's own name for ORDER.
        const others = asked.filter((one) => !one.startsWith("ORDER:")).sort();
        const each = [`ADDRESS:${at()}`, "HOSTNAME:web1"];
        expect(others).toEqual(each.flatMap((one) => [one, one]));
      });
    });
  });
  describe("UpdateHostKeys", () => {
    // The message comes after the login: the command waits until known_hosts has it, or a while.
    const until = (pattern: string): string =>
      `cat; for i in 1 2 3 4; do ${pattern} && break; sleep 0.1; done; exit 3`;
    const lines = ["UpdateHostKeys yes"];
    test("new keys are learned", async () => {
      const command = until("grep -q ecdsa DIR/known_hosts");
      const { known } = await same(withLines(lines, { command }), { status: 3 });
      for (const type of Object.keys(TYPES)) expect(known).toContain(hostKey(type));
      const hashed = withLines(["HashKnownHosts yes", ...lines], { command: until("false") });
      expect((await same(hashed, { status: 3 })).known.match(/^\|1\|/gm)?.length).toBeGreaterThan(
        1,
      );
    });
    test("keys that the server no longer has are removed", async () => {
      const gone = `[127.0.0.1]:${port()} ${text("other.pub")}\n`;
      const rest = "# a word\n\nweb9 ssh-ed25519 AAAA\n";
      const known = rest + gone + hostKey("ed25519");
      const command = until("grep -q ecdsa DIR/known_hosts");
      const { known: left } = await same(withLines(lines, { known, command }), { status: 3 });
      expect(left).not.toContain(gone);
      expect(left).toStartWith(rest + hostKey("ed25519"));
      for (const type of Object.keys(TYPES)) expect(left).toContain(hostKey(type));
    });
    test("files that ssh has not written so stay as they are", async () => {
      const gone = (host: string): string => `${host} ${text("other.pub")}\n`;
      const at = `[127.0.0.1]:${port()}`;
      const own = hostKey("ed25519");
      const files = [
        hostKey("ed25519", "[127.0.0.*]:*"),
        own + hostKey("rsa", "web2"),
        own + gone(at) + gone("web2"),
        `${own}@cert-authority ${gone(at)}`,
        `${own}@revoked ${gone(at)}`,
      ];
      const command = until("false");
      await Promise.all(
        files.map(async (known) => {
          const after = await same(withLines(lines, { known, command }), { status: 3 });
          expect(after.known).toBe(known);
        }),
      );
    });
    test("a key that the system knows is not the user's to update", async () => {
      writeFileSync(file("global"), hostKey("ed25519"));
      const more = [`GlobalKnownHostsFile ${file("global")}`, ...lines];
      const run = withLines(more, { known: "", command: until("false") });
      expect((await same(run, { status: 3 })).known).toBe("");
    });
    test("`ask` learns none where a command runs", async () => {
      const run = withLines(["UpdateHostKeys ask"], { command: until("false"), answers: ["yes"] });
      expect(await same(run, { status: 3 })).toMatchObject({ asked: [], known: run.known });
    });
  });
  test("RequiredRSASize", () =>
    same(withLines(["RequiredRSASize 4096"], { known: hostKey("rsa") }), { status: 255 }));
});
