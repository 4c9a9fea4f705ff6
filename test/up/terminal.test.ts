/** Terminals with `econtext up`: keys, modes, sizes and questions are those of the command. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRunning } from "../helpers/leaks.ts";
import { suite } from "../helpers/skip.ts";
import { missingSshd } from "../helpers/sshd.ts";
import { missingTmux, Tmux } from "../repl/tmux.ts";
import { Scene } from "./scene.ts";

setDefaultTimeout(120_000);

suite("a terminal", missingTmux ?? missingSshd(), "tmux", () => {
  /** The variables for `env` in the terminal. */
  const variables = (scene: Scene): string[] =>
    ["ECONTEXT_UP", "XDG_RUNTIME_DIR", "ECONTEXT_SSH_CONFIG"].map(
      (key) => `${key}=${scene.env[key] ?? ""}`,
    );

  async function open(scene: Scene, terminal: Tmux, args: readonly string[]): Promise<void> {
    const argv = [...variables(scene), ...scene.argv(args)].map((word) => `'${word}'`).join(" ");
    const compare = '[ "$before" = "$(stty -g)" ] && echo SANE || echo RAW';
    const script = `before=$(stty -g); env ${argv}; echo LEFT $?; ${compare}; exec cat`;
    await terminal.open(script);
  }

  test("a remote terminal has our size, our keys and our modes back", async () => {
    await using scene = await Scene.open();
    await scene.run(["up", scene.host]);
    await using terminal = new Tmux();
    const remote = 'stty size; trap "echo GOT INT" INT; read line; echo GOT $line; exit 5';
    await open(scene, terminal, ["exec", "-t", scene.host, "--", "bash", "-c", remote]);
    await terminal.until(/^50 200$/m);
    await terminal.press("C-c");
    await terminal.until(/GOT INT/);
    await terminal.line("word");
    expect(await terminal.until(/LEFT \d+\n(?:SANE|RAW)/)).toMatch(/GOT word\nLEFT 5\nSANE/);
    expect((await scene.kept())[0]).toMatchObject({ served: 1 });
  });

  test("what is typed is the command's input; the modes are restored when the keeper dies", async () => {
    await using scene = await Scene.open();
    await scene.run(["up", scene.host]);
    {
      await using terminal = new Tmux();
      await open(scene, terminal, ["exec", scene.host, "--", "sed", "s/^/typed /"]);
      await terminal.line("one");
      await terminal.press("C-d");
      expect(await terminal.until(/LEFT \d+\n/)).toContain("typed one\nLEFT 0\nSANE");
    }
    await using terminal = new Tmux();
    await open(scene, terminal, ["exec", "-t", scene.host, "--", "sh", "-c", "echo UP; sleep 300"]);
    await terminal.until(/^UP$/m);
    const pid = scene.daemon() as number;
    expect(isRunning(pid)).toBe(true);
    process.kill(pid, "SIGKILL");
    const shown = await terminal.until(/LEFT \d+\n(?:SANE|RAW)/);
    expect(shown).toContain("the process that keeps the connections has ended");
    expect(shown).toContain("LEFT 255\nSANE");
  });

  test("a copy of a file shows how far it is", async () => {
    await using scene = await Scene.open();
    await scene.run(["up", scene.host]);
    await using terminal = new Tmux();
    writeFileSync(join(scene.folder, "big"), new Uint8Array(3 << 20));
    const copy = join(scene.folder, "copy");
    await open(scene, terminal, ["cp", join(scene.folder, "big"), `${scene.host}:${copy}`]);
    const shown = await terminal.until(/LEFT \d+\n/);
    expect(shown).toMatch(/100% \[=+>?\] 3\.1 MB\/3\.1 MB .* 1\/1\n+LEFT 0/);
    expect((await scene.kept())[0]).toMatchObject({ served: 1 });
    expect(statSync(copy).size).toBe(3 << 20);
  });

  test("ctrl-Z stops the command there and here, and fg continues both", async () => {
    await using scene = await Scene.open();
    await scene.run(["up", scene.host]);
    await using terminal = new Tmux();
    await terminal.open(`env ${variables(scene).join(" ")} PS1='$ ' bash --norc -i`);
    await terminal.until(/^\$$/m);
    const count = "for n in 1 2 3 4 5 6 7 8; do echo N$n; sleep 0.5; done";
    await terminal.line(`${scene.argv(["exec", scene.host, "--"]).join(" ")} sh -c '${count}'`);
    await terminal.until(/^N2$/m);
    await terminal.press("C-z");
    await terminal.until(/Stopped/);
    await terminal.line("fg");
    expect(await terminal.until(/^N8$/m)).toMatch(/N1\nN2\n[\s\S]*N7\nN8/);
  });
});
