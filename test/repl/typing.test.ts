/** The prompt in a real terminal: pastes, history, ctrl-C of local code, and what is shown. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isRunning } from "../helpers/leaks.ts";
import { suite } from "../helpers/skip.ts";
import { soon } from "../helpers/soon.ts";
import { openPrompt } from "./prompt.ts";
import { missingTmux, Tmux } from "./tmux.ts";

setDefaultTimeout(120_000);

let state = "";
beforeAll(() => {
  state = mkdtempSync(join(tmpdir(), "econtext-typing-"));
});
afterAll(() => rmSync(state, { recursive: true, force: true }));

const CHAIN = `[1, 2, 3]
  .map((n) => n * 2)
  .filter((n) => n > 2)`;

/** Its error stands behind what is a guard's place. */
const LOOPS = `import { type Context } from "econtext";
export enum Kind { One = 1 }
export function spin(n: number): number { while (n > 0) n = Kind.One; return n; }
export async function later(n: number): Promise<number> { await null; do n++; while (true); }
export const recurse = (n: number): number => n < 2 ? n : recurse(n - 1) + recurse(n - 2);
export const sum = (all: number[]): number => { let n = 0; for (const x of all) { n += x; } return n; };
export async function elsewhere(far: Context) {
  return [
    await far.call(sum, [1, 2, 3]),
    await far.call((n: number) => { for (let i = 0; i < 3; i++) n += sum([i]); return n; }, 7),
    await far.call((n: number) => Math.max(n, 3), 2),
  ];
}
export function fail(n: number): void { for (;;) { if (n) throw new TypeError("mine"); } }
`;
const FAIL = ((LOOPS.split("\n")[13] ?? "").indexOf("TypeError") + 1).toString();

suite("typing at the prompt", missingTmux, "tmux", () => {
  test.each(["pasteMarked", "paste"] as const)("%s: one program", async (paste) => {
    await using terminal = new Tmux();
    await openPrompt(terminal, [], state);
    await terminal.line("1 + 1");
    await terminal.answer("\n2");
    await terminal[paste](CHAIN);
    await terminal.answer("\n\\[ 4, 6 \\]");
    await terminal[paste]("const twice = (n: number) => {\n\treturn n * 2;\n};\n\ntwice(4) + 100");
    const shown = await terminal.answer("\n108");
    expect(shown).not.toContain("undefined");
    await terminal.press("Up", "Enter");
    await terminal.until(/\n108[\s\S]*\n108\n> *$/);
    await terminal.line(".exit");
    await terminal.until(/\nLEFT 0$/);
  });

  test("lines that are typed while an input runs are inputs of their own", async () => {
    await using terminal = new Tmux();
    await openPrompt(terminal, [], state);
    const flag = join(state, "go-on");
    await terminal.line(`console.log("begun"); while (!fs.existsSync("${flag}")) {}`);
    await terminal.until(/\nbegun$/);
    await terminal.line("600 + 1");
    await terminal.line("700 + 1");
    writeFileSync(flag, "");
    await terminal.answer("601\n[\\s\\S]*701");
    await terminal.press("C-d");
    await terminal.until(/\nLEFT 0$/);
  });

  test("a line with .name( continues the one before; a command stays a command", async () => {
    await using terminal = new Tmux();
    await openPrompt(terminal, [], state);
    await terminal.line("[3, 1, 2]");
    await terminal.answer("\\[ 3, 1, 2 \\]");
    await terminal.line(".toSorted()");
    await terminal.answer("\\[ 1, 2, 3 \\]");
    await terminal.line(".map((n) => {");
    await terminal.until(/\n\| *$/);
    await terminal.line("return n + 10 })");
    await terminal.answer("\\[ 11, 12, 13 \\]");
    await terminal.line(".hlep");
    await terminal.answer("no command \\.hlep; did you mean \\.help\\?");
    await terminal.line(".nothing");
    await terminal.answer("no command \\.nothing; \\.help lists them");
    await terminal.press("C-d");
    await terminal.until(/\nLEFT 0$/);
  });

  test.each(["exit", "quit()"])("%s leaves, as at other prompts", async (typed) => {
    await using terminal = new Tmux();
    await openPrompt(terminal, [], state);
    await terminal.line(typed);
    await terminal.until(/\nLEFT 0$/);
  });

  test("a variable called exit is one", async () => {
    await using terminal = new Tmux();
    await openPrompt(terminal, [], state);
    await terminal.quietly("const exit = 7");
    await terminal.line("exit");
    await terminal.answer("7");
    await terminal.press("C-d");
    await terminal.until(/\nLEFT 0$/);
  });

  test("ctrl-C ends loops of typed code, and the session goes on", async () => {
    await using terminal = new Tmux();
    await openPrompt(terminal, [], state);
    await terminal.quietly("let rounds = 0");
    const loops = [
      "while (true) { rounds++ }",
      "for (;;) await 0",
      "await Promise.resolve(); do rounds++; while (true)",
      "for (;;) { try { for (;;) rounds++ } catch {} }",
      "(function again(n) { return n === 0 ? 0 : again(n - 1) + again(n - 1) })(60)",
    ];
    for (const loop of loops) {
      await terminal.line(`console.log("begun"); ${loop}`);
      await terminal.until(/\nbegun$/);
      await terminal.press("C-c");
      await terminal.answer("\\^C\ninterrupted");
    }
    await terminal.line("rounds > 0 && typeof local");
    await terminal.answer("\nobject");
    await terminal.press("C-d");
    await terminal.until(/\nLEFT 0$/);
  });

  test("a terminal that is closed ends a loop, too", async () => {
    let pid = 0;
    {
      await using terminal = new Tmux();
      await openPrompt(terminal, [], state);
      await terminal.line("process.pid");
      pid = Number(/\n(\d+)\n> *$/.exec(await terminal.answer("\n\\d+"))?.[1]);
      await terminal.line('console.log("begun"); for (;;) { try { for (;;); } catch {} }');
      await terminal.until(/\nbegun$/);
      expect(isRunning(pid)).toBe(true);
    }
    await soon(() => !isRunning(pid));
  });

  test("ctrl-C ends loops of an imported module, and its functions still run elsewhere", async () => {
    await using terminal = new Tmux();
    const folder = join(state, "modules");
    mkdirSync(folder);
    writeFileSync(join(folder, "loops.ts"), LOOPS);
    await openPrompt(terminal, ["--bun", process.execPath], state, folder);
    await terminal.quietly('import * as loops from "./loops.ts"');
    for (const name of ["spin", "later", "recurse"]) {
      await terminal.line(`console.log("begun"), await loops.${name}(60)`);
      await terminal.until(/\nbegun$/);
      await terminal.press("C-c");
      await terminal.answer("\\^C\ninterrupted");
    }
    await terminal.line("await loops.elsewhere(local)");
    await terminal.answer("\n\\[ 6, 10, 3 \\]");
    await terminal.line("loops.fail(1)");
    await terminal.answer(
      `TypeError: mine\n +at fail \\(${folder}/loops\\.ts:14:${FAIL}\\)[\\s\\S]*`,
    );
    await terminal.press("C-d");
    await terminal.until(/\nLEFT 0$/);
  });

  test("what code logs later stands above the line that is typed", async () => {
    await using terminal = new Tmux();
    await openPrompt(terminal, [], state);
    const flag = join(state, "log-now");
    const log = 'console.log("%d of", 1, 2); console.warn([1]); clearInterval(timer)';
    await terminal.quietly(
      `const timer = setInterval(() => { if (fs.existsSync("${flag}")) { ${log} } }, 20)`,
    );
    await terminal.type("500 + 1");
    await terminal.until(/> 500 \+ 1$/);
    writeFileSync(flag, "");
    const shown = await terminal.until(/\n1 of 2\n\[ 1 \]\n> 500 \+ 1$/);
    expect(shown.match(/500/g)).toHaveLength(1);
    await terminal.press("Enter");
    await terminal.answer("\n501");
    await terminal.line('setTimeout(() => { throw new TypeError("later") }); 7');
    await terminal.until(/TypeError: later\n +at [^\n]*repl:3:1:\d+\)?\n> *$/);
    const begun = join(state, "begun");
    await terminal.line(`setTimeout(() => { fs.writeFileSync("${begun}", ""); for (;;); }); 8`);
    await soon(() => existsSync(begun));
    await terminal.press("C-c");
    await terminal.answer("Interrupted: ctrl-C ended the loop");
    await terminal.press("C-d");
    await terminal.until(/\nLEFT 0$/);
  });

  test("history is kept after process.exit, and searched by ctrl-R", async () => {
    await using first = new Tmux();
    await openPrompt(first, [], state);
    await first.line("'needle'.length + 600");
    await first.answer("\n606");
    await first.line("process.exit(3)");
    await first.until(/\nLEFT 3$/);
    await using second = new Tmux();
    await openPrompt(second, [], state);
    await second.press("Up");
    await second.until(/> process\.exit\(3\)$/);
    await second.press("C-c");
    await second.until(/\n> *$/);
    await second.press("C-r");
    await second.type("needle");
    await second.until(/bck-i-search: needle/);
    await second.press("Enter");
    await second.answer("\n606");
    await second.press("C-d");
    await second.until(/\nLEFT 0$/);
  });

  test("text, output, calls that are not awaited, errors with their lines", async () => {
    await using terminal = new Tmux();
    await openPrompt(terminal, [], state);
    await terminal.line("'a\\tb\\nc'");
    await terminal.answer("\na +b\nc");
    await terminal.line("await local.$`echo out; echo err >&2`.quiet()");
    await terminal.answer("\nout\nerr");
    await terminal.line('local.call("time.sleep", 0)');
    await terminal.answer("\nCall \\(pending\\)");
    await terminal.paste("function fail() {\n  throw new TypeError('mine');\n}\nfail()");
    await terminal.answer(
      "TypeError: mine\n +at fail \\(repl:4:2:\\d+\\)\n +at .*repl:4:4:\\d+\\)?",
    );
    await terminal.line("_error.message");
    await terminal.answer("\nmine");
    await terminal.line("_error");
    await terminal.answer("> _error\nTypeError: mine\n +at fail \\(repl:4:2:\\d+\\)[\\s\\S]*");
    await terminal.press("C-d");
    await terminal.until(/\nLEFT 0$/);
  });
});
