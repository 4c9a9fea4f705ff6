/**
 * Questions of ssh, for real: passwords, keyboard-interactive, passphrases and host keys, against
 * sshd with scratch accounts of this machine.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ECONTEXT } from "../cli/econtext.ts";
import { missingRoot, run } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { leave, openPrompt } from "../repl/prompt.ts";
import { missingTmux, Tmux } from "../repl/tmux.ts";
import { Scene } from "./scene.ts";

setDefaultTimeout(120_000);

const PASSWORDS = ["PasswordAuthentication yes", "KbdInteractiveAuthentication yes", "UsePAM yes"];
const PASSPHRASE = "a passphrase of this test";

suite("ssh", missingRoot() ?? missingSshd() ?? missingTmux, "root", () => {
  const scene = new Scene();
  const user = scene.user();
  const folder = mkdtempSync(join(tmpdir(), "econtext-ssh-questions-"));
  const key = join(folder, "key");
  let server: SshServer;

  beforeAll(async () => {
    server = await startSshd({ config: PASSWORDS });
    scene.secret(PASSPHRASE);
    copyFileSync(join(server.configPath, "../user_key"), key);
    chmodSync(key, 0o600);
    encrypt(key);
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
    await scene.end();
  });

  const args = (...options: readonly string[]): string[] => [
    ...["-F", server.configPath],
    ...["BatchMode=no", ...options].flatMap((option) => ["-o", option]),
  ];
  const only = (method: string): string[] => args(`PreferredAuthentications=${method}`);
  const target = (): string => `${user.name}@target`;

  const ways = ["password", "keyboard-interactive"].flatMap((method) => [
    [method, `${method}, by ssh`, []] as const,
    [method, `${method}, by the embedded ssh`, ["--ssh", "embedded"]] as const,
  ]);
  for (const [method, title, engine] of ways) {
    test(`${title}: right, and wrong`, async () => {
      const own = { args: [...engine, ...only(method)], input: user.password };
      expect(await scene.who(target(), own)).toMatchObject({ said: `I am ${user.name}` });
      const wrong = await scene.who(target(), { ...own, input: "wrong" });
      expect(wrong).toMatchObject({ said: "ERR_TRANSPORT_PASSWORD_WRONG" });
    });

    test(`${title}: on a terminal, after a wrong one`, async () => {
      const answers = ["wrong", user.password];
      const own = [...engine, ...only(method)];
      const shown = await scene.whoOnTerminal(target(), undefined, answers, own);
      // The embedded ssh says between what is different.
      expect(shown).toMatch(/assword:\nWrong\. .*assword:\n[\s\S]*ect-\w+\nLEFT 0\nSANE/);
    });
  }

  for (const engine of [[], ["--ssh", "embedded"]]) {
    test(`one that has expired is changed ${engine.join(" ")}`.trim(), async () => {
      const old = scene.user();
      run(["chage", "-d", "0", old.name]);
      const fresh = `Fresh-${crypto.randomUUID()}`;
      scene.secret(fresh);
      const place = `${old.name}@target`;
      const own = [...engine, ...only("keyboard-interactive")];
      // Only a person may choose a new one.
      for (const method of ["keyboard-interactive", "password"]) {
        const given = { args: [...engine, ...only(method)], input: old.password };
        const ran = await scene.who(place, given);
        expect(ran).toMatchObject({ said: "ERR_TRANSPORT_PASSWORD_EXPIRED" });
      }
      const answers = [old.password, old.password, fresh, fresh];
      const shown = await scene.whoOnTerminal(place, undefined, answers, own);
      expect(shown).toContain("You are required to change your password");
      expect(shown).not.toContain("Wrong");
      expect(shown).toContain(`${old.name}\nLEFT 0\nSANE`);
      const again = await scene.who(place, { args: own, input: fresh });
      expect(again).toMatchObject({ said: `I am ${old.name}` });
    });
  }

  test("three wrong ones end it", async () => {
    const answers = ["one", "two", "three"];
    const shown = await scene.whoOnTerminal(target(), undefined, answers, only("password"));
    expect(shown).toContain("the password was wrong each time");
  });

  test("without an answer, ssh asks nothing", async () => {
    const ran = await scene.who(target(), { args: only("password") });
    expect(ran).toMatchObject({ said: "ERR_TRANSPORT_PERMISSION_DENIED" });
  });

  test("the password of ssh is that of sudo there, and is asked for once", async () => {
    const path = `${target()}/su:${user.name}`;
    const own = { args: only("password"), input: user.password };
    expect(await scene.who(path, own)).toMatchObject({ said: `I am ${user.name}` });
  });

  test("a passphrase is asked for once, and no password goes to its question", async () => {
    const config = join(folder, "ssh_config");
    const usual = readFileSync(server.configPath, "utf8");
    writeFileSync(config, usual.replace(/IdentityFile .*/, `IdentityFile ${key}`));
    const own = ["-F", config, "-o", "BatchMode=no"];
    const shown = await scene.whoOnTerminal("target", undefined, [PASSPHRASE], [...own, "target2"]);
    expect(shown.match(/Enter passphrase for key/g)).toHaveLength(1);
    expect(shown).toContain("target2: root\n");
    expect(shown).toContain("LEFT 0\nSANE");
    const given = await scene.who("target", { args: own, input: PASSPHRASE });
    expect(given).toMatchObject({ said: "ERR_TRANSPORT_PERMISSION_DENIED" });
    const wrong = await scene.whoOnTerminal("target", undefined, ["one", "two", "three"], own);
    expect(wrong).toContain("the passphrase was wrong each time; 3 were wrong");
    // A client that may ask nothing does not say that there was something to ask.
    for (const engine of [[], ["--ssh", "embedded"]]) {
      const silent = await scene.who("target", { args: [...engine, "-F", config] });
      for (const { all } of [given, silent]) expect(all).toContain(`passphrase: ssh-add ${key};`);
    }
  });

  test("the prompt knows a passphrase when .reload opens the targets anew", async () => {
    const config = join(folder, "prompt_config");
    const usual = readFileSync(server.configPath, "utf8");
    writeFileSync(config, usual.replace(/IdentityFile .*/, `IdentityFile ${key}\nBatchMode no`));
    const tasks = join(folder, "tasks.ts");
    writeFileSync(tasks, "export const version = () => 1;\n");
    await using terminal = new Tmux();
    await openPrompt(terminal, ["-F", config], folder, folder);
    await terminal.quietly('import { version } from "./tasks.ts"');
    await terminal.line(".connect target");
    await terminal.until(/Enter passphrase for key/);
    await terminal.paste(PASSPHRASE);
    await terminal.until(/\ntarget\n> *$/);
    writeFileSync(tasks, "export const version = () => 2;\n");
    await terminal.line(".reload");
    await terminal.answer("tasks\\.ts");
    await terminal.line('typeof (await target.call("os.getpid")) + version()');
    await terminal.answer("number2");
    await leave(terminal);
  });

  for (const engine of [[], ["--ssh", "embedded"]]) {
    const title = `a passphrase for the jump host and for the host behind ${engine.join(" ")}`;
    test(title.trim(), async () => {
      const config = join(folder, "jump_config");
      const usual = readFileSync(server.configPath, "utf8").replace(
        /IdentityFile .*/,
        `IdentityFile ${key}\nBatchMode no`,
      );
      writeFileSync(config, `Host target-behind\nProxyJump target2\n${usual}`);
      const own = ["-F", config, ...engine];
      const shown = await scene.whoOnTerminal("target-behind", undefined, [PASSPHRASE], own);
      expect(shown.match(/Enter passphrase for key/g)).toHaveLength(1);
      expect(shown).toContain("LEFT 0\nSANE");
    });
  }

  test("a host's key is shown, and refused or accepted", async () => {
    const known = join(folder, "known_hosts");
    const own = args(
      ...["StrictHostKeyChecking=ask", `UserKnownHostsFile=${known}`, "HostKeyAlias=new-host"],
    );
    const refused = await scene.whoOnTerminal("target", undefined, ["no"], own);
    expect(refused).toContain("the host key is not known");
    expect(refused).toMatch(/ED25519 key fingerprint is SHA256:/);
    const accepted = await scene.whoOnTerminal("target", undefined, ["yes"], own);
    expect(accepted).toContain("LEFT 0\nSANE");
    expect(readFileSync(known, "utf8")).toContain("new-host");
    rmSync(known);
    // A password is no answer to this question.
    const given = await scene.who("target", { args: own, input: "yes" });
    expect(given).toMatchObject({ said: "ERR_TRANSPORT_HOST_KEY_UNKNOWN" });
  });

  test("what others print stands below a question, which is shown again", async () => {
    await using terminal = new Tmux();
    const known = `UserKnownHostsFile=${join(folder, "below")}`;
    const own = args("StrictHostKeyChecking=ask", known, "HostKeyAlias=new-host").join(" ");
    const command = `sh -c 'sleep 1; echo printed'`;
    const words = [...ECONTEXT, "exec", own, "target", "local", "--", command].join(" ");
    await terminal.open(`${words}; echo LEFT $?; exec cat`);
    const seen = await terminal.until(/local:\s+printed\nAre you sure .*\?$/);
    expect(seen).toMatch(/Are you sure [^\n]*\?\nlocal:/);
    await terminal.line("no");
    await terminal.until(/LEFT \d/);
  });

  /** ssh behind a hop, with options as econtext gives them to no ssh but the first. */
  const behind = (): string => {
    const program = join(folder, "bin/ssh");
    if (!existsSync(program)) {
      mkdirSync(join(folder, "bin"));
      const given = `-F ${server.configPath} -o BatchMode=no -o UserKnownHostsFile=${folder}/known -o StrictHostKeyChecking=ask`;
      const script = `#!/bin/sh\nexec /usr/bin/ssh ${given} -o PreferredAuthentications=password "$@"\n`;
      writeFileSync(program, script, { mode: 0o755 });
      copyFileSync(join(server.configPath, "../known_hosts"), join(folder, "known"));
    }
    return `local/${target()}`;
  };

  test("behind a hop, ssh asks on a terminal that carries nothing else", async () => {
    const path = behind();
    const env = { PATH: `${folder}/bin:${process.env["PATH"] ?? ""}` };
    const right = await scene.who(path, { input: user.password, env });
    expect(right).toMatchObject({ said: `I am ${user.name}` });
    const wrong = await scene.who(path, { input: "wrong", env });
    expect(wrong).toMatchObject({ said: "ERR_TRANSPORT_PASSWORD_WRONG" });
    const none = await scene.who(path, { env });
    expect(none).toMatchObject({ said: "ERR_TRANSPORT_PERMISSION_DENIED" });
  });

  test("behind a hop, a person is told where the question comes from", async () => {
    const path = behind();
    rmSync(join(folder, "known"));
    const answers = ["yes", "wrong", user.password];
    const env = { PATH: `${folder}/bin:${process.env["PATH"] ?? ""}` };
    const shown = await scene.whoOnTerminal(path, undefined, answers, [], env);
    expect(shown).toMatch(/^\[ssh at local\] The authenticity of host/);
    expect(shown).toMatch(
      /\nWrong\. \[ssh at local\] ect-\w+@.*'s password:\nect-\w+\nLEFT 0\nSANE/,
    );
  });
});

/** Gives a key a passphrase. It must not stand in an argument. */
function encrypt(key: string): void {
  const script = `
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp("ssh-keygen", ["ssh-keygen", "-q", "-p", "-f", sys.argv[1]])
for answer in 1, 2:
    seen = b""
    while b": " not in seen:
        seen += os.read(fd, 1024)
    os.write(fd, sys.stdin.readline().encode())
try:
    while os.read(fd, 1024): pass
except OSError: pass
sys.exit(os.waitpid(pid, 0)[1])`;
  const input = `${PASSPHRASE}\n${PASSPHRASE}\n`;
  const { status, stderr } = spawnSync("python3", ["-c", script, key], { input });
  if (status !== 0) throw new Error(`ssh-keygen: ${stderr.toString()}`);
  chownSync(key, 0, 0);
}
