/**
 * `npm test [-- FILTER...]` and `npm run check`: the checks, then the tests.
 *
 * A check is a program that prints nothing when all is well; a line of it that begins with
 * `SKIP ` is a part that it left out. The last line printed is `N passed, N failed`, with
 * `, N skipped` where there are any; checks count as tests. Nothing is skipped in silence.
 *
 *     npm test -- test/unit            all checks, and the tests whose path has `test/unit`
 *     npm test -- --tests-only FILTER  no checks
 *     npm test -- --times              and what took longest
 *
 * Tests of JavaScript far sides need real Nodes: they are installed before the first test when they
 * are missing.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { installNodes } from "./nodes.ts";
import { runTests, type TestRun, type Took } from "./test-run.ts";

const ROOT = dirname(import.meta.dir);
const BUN = process.execPath;
const MODULES = join(ROOT, "node_modules");
const CHECKS: readonly (readonly [name: string, ...argv: string[]])[] = [
  ["format+lint", join(MODULES, "@biomejs/biome/bin/biome"), "check", "--error-on-warnings"],
  ["types", join(MODULES, "typescript/bin/tsc"), "--noEmit"],
  ["layers", "scripts/layers.ts"],
  ["docs", "scripts/docs.ts"],
  ["language", "scripts/language.ts"],
  ["shape", "scripts/shape.ts"],
  ["exports", "scripts/exports.ts"],
  ["commits", "scripts/commits.ts"],
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
  times: Took[];
}

const isColoured = process.stdout.isTTY && !process.env["NO_COLOR"];
const tally: Tally = { passed: 0, failed: 0, skips: [], skipped: 0, failures: [], times: [] };

async function check(name: string, argv: readonly string[]): Promise<void> {
  const began = performance.now();
  const child = Bun.spawn([BUN, ...argv], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, ...(isColoured ? { FORCE_COLOR: "1" } : {}) },
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
 * Files that mostly wait: for something to end by itself, for other processes, for a slow link.
 * They run beside those that keep a processor busy, the longest first.
 */
const WAITING: readonly string[] = [
  "test/tree/faults.test.ts",
  "test/tree/hostile-child.test.ts",
  "test/faults/orphans-local.test.ts",
  "test/faults/orphans-ssh.test.ts",
  "test/passwords/behind-hops.test.ts",
  "test/conformance/languages.test.ts",
  "test/faults/slow.test.ts",
  "test/faults/lend.test.ts",
  "test/faults/abuse.test.ts",
  "test/faults/copies.test.ts",
  "test/faults/narrow.test.ts",
  "test/tree/hostile-hop.test.ts",
  "test/tree/hostile-prompt.test.ts",
  "test/tree/path.test.ts",
  "test/lab/lab.test.ts",
  "test/examples/screens.test.ts",
  "test/passwords/sudo.test.ts",
  "test/passwords/su-doas.test.ts",
  "test/passwords/ssh.test.ts",
  "test/embedded-ssh/sessions.test.ts",
  "test/passwords/sudo-rs.test.ts",
  "test/transports/transports.test.ts",
];
/**
 * Of the others, those of half a minute and more: they begin first, so that none of them is left
 * alone at the end.
 */
const LONG: readonly string[] = [
  "test/conformance/node-local.test.ts",
  "test/conformance/python-local.test.ts",
  "test/faults/switch-javascript.test.ts",
  "test/conformance/through-hops.test.ts",
  "test/faults/switch-python.test.ts",
  "test/conformance/embedded-ssh.test.ts",
  "test/conformance/python-ssh.test.ts",
];
const WAITING_LANES = 4;
/** Lines of `--times`, of files and of tests. */
const MOST_TIMES = 30;

async function tests(filters: readonly string[]): Promise<void> {
  // What only needs this repository needs no Nodes.
  const isUnitOnly = filters.length > 0 && filters.every((filter) => filter.includes("test/unit"));
  const noNodes = isUnitOnly ? undefined : await installNodes();
  if (filters.length > 0) {
    add(await runTests({ paths: filters, noNodes, shows: "at once", isColoured }));
    return;
  }
  const files = [...new Bun.Glob("test/**/*.test.ts").scanSync(ROOT)]
    .filter((file) => !file.includes("node_modules"))
    .sort();
  const isUnit = (file: string) => file.startsWith("test/unit/");
  const isWaiting = (file: string) => WAITING.includes(file);
  const rest = files.filter((file) => !LONG.includes(file) && !isWaiting(file) && !isUnit(file));
  const long = LONG.filter((file) => files.includes(file));
  const alone = (file: string): string[] => [file];
  // The units are small, and share a process.
  const busy = [...long.map(alone), files.filter(isUnit), ...rest.map(alone)];
  const waiting = WAITING.filter((file) => files.includes(file)).map(alone);
  const lane = async (own: string[][], other: string[][]): Promise<void> => {
    const next = () => own.shift() ?? other.shift();
    for (let files = next(); files !== undefined; files = next()) {
      const paths = files.map((file) => `./${file}`);
      add(await runTests({ paths, noNodes, shows: "at the end", isColoured }));
    }
  };
  const lanes = Array.from({ length: availableParallelism() }, () => lane(busy, waiting));
  lanes.push(...Array.from({ length: WAITING_LANES }, () => lane(waiting, busy)));
  await Promise.all(lanes);
}

/**
 * pyenv's shims are scripts of bash that look for the version: tests start Python thousands of
 * times, and each start would take ten times as long.
 */
function pathWithoutShims(): string {
  const path = process.env["PATH"] ?? "";
  const rest = path.split(":").filter((folder) => !folder.endsWith("/shims"));
  return Bun.which("python3", { PATH: rest.join(":") }) === null ? path : rest.join(":");
}

/** What macros make is made once for all processes of the tests: see scripts/macros.ts. */
async function inTestEnvironment(work: () => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "econtext-built-"));
  process.env["ECONTEXT_TEST_BUILT"] = folder;
  process.env["PATH"] = pathWithoutShims();
  try {
    await work();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function add({ passed, failed, skipped, skips, failures, times }: TestRun): void {
  tally.passed += passed;
  tally.failed += failed;
  tally.skipped += skipped;
  tally.skips.push(...skips);
  tally.failures.push(...failures);
  tally.times.push(...times);
}

/** The slowest first. */
function showTimes(what: Took["what"]): void {
  const all = tally.times.filter((one) => one.what === what);
  console.log(paint(33, `\nLONGEST (${what}):`));
  for (const { name, seconds } of all.sort((a, b) => b.seconds - a.seconds).slice(0, MOST_TIMES)) {
    console.log(`${seconds.toFixed(1).padStart(7)} s  ${name}`);
  }
}

function skip(line: string): void {
  tally.skips.push(line);
  tally.skipped += 1;
}

function paint(colour: number, text: string): string {
  return isColoured ? `\x1b[${String(colour)}m${text}\x1b[0m` : text;
}

const filters = process.argv
  .slice(2)
  .filter((arg) => !/^--(?:(?:checks|tests)-only|times)$/.test(arg));
if (!process.argv.includes("--tests-only")) {
  for (const [name, ...argv] of CHECKS) await check(name, argv);
}
if (!process.argv.includes("--checks-only")) await inTestEnvironment(() => tests(filters));
if (process.argv.includes("--times")) {
  for (const what of ["files", "test"] as const) showTimes(what);
}
if (tally.skips.length > 0) console.log(paint(33, "\nSKIPPED:"));
for (const line of new Set(tally.skips)) console.log(`  ${line}`);
// Once more, because thousands of lines may lie between: a reader looks at the end of a long log.
if (tally.failures.length > 0) console.log(paint(31, "\nFAILED:"));
for (const said of tally.failures) console.log(said);
const skipped = tally.skipped > 0 ? `, ${String(tally.skipped)} skipped` : "";
console.log(`${String(tally.passed)} passed, ${String(tally.failed)} failed${skipped}`);
process.exitCode = tally.failed > 0 ? 1 : 0;
