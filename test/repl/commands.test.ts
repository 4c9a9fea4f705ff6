/** The prompt's commands and the tab key, in a real terminal. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PYTHON } from "../cli/econtext.ts";
import { isRunning } from "../helpers/leaks.ts";
import { pythons } from "../helpers/pythons.ts";
import { suite } from "../helpers/skip.ts";
import { openPrompt } from "./prompt.ts";
import { missingTmux, Tmux } from "./tmux.ts";

setDefaultTimeout(120_000);

let state = "";
beforeAll(() => {
  state = mkdtempSync(join(tmpdir(), "econtext-commands-"));
});
afterAll(() => rmSync(state, { recursive: true, force: true }));

/** The oldest and the newest Python: what a compiler says of unfinished text differs. */
const BOTH = [...new Set([pythons()[0]?.path ?? PYTHON, PYTHON])];

async function leave(terminal: Tmux): Promise<void> {
  await terminal.press("C-d");
  await terminal.until(/\nLEFT 0$/);
}

suite("commands of the prompt", missingTmux, "tmux", () => {
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
    await terminal.line("import time; time.sleep(1000)");
    await terminal.press("C-c");
    await python_("cancelled[\\s\\S]*");
    await terminal.line(".js");
    await terminal.until(/\.js\n> *$/);
    await terminal.line("2 ** 10");
    await terminal.answer("\n1024");
    expect(isRunning(pid)).toBe(true);
    await leave(terminal);
    expect(isRunning(pid)).toBe(false);
  });

  test("!cmd, all, .connect, .contexts and .log", async () => {
    await using terminal = new Tmux();
    await openPrompt(terminal, ["local", "local/local", "--python", PYTHON], state);
    await terminal.line("!echo one; echo two >&2; exit 3");
    await terminal.answer("\none\ntwo\n\\(exit 3\\)");
    await terminal.line('await all.call("operator.add", 20, 22)');
    await terminal.answer("\nlocal,local2 \\(2\\):\n {2}42");
    await terminal.line('await all.exec("echo it; exit 4")');
    await terminal.answer("\nlocal,local2 \\(2\\):\n {2}it\n {2}\\(exit 4\\)");
    await terminal.line('await all.call("os.listdir", "/absent")');
    await terminal.answer("\\(2\\):\n {2}failed: [^\\n]*/absent[\\s\\S]*");
    await terminal.line(".connect local/local/local");
    await terminal.answer("\nlocal3 = local/local/local");
    await terminal.line(".contexts");
    const tree = await terminal.answer("pid \\d+, via local/local \\*");
    expect(tree).toMatch(
      /\nlocal {2}\w+ [\d.]+, pid \d+\n {2}local2 = local\/local {2}\w+ [\d.]+, pid/,
    );
    await terminal.line(".log shout");
    await terminal.answer('not a log level: "shout"; debug, info[\\s\\S]*');
    await terminal.line(".log error");
    await terminal.until(/\.log error\n> *$/);
    await terminal.line('await local.call("print", "unheard"), "done"');
    const shown = await terminal.answer("\ndone");
    expect(shown).not.toContain("stdout: unheard");
    await leave(terminal);
  });

  test(".load, .save and .help", async () => {
    await using terminal = new Tmux();
    await openPrompt(terminal, [], state);
    const [from, to] = [join(state, "from.ts"), join(state, "to.ts")];
    writeFileSync(
      from,
      "const base: number = 40;\nconst more = (n: number) => base + n;\nmore(2)\n",
    );
    await terminal.line(`.load ${from}`);
    await terminal.answer("\n42");
    await terminal.line("more(3)");
    await terminal.answer("\n43");
    await terminal.line(`.save ${to}`);
    await terminal.answer("1 inputs? in ");
    expect(readFileSync(to, "utf8")).toBe("more(3)\n");
    await terminal.line(".load /absent/file.ts");
    await terminal.answer("ENOENT[\\s\\S]*");
    await terminal.line(".help");
    const help = await terminal.answer("\\.save +FILE[^\\n]*");
    const lines = help.slice(help.indexOf("> .help")).split("\n");
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    await leave(terminal);
  });

  test(".reload imports changed files anew, here and in the targets", async () => {
    await using terminal = new Tmux();
    const [script, python] = [join(state, "tasks.ts"), join(state, "more.py")];
    writeFileSync(script, "export const version = () => 'first';\n");
    writeFileSync(python, "def version():\n    return 'py-first'\n");
    const targets = ["local", "local/local", "--bun", process.execPath];
    await openPrompt(terminal, targets, state, state);
    await terminal.quietly('import { version } from "./tasks.ts"');
    await terminal.quietly('import * as more from "./more.py"');
    const ask = "[version(), await local2.call(version)].join()";
    await terminal.line(ask);
    await terminal.answer("\nfirst,first");
    await terminal.line(".reload");
    await terminal.answer("no imported file has changed");
    writeFileSync(script, "export const version = () => 'second';\n");
    writeFileSync(python, "def renamed():\n    return 1\n");
    await terminal.line(".reload");
    await terminal.answer("tasks\\.ts, [^\\n]*more\\.py");
    await terminal.line(`${ask} + Object.keys(more)`);
    await terminal.answer("\nsecond,second[\\w,]*renamed[^\\n]*");
    await leave(terminal);
  });

  test("the tab key: remote functions, targets, remote paths", async () => {
    await using terminal = new Tmux();
    const folder = join(state, "folder");
    mkdirSync(join(folder, "only-one"), { recursive: true });
    await openPrompt(terminal, ["local", "--python", PYTHON], state);
    await terminal.type('local.call("os.path.basen');
    await terminal.press("Tab");
    await terminal.until(/\("os\.path\.basename$/);
    await terminal.press("C-c");
    await terminal.type('connect("loc');
    await terminal.press("Tab");
    await terminal.until(/\("local$/);
    await terminal.press("C-c");
    await terminal.type(`local.readFile("${folder}/on`);
    await terminal.press("Tab");
    await terminal.until(/\/folder\/only-one\/$/);
    await terminal.press("C-c");
    await leave(terminal);
  });
});
