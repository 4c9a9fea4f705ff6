/**
 * `npm test [-- FILTER...]` and `npm run check`: the checks, then the tests.
 *
 * A check is a program that prints nothing when all is well; a line of it that begins with
 * `SKIP ` is a part that it left out. The last line printed is `N passed, N failed`, with
 * `, N skipped` where there are any; checks count as tests. Nothing is skipped in silence.
 *
 *     npm test -- test/unit            all checks, and the tests whose path has `test/unit`
 *     npm test -- --tests-only FILTER  no checks
 *
 * Tests of JavaScript far sides need real Nodes: they are installed before the first test when they are missing.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { installNodes } from "./nodes.ts";

const ROOT = dirname(import.meta.dir);
const BUN = process.execPath;
const MODULES = join(ROOT, "node_modules");
/** For one test; those that need longer say so themselves. */
const TEST_TIMEOUT_MS = 30_000;

/** How bun's line of a test begins, colour or not. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
const RESULT = /^(?:\x1b\[[\d;]*m)*\((pass|fail|skip|todo)\)/;
/** Lines before it that are said again at the end. */
const FAILURE_LINES = 60;

const CHECKS: readonly (readonly [name: string, ...argv: string[]])[] = [
  ["format+lint", join(MODULES, "@biomejs/biome/bin/biome"), "check", "--error-on-warnings"],
  ["types", join(MODULES, "typescript/bin/tsc"), "--noEmit"],
  ["layers", "scripts/layers.ts"],
  ["docs", "scripts/docs.ts"],
  ["sizes", "scripts/size.ts", "--check"],
  ["build", "scripts/build.ts"],
];

interface Tally {
  passed: number;
  failed: number;
  /** A line each: what, and why. */
  skips: string[];
  skipped: number;
  /** What was said of each test that failed, its name last. */
  failures: string[];
}

const coloured = process.stdout.isTTY && !process.env["NO_COLOR"];
const tally: Tally = { passed: 0, failed: 0, skips: [], skipped: 0, failures: [] };

async function check(name: string, argv: readonly string[]): Promise<void> {
  const began = performance.now();
  const child = Bun.spawn([BUN, ...argv], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, ...(coloured ? { FORCE_COLOR: "1" } : {}) },
  });
  const said = (await Promise.all([child.stdout.text(), child.stderr.text()])).join("");
  const ok = (await child.exited) === 0;
  const skips = said.split("\n").filter((line) => line.startsWith("SKIP "));
  for (const line of skips) skip(`${name}: ${line.slice("SKIP ".length)}`);
  if (ok) tally.passed += 1;
  else tally.failed += 1;
  if (!ok) process.stdout.write(said.endsWith("\n") ? said : `${said}\n`);
  const seconds = ((performance.now() - began) / 1e3).toFixed(1);
  console.log(`${ok ? paint(32, "ok") : paint(31, "FAILED")} ${name} ${seconds}s`);
}

/**
 * In a process of their own, beside all others: what looks at that process's memory, which is not to be grown by thousands of tests before; and
 * what mostly waits for something to end by itself, or for other processes.
 */
const APART = [
  "test/faults/copies.test.ts",
  "test/faults/hostile-memory.test.ts",
  "test/faults/lend.test.ts",
  "test/faults/narrow.test.ts",
  "test/faults/orphans.test.ts",
  "test/faults/slow.test.ts",
];

async function tests(filters: readonly string[]): Promise<void> {
  // What only needs this repository needs no Nodes.
  const isUnit = filters.length > 0 && filters.every((filter) => filter.includes("test/unit"));
  const problem = isUnit ? undefined : await installNodes();
  if (filters.length > 0) {
    process.stderr.write(await run(filters, problem, true));
    return;
  }
  const files = [...new Bun.Glob("test/**/*.test.ts").scanSync(ROOT)].sort();
  const others = files.filter((file) => !APART.includes(file) && !file.includes("node_modules"));
  const paths = (list: readonly string[]) => list.map((file) => `./${file}`);
  const apart = run(paths(APART), problem, false);
  await run(paths(others), problem, true);
  process.stderr.write(await apart);
}

/**
 * One process of tests.
 *
 * @param isShown as it comes; else what it said is returned
 */
async function run(
  paths: readonly string[],
  problem: string | undefined,
  isShown: boolean,
): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "econtext-test-"));
  const report = join(dir, "junit.xml");
  const skips = join(dir, "skips");
  let said = "";
  try {
    const options = ["--reporter=junit", `--reporter-outfile=${report}`];
    const argv = [BUN, "test", `--timeout=${String(TEST_TIMEOUT_MS)}`, ...options, ...paths];
    const child = Bun.spawn(argv, {
      cwd: ROOT,
      stdin: "ignore",
      stdout: isShown ? "inherit" : "ignore",
      stderr: "pipe",
      env: {
        ...process.env,
        ECONTEXT_TEST_RUN: crypto.randomUUID(),
        ECONTEXT_SKIPS: skips,
        ...(problem === undefined ? {} : { ECONTEXT_NO_NODES: problem }),
        ...(coloured ? { FORCE_COLOR: "1" } : {}),
      },
    });
    let between = 0;
    const decoder = new TextDecoder();
    let rest = "";
    let since: string[] = [];
    for await (const chunk of child.stderr) {
      const text = decoder.decode(chunk, { stream: true });
      if (isShown) process.stderr.write(chunk);
      else said += text;
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        between += /^.*# Unhandled error between tests/.test(line) ? 1 : 0;
        since.push(line);
        const result = RESULT.exec(line)?.[1];
        if (result === "fail") tally.failures.push(since.slice(-FAILURE_LINES).join("\n"));
        if (result !== undefined) since = [];
      }
    }
    add(existsSync(report) ? readFileSync(report, "utf8") : "", await child.exited, between);
    if (existsSync(skips)) tally.skips.push(...readFileSync(skips, "utf8").trim().split("\n"));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return said;
}

/** @param between are the errors outside of tests, a file that does not load: the report has none of them. */
function add(report: string, status: number, between: number): void {
  const root = /<testsuites [^>]*>/.exec(report)?.[0] ?? "";
  const number = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(root)?.[1] ?? 0);
  const [ran, failures, skipped] = [number("tests"), number("failures"), number("skipped")];
  if (ran === 0) console.log("no test ran");
  const failed = failures + between;
  tally.passed += ran - failures - skipped;
  tally.failed += failed === 0 && (status !== 0 || ran === 0) ? 1 : failed;
  tally.skipped += skipped;
  if (status !== 0 && failed === 0) console.log(`bun test ended with status ${String(status)}`);
}

function skip(line: string): void {
  tally.skips.push(line);
  tally.skipped += 1;
}

function paint(colour: number, text: string): string {
  return coloured ? `\x1b[${String(colour)}m${text}\x1b[0m` : text;
}

const filters = process.argv.slice(2).filter((arg) => !/^--(checks|tests)-only$/.test(arg));
if (!process.argv.includes("--tests-only")) {
  for (const [name, ...argv] of CHECKS) await check(name, argv);
}
if (!process.argv.includes("--checks-only")) await tests(filters);
if (tally.skips.length > 0) console.log(paint(33, "\nSKIPPED:"));
for (const line of new Set(tally.skips)) console.log(`  ${line}`);
// Again: thousands of lines may lie between, and who looks at the end of a long log finds them there.
if (tally.failures.length > 0) console.log(paint(31, "\nFAILED:"));
for (const said of tally.failures) console.log(said);
const skipped = tally.skipped > 0 ? `, ${String(tally.skipped)} skipped` : "";
console.log(`${String(tally.passed)} passed, ${String(tally.failed)} failed${skipped}`);
process.exitCode = tally.failed > 0 ? 1 : 0;
