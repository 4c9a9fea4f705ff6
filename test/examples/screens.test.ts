/**
 * The screens in docs/guide.md are what a terminal with 80 columns shows: each command in a block
 * of `console` runs there, and its output is compared. NO_COLOR and no terminal are tested with the
 * same commands.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Progress } from "../../src/cli/results/progress.ts";
import { ECONTEXT } from "../cli/econtext.ts";
import { suite } from "../helpers/skip.ts";
import { missingSshd } from "../helpers/sshd.ts";
import { COLOUR, runOnTerminal } from "../helpers/terminal-run.ts";
import { openScene, type Scene } from "./screens-scene.ts";

setDefaultTimeout(120_000);

const GUIDE = readFileSync(join(import.meta.dir, "../../docs/guide.md"), "utf8");

interface Screen {
  readonly command: string;
  readonly lines: readonly string[];
}

/** Each command of the blocks of `console`, with the output that the guide shows below it. */
function screens(): Screen[] {
  const blocks = [...GUIDE.matchAll(/^```console\n([\s\S]*?)^```/gm)].map(([, code = ""]) => code);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((text) => {
        const [command = "", ...lines] = text.trimEnd().split("\n");
        return { command: command.replace(/\s+# .*$/, ""), lines };
      }),
  );
}

/** What differs from run to run and from machine to machine. */
const VARYING: readonly (readonly [pattern: RegExp, word: string])[] = [
  // Which interpreters there are: with the lines that follow.
  [/^ {2}interpreters .*\n(?: {10,}.*\n)*/gm, "  interpreters\n"],
  [/\b\d+\.\d+\.\d+\.\d+\b/g, "ADDRESS"],
  [/\bport \d+/g, "port N"],
  [/\bpid \d+/g, "pid N"],
  [/python \d[.\d]+, (pid N, )?\S+python[.\d]*/g, "python"],
  [/SHA256:[\w+/]{43}/g, "SHA256"],
  [/OpenSSH_.*/g, "OpenSSH"],
  [/\b\d+(?:\.\d+)? (ms|s|[kMG]?B\/s)(?![\w/])/g, "N $1"],
  [/\b[kMG]B\/s/g, "B/s"],
  [/^bootstrap \d+/gm, "bootstrap N"],
  [/(?<=\S) +N ms/g, " N ms"],
  // Half a second of a run is worth a status line, and this line in its place.
  [/^\d+ ok, in N s$\n?/gm, ""],
  // It is within the error of the measurement, or not.
  [/^( {2}clock {11}) .*/gm, "$1"],
];

/** @returns the lines; those of a run whose targets end in any order are sorted */
function comparable(text: string): string[] {
  const fixed = VARYING.reduce((shown, [pattern, word]) => shown.replace(pattern, word), text);
  // Where a line is broken depends on how long its times are. A table has lines of its own.
  const whole = fixed.replace(/\n {2}(?! |interpreters|.{1,15} (?:ok|look|FAILED) )/g, " ");
  const lines = whole.trimEnd().split("\n");
  if (lines.some((line) => line.startsWith("==>") || line.startsWith(" "))) return lines;
  const isClosed = / failed: /.test(lines.at(-1) ?? "");
  const last = isClosed ? lines.splice(-1) : [];
  return [...lines.sort(), ...last];
}

suite("the guide's screens", missingSshd(), "sshd", () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene(ECONTEXT);
  });
  afterAll(() => scene[Symbol.asyncDispose]());

  const shown = screens();
  const on = (command: string, env: Record<string, string> = {}) => {
    // What is only planned names no file of this test.
    const own = command.includes("--plan") ? { ...scene.env, ECONTEXT_SSH_CONFIG: "" } : scene.env;
    return runOnTerminal(["sh", "-c", command], { cwd: scene.dir, env: { ...own, ...env } });
  };

  for (const { command, lines } of shown) {
    test.concurrent(command, async () => {
      const { screen, raw } = await on(command);
      expect(comparable(screen)).toEqual(comparable(lines.join("\n")));
      const tooLong = screen.split("\n").filter((line) => line.length > 80);
      expect(tooLong.filter((line) => !/SHA256/.test(line))).toEqual([]);
      expect(lines.filter((line) => line.length > 90)).toEqual([]);
      if (!command.includes("--plan") && !command.includes("ping")) expect(raw).toMatch(COLOUR);
    });

    test.concurrent(`${command}, with NO_COLOR and without a terminal`, async () => {
      const plain = await on(command, { NO_COLOR: "1" });
      expect(plain.raw).not.toMatch(COLOUR);
      expect(comparable(plain.screen)).toEqual(comparable(lines.join("\n")));
      const files = `{ ${command}; } >out.$$ 2>err.$$; s=$?; cat out.$$ err.$$; exit $s`;
      const away = await on(files);
      expect(away.exitCode).toBe(plain.exitCode);
      expect(away.raw).not.toContain("\x1b");
      // The same words; a failure is one line, and names are not aligned.
      const words = (text: string) => comparable(text).join(" ").split(/\s+/).sort();
      expect(words(away.raw)).toEqual(words(plain.screen));
    });
  }

  test("there are screens of each kind", () => {
    const kinds = [" uptime", "--group", "--fold", "--diff", "--plan", "ping", "doctor", "web30"];
    for (const kind of kinds)
      expect(shown.some(({ command }) => command.includes(kind))).toBe(true);
  });

  test.concurrent("the status line goes away, and the closing line stays", async () => {
    const run = mkdtempSync(join(scene.dir, "run-"));
    const { screen, status } = await on("econtext exec -n -j 6 'web[1-30]' -- report", {
      RUN: run,
    });
    expect(screen).toEndWith("28 ok; 2 failed: web3 (exit 7), web30 (refused)\n");
    expect(status).toContainEqual(
      expect.stringMatching(/^1 running, 27 ok, 2 failed; web7 for \d\.\d s$/),
    );
    for (const text of status) {
      expect(text.length).toBeLessThan(80);
      expect(screen).not.toContain(text);
    }
  });
});

test("the guide's status line is that of such a run", () => {
  const progress = new Progress(100, 0);
  const target = (index: number) => ({ target: `web${index}`, index });
  const started = 26_700;
  for (let index = 0; index < 100; index++) {
    progress.event({ type: "connecting", ...target(index) }, index === 7 ? started : 38_000);
  }
  const ends = [...Array(7).keys(), ...Array.from({ length: 75 }, (_, at) => at + 25)];
  for (const index of ends) {
    const status = index < 2 ? 7 : 0;
    progress.event({ type: status === 0 ? "done" : "failed", ...target(index) }, 38_000);
    const times = { startedAt: 0, totalMs: 1 };
    progress.ended({ ...target(index), status, attempts: 1, times });
  }
  for (let index = 7; index < 19; index++) {
    progress.event({ type: "running", ...target(index) }, index === 7 ? started : 38_000);
  }
  const text = progress.text(38_700);
  expect(GUIDE).toContain(`\n${text}\n`);
});
