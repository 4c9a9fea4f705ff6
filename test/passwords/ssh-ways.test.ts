/**
 * Questions of ssh on its way, for real: a password for the jump and one for the host behind it, a
 * one-time code that PAM asks for, and a message that wants no answer.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ECONTEXT } from "../cli/econtext.ts";
import { missingRoot, run, type ScratchUser } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { missingTmux, Tmux } from "../repl/tmux.ts";
import { Scene } from "./scene.ts";

setDefaultTimeout(120_000);

const missing = missingRoot() ?? missingSshd() ?? missingTmux;

suite("ssh with a jump", missing, "root", () => {
  const scene = new Scene();
  const [gate, inner] = [scene.user(), scene.user()];
  const folder = mkdtempSync(join(tmpdir(), "econtext-jump-"));
  const config = join(folder, "ssh_config");
  let server: SshServer;

  beforeAll(async () => {
    server = await startSshd({ config: ["PasswordAuthentication yes", "UsePAM yes"] });
    const known = join(folder, "known_hosts");
    const key = readFileSync(join(dirname(server.configPath), "host_key.pub"), "utf8");
    writeFileSync(known, `gate.example ${key}inner.example ${key}`);
    const common = [
      ...["HostName 127.0.0.1", `Port ${server.port}`, `UserKnownHostsFile ${known}`],
      ...["IdentityAgent none", "IdentityFile /dev/null", "PreferredAuthentications password"],
    ];
    const host = (name: string, user: ScratchUser, ...more: string[]) =>
      [
        `Host ${name}`,
        `HostKeyAlias ${name}.example`,
        `User ${user.name}`,
        ...common,
        ...more,
      ].join("\n  ");
    const hosts = [host("gate", gate), host("inner", inner, "ProxyJump gate")];
    writeFileSync(config, `${hosts.join("\n")}\n`);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
    await scene.end();
  });

  const args = ["-F", config, "-o", "BatchMode=no"];

  test("each question names its own host, and gets its own answer", async () => {
    const answers = [gate.password, inner.password];
    const shown = await scene.whoOnTerminal("inner", undefined, answers, args);
    const lines = [
      `${gate.name}@gate.example's password:`,
      `${inner.name}@inner.example's password:`,
      inner.name,
      "LEFT 0",
    ];
    expect(shown).toContain(lines.join("\n"));
  });

  test("a wrong answer for the host behind is asked for again, and none for the jump", async () => {
    const answers = [gate.password, "wrong", inner.password];
    const shown = await scene.whoOnTerminal("inner", undefined, answers, args);
    expect(shown.match(/@gate\.example's password:/g)).toHaveLength(1);
    expect(shown).toMatch(/\nWrong\. ect-\w+@inner\.example's password:\n.*\nLEFT 0\nSANE/);
  });

  test("a command gives each its own, by account", async () => {
    for (const { name, password } of [gate, inner]) {
      writeFileSync(join(folder, name), `${password}\n`, { mode: 0o600 });
    }
    const command = `cat ${folder}/$ECONTEXT_USER`;
    const ran = await scene.who("inner", { args: [...args, "--password-command", command] });
    expect(ran).toMatchObject({ said: `I am ${inner.name}` });
  });
});

const MODULE = "/lib/x86_64-linux-gnu/security/pam_google_authenticator.so";
const missingCodes = existsSync(MODULE)
  ? undefined
  : "no PAM module for one-time codes here (Debian package libpam-google-authenticator)";

suite("ssh with a one-time code", missing ?? missingCodes, "pam", () => {
  const scene = new Scene();
  const user = scene.user();
  const folder = mkdtempSync(join(tmpdir(), "econtext-codes-"));
  // sshd takes the name of its program for the name of its rules.
  const service = `sshd-${user.name}`;
  const rules = `/etc/pam.d/${service}`;
  let server: SshServer;

  beforeAll(async () => {
    const auth = ["pam_unix.so", MODULE].map((module) => `auth required ${module}`);
    writeFileSync(rules, [...auth, "account required pam_permit.so", ""].join("\n"));
    symlinkSync(
      Bun.which("sshd", { PATH: "/usr/sbin:/usr/local/sbin" }) ?? "",
      `${folder}/${service}`,
    );
    const secret = join(user.home, ".google_authenticator");
    const codes = ["12345678", "23456789"];
    const lines = ["ABCDEFGHIJKLMNOPQRSTUVWXYZ", '" DISALLOW_REUSE', '" TOTP_AUTH', ...codes];
    writeFileSync(secret, `${lines.join("\n")}\n`, { mode: 0o400 });
    chownSync(secret, ...ownerOf(user));
    server = await startSshd({
      program: join(folder, service),
      config: ["KbdInteractiveAuthentication yes", "UsePAM yes"],
    });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(rules);
    rmSync(folder, { recursive: true });
    await scene.end();
  });

  const args = () => [
    ...["-F", server.configPath, "-o", "BatchMode=no"],
    ...["-o", "PreferredAuthentications=keyboard-interactive"],
  ];

  test("a person is asked for the password and for the code", async () => {
    const answers = [user.password, "12345678"];
    const shown = await scene.whoOnTerminal(`${user.name}@target`, undefined, answers, args());
    expect(shown).toMatch(/\) Password:\n.*\) Verification code:\n.*\nLEFT 0\nSANE/);
  });

  test("a password that was given is no answer for the code", async () => {
    const own = { args: args(), input: user.password };
    const ran = await scene.who(`${user.name}@target`, own);
    expect(ran).toMatchObject({ said: "ERR_TRANSPORT_PASSWORD_NEEDED" });
    expect(ran.all).toContain("Verification code:");
    expect(ran.all).toContain("a key (ssh)");
  });
});

function ownerOf({ name }: ScratchUser): [uid: number, gid: number] {
  return [Number(run(["id", "-u", name])), Number(run(["id", "-g", name]))];
}

suite("a message of ssh", missingTmux, "tmux", () => {
  test("is shown as long as ssh waits, and wants no answer", async () => {
    const folder = mkdtempSync(join(tmpdir(), "econtext-notice-"));
    // As ssh does it for a security key: the program is ended when the key was touched.
    const script = `#!/bin/sh
SSH_ASKPASS_PROMPT=none "$SSH_ASKPASS" "Confirm user presence for key ED25519-SK" >${folder}/answer &
until [ -e ${folder}/touched ]; do sleep 0.05; done
kill $!
for last; do :; done
exec sh -c "$last"
`;
    writeFileSync(join(folder, "ssh"), script, { mode: 0o755 });
    await using terminal = new Tmux();
    const argv = [...ECONTEXT, "exec", "--ssh", `${folder}/ssh`, "web1", "--", "echo", "begun"];
    await terminal.open(`${argv.join(" ")}; echo LEFT $?; exec cat`);
    await terminal.until(/^Confirm user presence for key ED25519-SK$/m);
    writeFileSync(join(folder, "touched"), "");
    await terminal.until(/\nbegun\nLEFT 0/);
    expect(readFileSync(join(folder, "answer"), "utf8")).toBe("");
    rmSync(folder, { recursive: true });
  });
});
