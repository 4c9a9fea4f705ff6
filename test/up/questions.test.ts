/** Questions of `econtext up`, on the terminal of the command: they end with what asks them. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Gate } from "../helpers/gate.ts";
import { run } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import { missingSshd } from "../helpers/sshd.ts";
import { missingTmux, Tmux } from "../repl/tmux.ts";
import { Scene } from "./scene.ts";

setDefaultTimeout(120_000);

suite("a question of econtext up", missingTmux ?? missingSshd(), "tmux", () => {
  /** Begins an `up` that asks for the passphrase of a key, and waits for the question. */
  async function ask(
    scene: Scene,
    terminal: Tmux,
    { configPath = scene.server.configPath, engine = "embedded", others = [] as string[] } = {},
  ): Promise<void> {
    const key = join(scene.folder, "key");
    const config = join(scene.folder, "config");
    copyFileSync(join(dirname(scene.server.configPath), "user_key"), key);
    run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", key]);
    const usual = readFileSync(configPath, "utf8").replace(/IdentityFile .*/, "");
    writeFileSync(config, `IdentityFile ${key}\nBatchMode no\n${usual}`);
    const argv = scene.argv(["up", "--ssh", engine, "-F", config, scene.host, ...others]);
    const variables = ["ECONTEXT_UP", "XDG_RUNTIME_DIR"].map(
      (name) => `${name}=${scene.env[name] ?? ""}`,
    );
    const words = ["env", ...variables, ...argv].map((word) => `'${word}'`).join(" ");
    const compare = '[ "$before" = "$(stty -g)" ] && echo SANE || echo RAW';
    const start = `sh -c 'echo $$ >${scene.folder}/pid; exec "$@"' sh ${words}`;
    await terminal.open(`before=$(stty -g); ${start}; echo LEFT $?; ${compare}; exec cat`);
    await terminal.until(/Enter passphrase for key/);
  }

  test("ends when the server closes, and the error stands below it", async () => {
    await using scene = await Scene.open();
    using gate = await Gate.before(scene.server);
    await using terminal = new Tmux();
    await ask(scene, terminal, { configPath: gate.configPath });
    gate.shut();
    const shown = await terminal.until(/LEFT \d+\n(?:SANE|RAW)/);
    expect(shown).toMatch(/Enter passphrase for key '.*':\ntarget: [\s\S]*\nLEFT 255\nSANE/);
  });

  test("ends by a signal to the command", async () => {
    await using scene = await Scene.open();
    await using terminal = new Tmux();
    await ask(scene, terminal);
    process.kill(Number(readFileSync(join(scene.folder, "pid"), "utf8")), "SIGTERM");
    const shown = await terminal.until(/LEFT \d+\n(?:SANE|RAW)/);
    expect(shown).toContain("LEFT 143\nSANE");
  });

  test("is answered", async () => {
    await using scene = await Scene.open();
    await using terminal = new Tmux();
    await ask(scene, terminal);
    await terminal.paste("open sesame");
    const shown = await terminal.until(/LEFT \d+\n(?:SANE|RAW)/);
    expect(shown).toMatch(/target: \w+ [\d.]+, pid \d+\nLEFT 0\nSANE/);
  });

  test.each(["ssh", "embedded"])("outlives another target that fails (%s)", async (engine) => {
    await using scene = await Scene.open();
    await using terminal = new Tmux();
    await ask(scene, terminal, { engine, others: ["nothing.invalid"] });
    // Its failure is told when the question is over.
    await Bun.sleep(2000);
    await terminal.paste("open sesame");
    const shown = await terminal.until(/LEFT \d+\n(?:SANE|RAW)/);
    expect(shown).toMatch(/^target: \w+ [\d.]+, pid \d+$/m);
    expect(shown).toMatch(/^nothing\.invalid: no such host/m);
    expect(shown).toContain("1 of 2 failed: nothing.invalid\nLEFT 255\nSANE");
  });
});
