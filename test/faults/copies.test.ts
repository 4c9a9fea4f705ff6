/**
 * Copies, killed at a random moment: ours or the far side, there or back. Each file of the
 * destination is the old one or the whole new one; a copy of the same then succeeds, and leaves
 * nothing else. `ECONTEXT_BREAKS` says how often for each kind; a failure names its seed, which
 * `ECONTEXT_TEST_SEED` repeats. What was left in between is printed at the end. Needs /proc.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ECONTEXT, PYTHON } from "../cli/econtext.ts";
import { bun } from "../helpers/javascripts.ts";
import { marked } from "../helpers/leaks.ts";
import { below, type Dice, makeDice, SEED } from "../helpers/random.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { signal } from "./scene.ts";

const ROUNDS = Number(process.env["ECONTEXT_BREAKS"] ?? 4);
const LARGE = 48 << 20;
const SMALL = 5_000;
const SMALLS = 40;
/** About as long as a copy takes. */
const MAX_MS = 250;
const POLL_MS = 2;
const TEMPORARY = /^\..+\.econtext-/;

const home = mkdtempSync(join(tmpdir(), "econtext-kills-"));
const from = join(home, "from");
const old = new Map<string, string>();
const whole = new Map<string, string>();
const left: string[] = [];
let server: SshServer | undefined;

beforeAll(async () => {
  if (missingSshd() === undefined) server = await startSshd();
  mkdirSync(from);
  for (const name of ["large", ...Array.from({ length: SMALLS }, (_, i) => `small${String(i)}`)]) {
    const content = new Uint8Array(name === "large" ? LARGE : SMALL).fill(name.length);
    crypto.getRandomValues(content.subarray(0, SMALL));
    writeFileSync(join(from, name), content);
    whole.set(name, sumOf(content));
    old.set(name, sumOf(`the old ${name}`));
  }
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  rmSync(home, { recursive: true });
  console.log(["", "killed copies: what is left until the next one", ...left].join("\n"));
});

function sumOf(content: string | Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(content).digest("hex");
}

async function sums(folder: string): Promise<Map<string, string>> {
  const names = readdirSync(folder).filter((name) => !TEMPORARY.test(name));
  const contents = names.map((name) => Bun.file(join(folder, name)).bytes());
  const all = await Promise.all(contents);
  return new Map(names.map((name, i) => [name, sumOf(all[i] as Uint8Array)]));
}

function temporaries(folder: string): string[] {
  return readdirSync(folder).filter((name) => TEMPORARY.test(name));
}

/** Processes of this master's slave: `ps` shows the name of the master that started it. */
function slavesOf(master: number): number[] {
  const end = new RegExp(`^econtext:\\S+:${String(master)}\\s*$`);
  return [...marked().values()].filter(({ command }) => end.test(command)).map(({ pid }) => pid);
}

interface Round {
  readonly dice: Dice;
  readonly way: "put" | "get";
  readonly victim: "we" | "the far side";
  readonly resume: boolean;
  /** `--kind` and its path. */
  readonly kind: readonly string[];
}

async function round({ dice, way, victim, resume, kind }: Round): Promise<string> {
  const to = mkdtempSync(join(home, "to-"));
  for (const name of old.keys()) writeFileSync(join(to, name), `the old ${name}`);
  const far = (path: string) => `${server?.host ?? ""}:${path}`;
  const paths = way === "put" ? [`${from}/.`, far(to)] : [far(`${from}/.`), to];
  const options = ["-F", server?.configPath ?? "", ...kind, ...(resume ? ["--resume"] : [])];
  const argv = [...ECONTEXT, "cp", "-q", "-r", ...options, ...paths];

  await using killed = Bun.spawn(argv, { stdio: ["ignore", "ignore", "pipe"] });
  const isBegun = () => temporaries(to).length > 0 || killed.exitCode !== null;
  while (!isBegun()) await Bun.sleep(POLL_MS);
  await Bun.sleep(below(dice, MAX_MS));
  const slaves = slavesOf(killed.pid);
  for (const pid of victim === "we" ? [killed.pid] : slaves) signal(pid, "SIGKILL");
  await killed.exited;
  while (slavesOf(killed.pid).length > 0) await Bun.sleep(POLL_MS);

  for (const [name, sum] of await sums(to)) expect([old.get(name), whole.get(name)]).toContain(sum);
  const found = temporaries(to);
  expect(found.length).toBeLessThanOrEqual(1);

  await using again = Bun.spawn(argv, { stdio: ["ignore", "ignore", "pipe"] });
  expect(await again.stderr.text()).toBe("");
  expect(await again.exited).toBe(0);
  expect(temporaries(to)).toEqual([]);
  expect(await sums(to)).toEqual(whole);
  rmSync(to, { recursive: true });
  return found[0]?.replace(/-[0-9a-f]{8}-.*/, "-…") ?? "nothing";
}

function kills(label: string, kind: readonly string[]): void {
  for (const way of ["put", "get"] as const) {
    test(`${way}, ${String(ROUNDS)} kills, seed ${String(SEED)}`, async () => {
      const dice = makeDice(SEED);
      for (let i = 0; i < ROUNDS; i++) {
        const victim = i % 2 === 0 ? "we" : "the far side";
        const resume = i % 4 > 1;
        const name = `${label}, ${way}${resume ? " --resume" : ""}, ${victim} killed`;
        try {
          left.push(`  ${name}: ${await round({ dice, way, victim, resume, kind })}`);
        } catch (error) {
          throw new Error(`round ${String(i)}, ${name}: ${(error as Error).message}`);
        }
      }
    }, 300_000);
  }
}

const missing = missingSshd();
suite("killed copies, python", missing, "sshd", () => kills("python", ["--python", PYTHON]));
suite("killed copies, bun", bun().missing ?? missing, "sshd", () =>
  kills("bun", ["--bun", bun().path]),
);
