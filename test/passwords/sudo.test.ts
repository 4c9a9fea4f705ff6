/**
 * Passwords of sudo, for real: scratch accounts of this machine, and every answer that sudo has.
 * The secrets are looked for in every argument, environment and output of the run.
 */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ECONTEXT } from "../cli/econtext.ts";
import { missingRoot, run, type ScratchUser } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import { missingTmux, Tmux } from "../repl/tmux.ts";
import { asUser, type Ran, runProgram } from "./run.ts";
import { Scene } from "./scene.ts";

setDefaultTimeout(120_000);

const missing = missingRoot() ?? (Bun.which("sudo") === null ? "no sudo here" : missingTmux);

suite("sudo", missing, "root", () => {
  const scene = new Scene();
  const who = scene.who.bind(scene);
  const whoOnTerminal = scene.whoOnTerminal.bind(scene);

  /** @param rules of sudoers, with `USER` for the account */
  function user(rules: string): ScratchUser {
    const made = scene.user();
    const file = `/etc/sudoers.d/${made.name}`;
    writeFileSync(file, `${rules.replaceAll("USER", made.name)}\n`, { mode: 0o440 });
    scene.atEnd(() => rmSync(file));
    return made;
  }

  /** The first hop, and behind a hop: as the user there. */
  async function both(of: ScratchUser, password: string): Promise<Ran[]> {
    return [
      await who("sudo:root", { user: of.name, input: password }),
      await who(`runuser:${of.name}/sudo:root`, { input: password }),
    ];
  }

  const able = missing === undefined ? user("USER ALL=(ALL) ALL") : undefined;
  const name = able?.name ?? "";
  const password = able?.password ?? "";

  afterAll(() => scene.end());

  test("takes the right password", async () => {
    for (const ran of await both(able as ScratchUser, password)) {
      expect(ran).toMatchObject({ said: "I am root" });
    }
  });

  test("a wrong one is sent once", async () => {
    for (const ran of await both(able as ScratchUser, "wrong")) {
      expect(ran.all).toContain("wrong password; --password-fd gave it");
      expect(ran).toMatchObject({ said: "ERR_TRANSPORT_PASSWORD_WRONG" });
    }
  });

  test("without an answer, the error says what helps", async () => {
    for (const target of ["sudo:root", `runuser:${name}/sudo:root`]) {
      const ran = await who(target, target === "sudo:root" ? { user: name } : {});
      expect(ran).toMatchObject({ said: "ERR_TRANSPORT_PASSWORD_NEEDED" });
      expect(ran.all).toContain("--ask-pass");
    }
  });

  test("on a terminal, it is asked for without echo, and again after a wrong one", async () => {
    for (const [target, as] of [
      ["sudo:root", name],
      [`runuser:${name}/sudo:root`, undefined],
    ] as const) {
      const shown = await whoOnTerminal(target, as, ["wrong", password]);
      expect(shown).toMatch(/\[sudo\] password for \S+ at .*:\nWrong\. .*:\nroot\nLEFT 0\nSANE/);
    }
  });

  test("three wrong ones end it", async () => {
    const shown = await whoOnTerminal("sudo:root", name, ["one", "two", "three"]);
    expect(shown).toContain("the password was wrong each time");
    expect(shown).toContain("LEFT 255\nSANE");
  });

  test("ctrl-C at the question ends it, and the terminal is as before", async () => {
    const shown = await whoOnTerminal("sudo:root", name, ["C-c"]);
    expect(shown).toContain("LEFT 130\nSANE");
  });

  test("ctrl-C at the question ends a loop of the shell, too", async () => {
    await using terminal = new Tmux();
    const command = [...ECONTEXT, "exec", "sudo:root", "--", "true"].join(" ");
    const loop = `for i in 1 2; do ${command}; done; echo goes on`;
    await terminal.open(`${asUser(name).join(" ")} bash -c '${loop}'; echo LEFT $?; exec cat`);
    await terminal.until(/password for ect-\w+ at local:$/);
    await terminal.press("C-c");
    const shown = await terminal.until(/LEFT \d+/);
    expect(shown).toContain("LEFT 130");
    expect(shown).not.toContain("goes on");
  });

  test("ctrl-Z at the question stops us with echo, and the answer is not shown afterwards", async () => {
    await using terminal = new Tmux();
    await terminal.open("exec bash --norc -i");
    const argv = [...asUser(name), ...ECONTEXT, "exec", "sudo:root", "--", "id", "-un"];
    await terminal.line(argv.join(" "));
    await terminal.until(/password for ect-\w+ at local:$/);
    await terminal.press("C-z");
    await terminal.until(/Stopped/);
    await terminal.line("fg");
    await terminal.until(/\nsetpriv [^$#]*password for ect-\w+ at local:$/);
    await terminal.paste(password);
    const shown = await terminal.until(/\nroot\n/);
    expect(shown).not.toContain(password);
  });

  test("--ask-pass asks at the start, and once for several targets", async () => {
    const targets = ["--ask-pass", `runuser:${name}/sudo:root`];
    const shown = await whoOnTerminal(
      `runuser:${name}/sudo:daemon`,
      undefined,
      [password],
      targets,
    );
    expect(shown).toMatch(/Password:\n(?:.*sudo:\w+: +(?:root|daemon)\n){2}(?:2 ok, .*\n)?LEFT 0/);
  });

  test("a command gives it, and is told whose it is", async () => {
    const command = `test "$ECONTEXT_USER" = ${name} && cat ~${name}/secret`;
    writeFileSync(`/home/${name}/secret`, `${password}\n`);
    const args = ["--password-command", command];
    expect(await who(`runuser:${name}/sudo:root`, { args })).toMatchObject({ said: "I am root" });
  });

  test("econtext.toml names the command, and one that prints nothing leaves it to a person", async () => {
    const folder = mkdtempSync(join(tmpdir(), "econtext-config-"));
    const file = join(folder, "econtext.toml");
    writeFileSync(file, `password_command = "cat /home/${name}/secret"\n`);
    const path = `runuser:${name}/sudo:root`;
    const env = { XDG_CONFIG_HOME: folder };
    mkdirSync(join(folder, "econtext"));
    renameSync(file, join(folder, "econtext/econtext.toml"));
    expect(await who(path, { env })).toMatchObject({ said: "I am root" });
    writeFileSync(join(folder, "econtext/econtext.toml"), 'password_command = "true"\n');
    const shown = await whoOnTerminal(path, undefined, [password], [], env);
    expect(shown).toContain("root\nLEFT 0\nSANE");
    rmSync(folder, { recursive: true });
  });

  test("a function of a program gives it, for the hops on the way too", async () => {
    const ran = await runProgram(
      "function.ts",
      [`runuser:${name}/sudo:${name}/sudo:root`],
      password,
    );
    expect(ran.all).toContain(`root, asked 1 time for ${name}: [sudo] password for ${name} at `);
  });

  test("what follows the password on standard input is the command's; no core can be dumped", async () => {
    const argv = [...asUser(name), ...ECONTEXT, "exec", "--password-fd", "0", "sudo:root", "--"];
    const child = Bun.spawn([...argv, "cat"], { stdio: ["pipe", "pipe", "inherit"], cwd: "/" });
    child.stdin.write(`${password}\nits input\n`);
    child.stdin.flush();
    const output = child.stdout.getReader();
    const { value } = await output.read();
    expect(new TextDecoder().decode(value)).toBe("its input\n");
    // The memory of a process that must not be dumped is root's.
    expect(statSync(`/proc/${child.pid}/environ`).uid).toBe(0);
    child.stdin.end();
    expect(await child.exited).toBe(0);
  });

  test("an account without a rule, and a command without one", async () => {
    const none = user("# no rule for USER");
    const some = user("USER ALL=(ALL) /bin/true");
    for (const ran of await both(none, none.password)) {
      expect(ran).toMatchObject({ said: "ERR_TRANSPORT_NOT_ALLOWED" });
    }
    for (const ran of await both(some, some.password)) {
      expect(ran).toMatchObject({ said: "ERR_TRANSPORT_COMMAND_NOT_ALLOWED" });
    }
  });

  test("a rule that insists on a terminal", async () => {
    const strict = user("Defaults:USER requiretty\nUSER ALL=(ALL) ALL");
    for (const ran of await both(strict, strict.password)) {
      expect(ran).toMatchObject({ said: "ERR_TRANSPORT_TERMINAL_NEEDED" });
    }
  });

  test("no such user", async () => {
    const ran = await who("sudo:no-such-user", { user: name, input: password });
    expect(ran).toMatchObject({ said: "ERR_TRANSPORT_UNKNOWN_USER" });
  });

  test("an expired account, and an expired password", async () => {
    const expired = user("USER ALL=(ALL) ALL");
    const old = user("USER ALL=(ALL) ALL");
    run(["chage", "-E", "0", expired.name]);
    run(["chage", "-d", "0", old.name]);
    for (const ran of await both(expired, expired.password)) {
      expect(ran).toMatchObject({ said: "ERR_TRANSPORT_ACCOUNT_LOCKED" });
    }
    for (const ran of await both(old, old.password)) {
      expect(ran).toMatchObject({ said: "ERR_TRANSPORT_PASSWORD_EXPIRED" });
    }
  });

  test("a home that cannot be read does not matter", async () => {
    const closed = user("USER ALL=(ALL) ALL");
    run(["chmod", "0", closed.home]);
    expect(await who(`sudo:${closed.name}`)).toMatchObject({ said: `I am ${closed.name}` });
  });
});
