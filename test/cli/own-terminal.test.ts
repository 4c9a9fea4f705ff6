/** Our terminal, joined to a command: it is restored when econtext is ended by force. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, isCommandRunning, uniqueSeconds } from "../conformance/session.ts";
import { nodeOf } from "../helpers/javascripts.ts";
import { descendants } from "../helpers/leaks.ts";
import { suite } from "../helpers/skip.ts";
import { missingTmux, Tmux } from "../repl/tmux.ts";
import { ECONTEXT, PYTHON } from "./econtext.ts";

setDefaultTimeout(60_000);

suite("a script that is typed", missingTmux, "tmux", () => {
  test("is asked for, and runs after ctrl-D", async () => {
    await using terminal = new Tmux();
    const argv = [...ECONTEXT, "sh", "--python", PYTHON, "local"].join(" ");
    await terminal.open(`exec sh -c '${argv}; echo LEFT $?; exec cat'`);
    await terminal.until(/^reading the script from the terminal; end it with ctrl-D$/m);
    await terminal.line("exit $((6*7))");
    await terminal.press("C-d");
    expect(await terminal.until(/LEFT \d+/)).toContain("LEFT 42");
  });
});

suite("a lent terminal", missingTmux, "tmux", () => {
  test("is given back by a signal that ends us at once", async () => {
    await using terminal = new Tmux();
    const seconds = uniqueSeconds();
    const argv = [...ECONTEXT, "exec", "-t", "--python", PYTHON, "local", "--", "sleep", seconds];
    // No shell that would put it right itself.
    const compare = '[ "$before" = "$(stty -g)" ] && echo SANE || echo RAW';
    const script = `before=$(stty -g); echo $$; ${argv.join(" ")}; echo LEFT $?; ${compare}; exec cat`;
    await terminal.open(`exec sh -c '${script}'`);
    const shell = Number.parseInt(await terminal.until(/^\d+/), 10);
    const isAsleep = () => descendants(shell).some(({ command }) => command.startsWith("sleep "));
    expect(await eventually(isAsleep, 20_000)).toBe(true);
    const all = descendants(shell);
    const own = all.find(({ parent }) => parent === shell);
    const sleep = all.find(({ command }) => command.startsWith("sleep "));
    const slave = all.find(({ pid }) => pid === sleep?.parent);
    if (own === undefined || slave === undefined) throw new Error("what is run is not there");
    // Stopped, it holds up the end that is in good order.
    process.kill(slave.pid, "SIGSTOP");
    // The first is the command's, the second ends it, the third us.
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(own.pid, name);
    const shown = await terminal.until(/LEFT \d+\n(?:SANE|RAW)/);
    expect(shown).toMatch(/LEFT 1(?:29|30|43)\nSANE/);
    expect(await eventually(() => !isCommandRunning(seconds))).toBe(true);
  });

  test("is a login shell's, where no command is named; it has our modes", async () => {
    await using terminal = new Tmux();
    const argv = [...ECONTEXT, "exec", "-t", "--python", PYTHON, "local"].join(" ");
    const script = `stty erase ^H; SHELL=/bin/sh ${argv}; echo LEFT $?; exec cat`;
    await terminal.open(`exec sh -c '${script}'`);
    await terminal.until(/^[#$]/m);
    await terminal.line("tr '\\0' ' ' < /proc/$$/cmdline; stty -a | grep -o 'erase = ..'; exit 5");
    expect(await terminal.until(/LEFT \d+/)).toMatch(/\n\/bin\/sh -l erase = \^H\n[\s\S]*LEFT 5/);
  });
});

const NODE = nodeOf("22");

suite("a terminal on a machine that has only Node.js", missingTmux ?? NODE.missing, "tmux", () => {
  test.skipIf(NODE.missing !== undefined)(
    "needs Python or Bun: Node.js alone is an error",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "econtext-node-"));
      try {
        for (const program of ["sh", "env"]) {
          symlinkSync(Bun.which(program) ?? "", join(folder, program));
        }
        symlinkSync(NODE.path, join(folder, "node"));
        await using terminal = new Tmux();
        const argv = [...ECONTEXT, "exec", "-t", "local", "--", "true"].join(" ");
        await terminal.open(`exec sh -c 'PATH=${folder} ${argv}; echo LEFT $?; exec cat'`);
        const shown = await terminal.until(/LEFT \d+/);
        expect(shown.replaceAll(/\s+/g, " ")).toContain(
          "Node.js cannot make a terminal, which Python and Bun can",
        );
        expect(shown).toContain("LEFT 1");
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );
});
