/**
 * One process of tests, `bun test`: what it printed, and its report, as numbers. Knows nothing of
 * other processes.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const ROOT = dirname(import.meta.dir);
/** For one test; those that need longer say so themselves. */
const TEST_TIMEOUT_MS = 60_000;

/** How bun's line of a test begins, colour or not. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
const RESULT = /^(?:\x1b\[[\d;]*m)*\((pass|fail|skip|todo)\)/;
/** Lines before it that are said again at the end. */
const FAILURE_LINES = 60;

export interface TestRun {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** A line each: what a machine lacks. */
  readonly skips: readonly string[];
  /** What was said of each test that failed, its name last. */
  readonly failures: readonly string[];
  /** What took how long: the whole, and each test. */
  readonly times: readonly Took[];
}

export interface Took {
  readonly what: "files" | "test";
  readonly name: string;
  readonly seconds: number;
}

export interface TestRunOptions {
  readonly paths: readonly string[];
  /** Why there are no Nodes; undefined when there are. */
  readonly noNodes: string | undefined;
  /**
   * When its output is printed: at once, or in one piece, so that it does not mix with that of
   * others.
   */
  readonly shows: "at once" | "at the end";
  readonly isColoured: boolean;
}

export async function runTests(options: TestRunOptions): Promise<TestRun> {
  const dir = mkdtempSync(join(tmpdir(), "econtext-test-"));
  try {
    return await runIn(dir, options);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function runIn(dir: string, options: TestRunOptions): Promise<TestRun> {
  const { paths, noNodes, shows, isColoured } = options;
  const report = join(dir, "junit.xml");
  const skips = join(dir, "skips");
  const began = performance.now();
  const reporting = ["--reporter=junit", `--reporter-outfile=${report}`];
  const argv = [process.execPath, "test", `--timeout=${TEST_TIMEOUT_MS}`, ...reporting, ...paths];
  const child = Bun.spawn(argv, {
    cwd: ROOT,
    stdin: "ignore",
    stdout: shows === "at once" ? "inherit" : "pipe",
    stderr: "pipe",
    env: {
      ...process.env,
      ECONTEXT_TEST_RUN: crypto.randomUUID(),
      ECONTEXT_SKIPS: skips,
      ...(noNodes === undefined ? {} : { ECONTEXT_NO_NODES: noNodes }),
      ...(isColoured ? { FORCE_COLOR: "1" } : {}),
    },
  });
  const printed = child.stdout instanceof ReadableStream ? child.stdout.text() : "";
  const said = new Said();
  for await (const chunk of child.stderr) {
    if (shows === "at once") process.stderr.write(chunk);
    said.add(chunk);
  }
  const status = await child.exited;
  const tally = readReport(existsSync(report) ? readFileSync(report, "utf8") : "");
  const failed = tally.failed + said.between;
  if (shows === "at the end") process.stderr.write(`${said.text}${await printed}`);
  if (tally.ran === 0) console.log(`no test ran: ${paths.join(" ")}`);
  else if (status !== 0 && failed === 0) console.log(`bun test ended with status ${status}`);
  const cpu = Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6;
  const seconds = (performance.now() - began) / 1e3;
  const name = paths.length > 1 ? "the units" : paths.join("");
  console.log(
    `${paths.join(" ")}: ${tally.passed} passed, ${failed} failed, ${seconds.toFixed(1)} s (${cpu.toFixed(1)} s of processor)`,
  );
  return {
    passed: tally.passed,
    // An end that no test accounts for counts as one.
    failed: failed === 0 && (status !== 0 || tally.ran === 0) ? 1 : failed,
    skipped: tally.skipped,
    skips: existsSync(skips) ? readFileSync(skips, "utf8").trim().split("\n") : [],
    failures: said.failures,
    times: [{ what: "files", name, seconds }, ...tally.times],
  };
}

/** What it printed, as it comes. */
class Said {
  text = "";
  /** Errors outside of tests, a file that does not load: the report has none of them. */
  between = 0;
  readonly failures: string[] = [];
  readonly #decoder = new TextDecoder();
  #rest = "";
  /** Lines since the last result. */
  #since: string[] = [];

  add(chunk: Uint8Array): void {
    const text = this.#decoder.decode(chunk, { stream: true });
    this.text += text;
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    this.between += /^.*# Unhandled error between tests/.test(line) ? 1 : 0;
    this.#since.push(line);
    const result = RESULT.exec(line)?.[1];
    if (result === "fail") this.failures.push(this.#since.slice(-FAILURE_LINES).join("\n"));
    if (result !== undefined) this.#since = [];
  }
}

interface Report {
  readonly ran: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly times: readonly Took[];
}

function readReport(xml: string): Report {
  const root = /<testsuites [^>]*>/.exec(xml)?.[0] ?? "";
  const number = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(root)?.[1] ?? 0);
  const [ran, failed, skipped] = [number("tests"), number("failures"), number("skipped")];
  return { ran, passed: ran - failed - skipped, failed, skipped, times: readTimes(xml) };
}

function readTimes(xml: string): Took[] {
  return Array.from(xml.matchAll(/<testcase ([^>]*)>/g), ([, attributes = ""]): Took => {
    const value = (of: string) => new RegExp(`\\b${of}="([^"]*)"`).exec(attributes)?.[1] ?? "";
    const [name, file] = [value("name"), value("file")];
    return { what: "test", name: `${file}: ${name}`, seconds: Number(value("time")) };
  });
}
