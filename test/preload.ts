/**
 * Runs before every test file (bunfig.toml): a test that leaves a process of ours behind fails.
 *
 * What lives when a test begins may live when it ends, so that a file may hold contexts from
 * beforeAll to afterAll. What a file's tests left and its afterAll did not end is found when the
 * next file begins, and after the last one; a preload's own afterAll fires once a run.
 */
import { afterAll, afterEach, beforeEach } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import {
  describeProcess,
  handDownEnvironment,
  kept,
  kill,
  type Marked,
  marked,
  survivors,
} from "./helpers/leaks.ts";

handDownEnvironment();

/** What the tests' programs keep for their next runs is not the user's. */
const cache = mkdtempSync(join(tmpdir(), "econtext-cache-"));
process.env["XDG_CACHE_HOME"] = cache;
afterAll(() => rmSync(cache, { recursive: true, force: true }));
/** What macros make, for the programs that a test starts: see scripts/macros.ts. */
if (process.env["ECONTEXT_TEST_BUILT"] === undefined) {
  const built = mkdtempSync(join(tmpdir(), "econtext-built-"));
  process.env["ECONTEXT_TEST_BUILT"] = built;
  afterAll(() => rmSync(built, { recursive: true, force: true }));
}
/** What the user's `econtext up` keeps is not for tests: those of `up` have their own socket. */
process.env["ECONTEXT_UP"] = "off";

let before = new Map<number, Marked>();
/** Alive after the last test of `file`. */
let after = new Map<number, Marked>();
let file = "";
const left: string[] = [];

async function fileEnded(): Promise<void> {
  const alive = await survivors([...after.values()]);
  for (const one of alive) left.push(`${relative(process.cwd(), file)}: ${describeProcess(one)}`);
  kill(alive);
  after = new Map();
}

/**
 * Tests that run at once (`test.concurrent`) are one here: a process of a test that still runs is
 * no leak of the one that ends, however long that process takes.
 */
let running = 0;
let begun: Promise<void> | undefined;

async function begin(): Promise<void> {
  if (Bun.main !== file) await fileEnded();
  file = Bun.main;
  before = marked();
}

beforeEach(async () => {
  running += 1;
  if (running === 1) begun = begin();
  await begun;
});

/**
 * What a slave starts has its title, until it is the program that it shall be: such as the shell
 * that watches a JavaScript slave as long as that lives. The end of the file tells of it.
 */
function isOfEarlier({ command, parent }: Marked): boolean {
  return command.startsWith("econtext:") && before.has(parent);
}

afterEach(async () => {
  running -= 1;
  if (running > 0) return;
  after = marked();
  const started = [...after.values()].filter(
    (one) => !before.has(one.pid) && !kept(one.pid) && !isOfEarlier(one),
  );
  if (started.length === 0) return;
  const alive = await survivors(started);
  kill(alive);
  after = marked();
  if (alive.length > 0) {
    throw new Error(
      `left running by this test, or one that ran beside it:\n${alive.map(describeProcess).join("\n")}`,
    );
  }
});

afterAll(async () => {
  for (const [pid, one] of marked()) after.set(pid, one);
  await fileEnded();
  if (left.length > 0) throw new Error(`left running after all tests of:\n${left.join("\n")}`);
});
