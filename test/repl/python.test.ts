/** Python at the prompt, in a real terminal. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PYTHON } from "../cli/econtext.ts";
import { isRunning } from "../helpers/leaks.ts";
import { pythons } from "../helpers/pythons.ts";
import { suite } from "../helpers/skip.ts";
import { leave, openPrompt } from "./prompt.ts";
import { missingTmux, Tmux } from "./tmux.ts";

setDefaultTimeout(120_000);

let state = "";
beforeAll(() => {
  state = mkdtempSync(join(tmpdir(), "econtext-python-"));
});
afterAll(() => rmSync(state, { recursive: true, force: true }));

/** The oldest and the newest Python: what a compiler says of unfinished text differs. */
const BOTH = [...new Set([pythons()[0]?.path ?? PYTHON, PYTHON])];

suite("Python at the prompt", missingTmux, "tmux", () => {
  test.each(BOTH)(".python: expressions print, statements run, state stays: %s", async (python) => {
    await using terminal = new Tmux();
    await openPrompt(terminal, ["local", "--python", python], state);
    await terminal.line(".python");
    await terminal.until(/\n>>> *$/);
    const python_ = (text: string): Promise<string> =>
      terminal.until(new RegExp(`${text}\\n>>> *$`));
    await terminal.line("import os; numbers = [1, 2]");
    await python_("numbers = \\[1, 2\\]");
    await terminal.line("for n in numbers:");
    await terminal.until(/\n\| *$/);
    await terminal.line("    n * 100");
    await terminal.until(/100\n\| *$/);
    await terminal.press("Enter");
    await python_("\n100\n200");
    await terminal.paste("def twice(n):\n    return n * 2\n\ntwice(len(numbers) + 40)");
    await python_("\n84");
    await terminal.line("_ + 1");
    await python_("\n85");
    await terminal.line("1 / 0");
    await python_("ZeroDivisionError[\\s\\S]*");
    await terminal.line("a b");
    await python_("SyntaxError[\\s\\S]*");
    await terminal.line("os.getpid()");
    const pid = Number(/\n(\d+)\n>>> *$/.exec(await python_("\n\\d+"))?.[1]);
    await terminal.type("numbers.rev");
    await terminal.press("Tab");
    await terminal.until(/>>> numbers\.reverse$/);
    await terminal.press("C-c");
    await terminal.line('import sys; sys.stdout.write("no end") and None');
    await python_("\nno end");
    await terminal.line("for n in numbers: print(n + 40)");
    await terminal.until(/\n\| *$/);
    await terminal.press("Enter");
    await python_("\n41\n42");
    for (const endless of ["import time; time.sleep(1000)", "exec('while True: pass')"]) {
      await terminal.line(`print("begun"); ${endless}`);
      await terminal.until(/\nbegun$/);
      await terminal.press("C-c");
      await python_("was cancelled");
    }
    await terminal.line("os.getpid() - numbers[0]");
    await python_(`\n${pid - 1}`);
    await terminal.line("exit()");
    await terminal.until(/exit\(\)\n> *$/);
    await terminal.line("2 ** 10");
    await terminal.answer("\n1024");
    expect(isRunning(pid)).toBe(true);
    await leave(terminal);
    expect(isRunning(pid)).toBe(false);
  });
});
