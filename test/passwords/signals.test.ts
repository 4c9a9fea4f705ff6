/**
 * Signals while a person is asked, on a real terminal: econtext ends at once, the terminal is as
 * before, and no process is left. Everything else goes on meanwhile.
 */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ECONTEXT } from "../cli/econtext.ts";
import { descendants, survivors } from "../helpers/leaks.ts";
import { missingRoot } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import { missingTmux, Tmux } from "../repl/tmux.ts";
import { Scene } from "./scene.ts";

setDefaultTimeout(120_000);

const missing = missingRoot() ?? (Bun.which("sudo") === null ? "no sudo here" : missingTmux);
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const QUESTION = /password for ect-\w+ at [^\n]*:$/;

suite("signals at a question", missing, "root", () => {
  const scene = new Scene();
  const folder = mkdtempSync(join(tmpdir(), "econtext-signals-"));
  const { name } = scene.user();
  writeFileSync(`/etc/sudoers.d/${name}`, `${name} ALL=(ALL) ALL\n`, { mode: 0o440 });
  scene.atEnd(() => rmSync(`/etc/sudoers.d/${name}`));
  scene.atEnd(() => rmSync(folder, { recursive: true }));
  afterAll(() => scene.end());
  const target = `runuser:${name}/sudo:root`;

  /** Runs econtext on a terminal until something matches. @returns its process id */
  async function asked(
    terminal: Tmux,
    args: readonly string[],
    pattern = QUESTION,
    before = "",
  ): Promise<number> {
    const file = join(folder, "pid");
    const words = [...ECONTEXT, ...args].map((word) => `'${word}'`).join(" ");
    const sane = '[ "$before" = "$(stty -g)" ] && echo SANE || echo RAW';
    await terminal.open(
      `before=$(stty -g); ${before} sh -c 'echo $$ > ${file}; exec "$@"' sh ${words}; ` +
        `echo LEFT $?; ${sane}; exec cat`,
    );
    await terminal.until(pattern);
    return Number(readFileSync(file, "utf8"));
  }

  /** Sends a signal to econtext alone. @returns what the terminal shows then */
  async function ended(terminal: Tmux, pid: number, signal: NodeJS.Signals): Promise<string> {
    const started = descendants(pid);
    process.kill(pid, signal);
    const shown = await terminal.until(/LEFT \d+\n(?:SANE|RAW)/);
    expect(await survivors(started)).toEqual([]);
    return shown;
  }

  for (const [signal, status] of Object.entries(SIGNALS) as [NodeJS.Signals, number][]) {
    test(`${signal} ends a command`, async () => {
      await using terminal = new Tmux();
      const pid = await asked(terminal, ["exec", target, "--", "id"]);
      expect(await ended(terminal, pid, signal)).toContain(`LEFT ${status}\nSANE`);
    });
  }

  test("SIGTERM ends --ask-pass, also when standard input is no terminal", async () => {
    await using terminal = new Tmux();
    const args = ["exec", "--ask-pass", target, "--", "id"];
    const pid = await asked(terminal, args, /Password:$/, "echo |");
    expect(await ended(terminal, pid, "SIGTERM")).toContain("LEFT 143\nSANE");
  });

  test("SIGTERM ends a program", async () => {
    await using terminal = new Tmux();
    const program = join(import.meta.dir, "../fixtures/passwords/who.ts");
    const pid = await asked(terminal, [program, target]);
    expect(await ended(terminal, pid, "SIGTERM")).toContain("LEFT 143\nSANE");
  });

  test("a command that has started gets the signal, and the question does not wait for it", async () => {
    await using terminal = new Tmux();
    const script = 'trap "echo got it; exit 7" TERM; echo begun; while :; do sleep 0.1; done';
    const args = ["exec", "local", target, "--", "sh", "-c", script];
    const words = args.map((word) => word.replaceAll("'", "'\\''"));
    const pid = await asked(terminal, words, /local: +begun/);
    await terminal.until(/password for ect-/);
    const shown = await ended(terminal, pid, "SIGTERM");
    expect(shown).toMatch(/^local: +got it$/m);
    expect(shown).toMatch(/2 failed: local \(exit 7\), \S+sudo:root \(cancelled\)/);
  });

  test("other targets go on while a person is asked", async () => {
    await using terminal = new Tmux();
    const file = join(folder, "go");
    const script = `until [ -e ${file} ]; do sleep 0.05; done; echo gone on`;
    const args = ["exec", "local", target, "--", "sh", "-c", script];
    const pid = await asked(terminal, args);
    writeFileSync(file, "");
    await terminal.until(/local: +gone on/);
    await ended(terminal, pid, "SIGTERM");
  });
});
