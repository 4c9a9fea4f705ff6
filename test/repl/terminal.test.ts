import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PYTHON } from "../cli/econtext.ts";
import { isRunning } from "../helpers/leaks.ts";
import { suite } from "../helpers/skip.ts";
import { openPrompt } from "./prompt.ts";
import { missingTmux, Tmux } from "./tmux.ts";

setDefaultTimeout(120_000);

let state = "";
beforeAll(() => {
  state = mkdtempSync(join(tmpdir(), "econtext-repl-"));
});
afterAll(() => rmSync(state, { recursive: true, force: true }));

const open = (terminal: Tmux, args: readonly string[], folder = state): Promise<void> =>
  openPrompt(terminal, args, folder);

/** Opens `js` and `py`, and asks them for their process ids. */
async function openTwo(terminal: Tmux): Promise<number[]> {
  await open(terminal, []);
  await terminal.quietly(`const js = await connect("local", { bun: "${process.execPath}" })`);
  await terminal.quietly(`const py = await connect("local", { python: "${PYTHON}" })`);
  await terminal.line('[await js.call(() => process.pid), await py.call("os.getpid")].join("+")');
  const shown = await terminal.answer("\n\\d+\\+\\d+");
  return (/\n(\d+)\+(\d+)/.exec(shown) ?? []).slice(1).map(Number);
}

suite("the prompt in a terminal", missingTmux, "tmux", () => {
  test(".help tells of hosts and of calls", async () => {
    await using terminal = new Tmux();
    await open(terminal, ["local"]);
    await terminal.line(".help");
    await terminal.until(/await web1\.call\(fn, ARG.*\.editor.*\n> *$/s);
  });

  test("a function typed, called; an error; ctrl-C of a hung call; ctrl-D", async () => {
    await using terminal = new Tmux();
    const pids = await openTwo(terminal);
    expect(pids.every(isRunning)).toBe(true);
    await terminal.line("function twice(x: number): number {");
    await terminal.until(/\n\| *$/);
    await terminal.line("  return times(x, 2)");
    await terminal.line("}");
    await terminal.until(/\n> *$/);
    await terminal.quietly("const times = (a: number, b: number) => a * b");
    await terminal.line("await js.call(twice, 21)");
    await terminal.answer("\n42");
    await terminal.line("_ + 1");
    await terminal.answer("\n43");
    await terminal.quietly('import * as tasks from "./tasks.py"');
    await terminal.line('await py.call("operator.mul", 11, 11)');
    await terminal.answer("\n121");

    await terminal.line("await py.call(tasks.refuse, 'it')");
    await terminal.answer('ValueError: refused: it[^>]*tasks.py", line 11, in refuse[^>]*');
    await terminal.quietly("const secret = 5");
    await terminal.line("await js.call(() => secret)");
    await terminal.answer('"\\(\\) => secret" closes over secret[\\s\\S]*');

    await terminal.line('py.call("print", "it has begun").then(() => py.call("time.sleep", 1000))');
    await terminal.until(/stdout: it has begun/);
    await terminal.line('await py.call("time.sleep", 1000)');
    await terminal.press("C-c");
    await terminal.answer("\\^C\\n[^>]*time.sleep was cancelled[\\s\\S]*");
    await terminal.line('await py.call("operator.mul", 12, 12)');
    await terminal.answer("\n144");
    await terminal.line('await js.call(() => { console.log("spins"); for (;;); })');
    await terminal.until(/console: spins/);
    await terminal.press("C-c");
    await terminal.answer("\\(function\\) was cancelled[\\s\\S]*");
    await terminal.line("await js.call(twice, 8)");
    await terminal.answer("\n16");
    await terminal.line("await new Promise(() => {})");
    await terminal.press("C-c");
    await terminal.answer("\ninterrupted");

    await terminal.press("C-d");
    await terminal.until(/\nLEFT 0$/);
    expect(pids.filter(isRunning)).toEqual([]);
    expect(readFileSync(join(state, "econtext", "history"), "utf8")).toContain("twice, 21");
  });

  test("log lines stand above what is typed; ctrl-C clears it, twice says how to leave; completion", async () => {
    await using terminal = new Tmux();
    await openTwo(terminal);
    const flag = join(state, "flag");
    const log = 'clearInterval(timer); py.call("print", "first")';
    const every = `if (fs.existsSync("${flag}")) { ${log} }`;
    await terminal.quietly(`const timer = setInterval(() => { ${every} }, 20)`);
    await terminal.type("1000 + 2");
    await terminal.until(/> 1000 \+ 2$/);
    writeFileSync(flag, "");
    const shown = await terminal.until(/stdout: first\n> 1000 \+ 2$/);
    expect(shown.match(/1000/g)).toHaveLength(1);
    await terminal.press("Enter");
    await terminal.answer("\n1002");
    await terminal.type("thrown away");
    await terminal.press("C-c");
    await terminal.until(/thrown away\n> *$/);
    await terminal.press("C-c");
    await terminal.press("C-c");
    await terminal.answer("to leave: ctrl-D");
    await terminal.type("js.callW");
    await terminal.press("Tab");
    await terminal.until(/> js\.callWith$/);
    await terminal.press("C-c");
    await terminal.line("js");
    await terminal.answer("Context local \\(connected\\)");
    await terminal.press("C-d");
    await terminal.until(/\nLEFT 0$/);
  });

  test("targets are variables; a kind that is not there is said; a history that cannot be kept is not", async () => {
    const folder = join(state, "odd");
    mkdirSync(join(folder, "econtext", "history"), { recursive: true });
    await using terminal = new Tmux();
    await open(terminal, ["local", "local/local", "--node", "/nonexistent/node"], folder);
    const shown = await terminal.until(/\n> *$/);
    expect(shown).toContain("local, local2 = local/local;");
    expect(shown).toMatch(/local: .*\/nonexistent\/node/);
    await terminal.line("2 + 2");
    await terminal.answer("\n4");
    await terminal.press("C-d");
    await terminal.until(/\nLEFT 0$/);
    expect(existsSync(join(folder, "econtext", "history"))).toBe(true);
  });

  test("with --log-format json, a connection that failed is a record", async () => {
    await using terminal = new Tmux();
    await open(terminal, ["local", "--log-format", "json", "--node", "/nonexistent/node"], state);
    const shown = await terminal.until(/\n> *$/);
    expect(shown.replaceAll("\n", "")).toMatch(/"level":"error".*\/nonexistent\/node/);
    await terminal.press("C-d");
    await terminal.until(/\nLEFT 0$/);
  });
});
