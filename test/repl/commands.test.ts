/** The prompt's commands and the tab key, in a real terminal. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PYTHON } from "../cli/econtext.ts";
import { nodeOf } from "../helpers/javascripts.ts";
import { isRunning } from "../helpers/leaks.ts";
import { suite } from "../helpers/skip.ts";
import { soon } from "../helpers/soon.ts";
import { leave, openPrompt } from "./prompt.ts";
import { missingTmux, Tmux } from "./tmux.ts";

setDefaultTimeout(120_000);

let state = "";
beforeAll(() => {
  state = mkdtempSync(join(tmpdir(), "econtext-commands-"));
});
afterAll(() => rmSync(state, { recursive: true, force: true }));

/** What is typed before the tab key, and a pattern of the line after it. */
const COMPLETED = [
  ["await local.callW", "await local\\.callWith"],
  ["f(structuredC", "f\\(structuredClone"],
  [".contex", "\\.contexts"],
  [".load ./call", "\\.load \\./call"],
] as const;

function pidsIn(path: string): number[] {
  const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
  return lines.filter(Boolean).map(Number);
}

suite("commands of the prompt", missingTmux, "tmux", () => {
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

  test("all works in some contexts at a time, and ctrl-C leaves out the others", async () => {
    await using terminal = new Tmux();
    const targets = Array.from({ length: 6 }, (_, i) => `local${"/local".repeat(i)}`);
    const log = join(state, "running");
    // Of 72 files, econtext keeps 64 for itself, and takes 4 for each context.
    await openPrompt(terminal, targets, state, state, "ulimit -n 72");
    await terminal.line(
      `await all.exec("echo + >> ${log}; sleep 0.1; echo - >> ${log}; echo ran")`,
    );
    await terminal.answer("\\(6\\):\n {2}ran");
    let [running, most] = [0, 0];
    for (const sign of readFileSync(log, "utf8").split("\n").filter(Boolean)) {
      running += sign === "+" ? 1 : -1;
      most = Math.max(most, running);
    }
    expect(running).toBe(0);
    expect(most).toBeLessThanOrEqual(2);
    await terminal.line('await all.exec("echo begun >&2; echo $$ >> pids; exec sleep 1000")');
    await soon(() => pidsIn(join(state, "pids")).length === 2);
    await terminal.press("C-c");
    await terminal.answer("failed: not begun: interrupted[\\s\\S]*");
    await terminal.line("1000 + 1");
    await terminal.answer("\n1001");
    const pids = pidsIn(join(state, "pids"));
    expect([pids.length, pids.filter(isRunning)]).toEqual([2, []]);
    await leave(terminal);
  });

  test("!cmd has the terminal: keys, ctrl-C, the size, and a cancel where it is deaf", async () => {
    await using terminal = new Tmux();
    await openPrompt(terminal, ["local", "--python", PYTHON], state);
    await terminal.line("!printf 'no end'; exit 3");
    await terminal.answer("\nno end\n\\(exit 3\\)");
    await terminal.line("!echo reads; cat; stty size");
    // What is typed before the command has begun is for the prompt.
    await terminal.until(/\nreads$/);
    await terminal.line("typed");
    await terminal.until(/\ntyped\ntyped$/);
    await terminal.press("C-d");
    await terminal.answer("\n50 200");
    await terminal.line("!echo sleeps; exec sleep 1000");
    await terminal.until(/\nsleeps$/);
    await terminal.press("C-c");
    await terminal.answer("\\^C\n\\(SIGINT\\)");
    await terminal.line("!trap '' INT; echo deaf; while :; do sleep 1; done");
    await terminal.until(/\ndeaf$/);
    for (let isEnded = false; !isEnded; ) {
      await terminal.press("C-c");
      await Bun.sleep(300);
      isEnded = /was cancelled\n> *$/.test(await terminal.until(/./));
    }
    await terminal.line("1000 + 1");
    await terminal.answer("\n1001");
    await leave(terminal);
  });

  test("!cmd on a host that has no terminals: its output all the same", async () => {
    await using terminal = new Tmux();
    await openPrompt(terminal, ["local", "--node", nodeOf("18").path], state);
    await terminal.line("!echo one; echo two >&2; exit 3");
    await terminal.answer("\none\ntwo\n\\(exit 3\\)");
    await leave(terminal);
  });

  test("a host that is lost: it is told at once, nothing runs elsewhere, .connect opens it", async () => {
    await using terminal = new Tmux();
    await openPrompt(terminal, ["local", "local/local", "--python", PYTHON], state);
    await terminal.line(".connect local/local");
    await terminal.answer("\nlocal2 = local/local");
    await terminal.line('await local2.call("os.getpid")');
    const shown = await terminal.answer("\n\\d+");
    const pid = Number(/\n(\d+)\n> *$/.exec(shown)?.[1]);
    await terminal.type("half typed");
    await terminal.until(/half typed$/);
    process.kill(pid, "SIGKILL");
    await terminal.until(
      /SIGKILL[^\n]*\n {2}try: \.connect local\/local, which opens it again[^\n]*\n> half typed$/,
    );
    await terminal.press("C-c");
    await terminal.line("!echo elsewhere");
    await terminal.answer("elsewhere\n[^\n]*SIGKILL[^>]*");
    await terminal.line(".contexts");
    await terminal.answer("\n *local2 = local/local {2}lost; [^\n]* \\*[\\s\\S]*");
    await terminal.line('await all.exec("echo $((40 + 2))")');
    await terminal.answer(
      "local \\(1\\):\n {2}42\nlocal2 \\(1\\):\n {2}failed: [^\n]*SIGKILL[^>]*",
    );
    await terminal.line(".connect local/local");
    await terminal.answer("\nlocal2 = local/local");
    await terminal.line('(await local2.call("os.getpid")) !== process.pid');
    await terminal.answer("\ntrue");
    await terminal.line(".connect chroot:%2Fnowhere");
    await terminal.answer("\n[^>]*no such [^>]*");
    await terminal.line(".contexts");
    await terminal.answer(
      "\n[\\s\\S]*not opened; \\.connect chroot:%2Fnowhere tries again[\\s\\S]*",
    );
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
    for (const [typed, whole] of COMPLETED) {
      await terminal.type(typed);
      await terminal.press("Tab");
      await terminal.until(new RegExp(`> ${whole}$`));
      await terminal.press("C-c");
      await terminal.until(/\n> *$/);
    }
    await terminal.type(`local.readFile("${folder}/on`);
    await terminal.press("Tab");
    await terminal.until(/\/folder\/only-one\/$/);
    await terminal.press("C-c");
    await leave(terminal);
  });
});
