/** Host keys, by the embedded ssh and by the system's: known-hosts files, questions, refusals. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { run as runTool } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import { missingSshd } from "../helpers/sshd.ts";
import { OK, optionScene, TYPES } from "./scene.ts";

suite("host keys of the embedded ssh", missingSshd(), "sshd", () => {
  const { at, text, hostKey, withLines, same, port } = optionScene();
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
  test("a changed key, StrictHostKeyChecking no", async () => {
    const wrong = text("other.pub").split(" ");
    const known = `[127.0.0.1]:${port()} ${wrong[0]} ${wrong[1]}\n`;
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
      hostKey("ed25519", `[localhost]:${port()}`) +
      `[127.0.0.1]:${port()} ${wrong[0]} ${wrong[1]}\n`;
    const lines = ["HostName localhost", "AddressFamily inet"];
    await same(withLines([...lines, "CheckHostIP no"], { known }), OK);
    // Addresses of the loopback network are not looked at.
    await same(withLines([...lines, "CheckHostIP yes"], { known }), OK);
  });
  test("UpdateHostKeys", async () => {
    const command = "cat; sleep 1; exit 3";
    const { known } = await same(withLines(["UpdateHostKeys yes"], { command }), { status: 3 });
    for (const type of Object.keys(TYPES)) expect(known).toContain(hostKey(type));
    const by = hostKey("ed25519", "[127.0.0.*]:*");
    const unchanged = await same(withLines(["UpdateHostKeys yes"], { command, known: by }), {});
    expect(unchanged.known).toBe(by);
  });
  test("RequiredRSASize", () =>
    same(withLines(["RequiredRSASize 4096"], { known: hostKey("rsa") }), { status: 255 }));
});
