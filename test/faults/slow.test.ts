/**
 * A reader that is slow, or does not read at all, makes no process grow: not the program here, not
 * its ssh, and not the slave. Each is watched from the first byte on. Where nothing moves any more,
 * the second half of the time may need no more than the first; where something does, garbage comes
 * and goes, and there is a bound. `ECONTEXT_WATCH` says for how many seconds: a million values take
 * 1,150. What was seen is printed.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readlinkSync } from "node:fs";
import { join } from "node:path";
import { HEADER_BYTES } from "../../src/protocol/frame.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { memoryMb } from "../bench/proc.ts";
import { ECONTEXT } from "../cli/econtext.ts";
import { javascriptKind } from "../conformance/javascript.ts";
import type { Kind } from "../conformance/kind.ts";
import { pythonKind } from "../conformance/python.ts";
import { bun, nodeOf } from "../helpers/javascripts.ts";
import { descendants, marked } from "../helpers/leaks.ts";
import { pythonOf } from "../helpers/pythons.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";

const SECONDS = Number(process.env["ECONTEXT_WATCH"] ?? 3);
const MASTER = join(import.meta.dir, "../fixtures/slow-master.ts");
const TIMEOUT_MS = 1000 * SECONDS + 60_000;
const POLL_MS = 50;
/** Of what moves no more. */
const MAX_GROWTH_MB = 4;
const MAX_MB: Readonly<Record<string, number>> = { program: 128, ssh: 16, guard: 16 };
/** Node.js lets buffers of 64 MiB and more lie before it looks for garbage. */
const MAX_SLAVE_MB = { python: 32, javascript: 192 };
/** Values in the window that a sender begins with, and one more. */
const MAX_AHEAD = LIMITS.windowBytes / HEADER_BYTES + 1;

const seen: string[] = [];
afterAll(() => console.log(["", "MiB at most: first half, second half", ...seen].join("\n")));

let server: SshServer | undefined;
beforeAll(async () => {
  if (missingSshd() === undefined) server = await startSshd();
});
afterAll(() => server?.[Symbol.asyncDispose]());

type Hop = readonly [name: string, pid: number];

function isShell(pid: number): boolean {
  try {
    return /(?:sh|busybox)$/.test(readlinkSync(`/proc/${String(pid)}/exe`));
  } catch {
    return true; // it has ended
  }
}

/** Processes between the two ends of what `pid` has started, by what they are. */
function between(pid: number, language: Kind["language"]): Hop[] {
  const here = [{ pid, command: "" }, ...descendants(pid)];
  const serves = (command: string, one: number) =>
    command.startsWith("econtext:") && command.includes(`:${String(one)} `);
  // The shell that watches a JavaScript slave has its title, too.
  const there = [...marked().values()].filter(
    ({ command, pid }) => here.some((one) => serves(command, one.pid)) && !isShell(pid),
  );
  // From the top: what a slave starts has its title, too, until it is the program that it shall be.
  const childOf = (from?: number) => there.find(({ parent }) => parent === from);
  const top = there.find(({ parent }) => !there.some(({ pid }) => pid === parent));
  const slave = language === "python" ? childOf(top?.pid) : top;
  const program = here.find((one) => serves(slave?.command ?? "", one.pid));
  const ssh = here.find(({ command }) => command.startsWith("ssh "));
  const found = { program: program?.pid, ssh: ssh?.pid, guard: slave?.parent, slave: slave?.pid };
  return Object.entries(found).flatMap(([name, one]) =>
    one === undefined ? [] : [[name, one] as const],
  );
}

const NEEDED = ["program", "guard", "slave"];
/** What a busy machine looks at when it has ended, and what has grown, runs again. */
const MAX_TRIES = 5;

/** From its line "on" to its end. @returns what it said behind that */
async function watch(
  kind: Kind,
  how: string,
  argv: readonly string[],
  tries = MAX_TRIES,
): Promise<string> {
  await using child = Bun.spawn([...argv], { stdin: "ignore", stdout: "pipe" });
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader.read()).value).toBe("on\n");
  const hops = between(child.pid, kind.language);
  const names = hops.map(([name]) => name);
  if (tries > 1 && !NEEDED.every((name) => names.includes(name))) {
    return watch(kind, how, argv, tries - 1);
  }
  expect(names).toEqual(expect.arrayContaining(NEEDED));
  const began = performance.now();
  const halves = [await most(hops, began + 500 * SECONDS), await most(hops, began + 900 * SECONDS)];
  const limit = (name: string) => MAX_MB[name] ?? MAX_SLAVE_MB[kind.language];
  const cells = hops.map(([name], i) => {
    const [first = 0, second = 0] = halves.map((half) => half[i]);
    const max = how.startsWith("does not") ? first + MAX_GROWTH_MB : limit(name);
    const isFine = first > 0 && first < limit(name) && second < Math.min(max, limit(name));
    return `${name} ${first.toFixed(1)} ${second.toFixed(1)}${isFine ? "" : " TOO MUCH"}`;
  });
  let said = "";
  for (let more = await reader.read(); !more.done; more = await reader.read()) said += more.value;
  const row = `${kind.kind} ${kind.version}: ${how.padEnd(24)} ${cells.join(", ")}`;
  seen.push(`  ${row}; ${said.trim()}`);
  // Garbage may grow once. What is kept grows each time.
  const hasGrown = how.startsWith("does not") && row.includes("TOO MUCH");
  if (hasGrown && tries > 1) return watch(kind, how, argv, tries - 1);
  expect(row).not.toContain("TOO MUCH");
  return said;
}

/** Of each, until then. */
async function most(hops: readonly Hop[], end: number): Promise<number[]> {
  const all = hops.map(() => 0);
  while (performance.now() < end) {
    // What has ended needs nothing.
    for (const [i, [, pid]] of hops.entries()) {
      all[i] = Math.max(all[i] ?? 0, memoryMb(pid, "VmRSS") || 0);
    }
    await Bun.sleep(POLL_MS);
  }
  return all;
}

const READERS: Readonly<Record<string, string>> = {
  "does not read": `sleep ${SECONDS}`,
  "reads slowly": `timeout ${SECONDS} sh -c 'while head -c 100000; do sleep 0.05; done > /dev/null'`,
};

/** `yes`, through the command line and ssh, and the status that this ends with. */
async function commands(kind: Kind, path: string): Promise<void> {
  const options = [`--${kind.kind}`, path, "-F", server?.configPath ?? ""];
  const exec = [...ECONTEXT, "exec", ...options, server?.host ?? "", "--"];
  const told = '{ "$@"; echo $? >&3; }';
  const run = (how: string, line: string, ...argv: readonly string[]) =>
    watch(kind, how, ["sh", "-c", `{ ${line}; } 3>&1 2>&1`, "sh", ...exec, ...argv]);
  const statuses = Object.entries(READERS).flatMap(([how, script]) => {
    const reader = `head -c 1 > /dev/null; echo on >&2; ${script}; exit 0`;
    return [
      run(`${how}, here`, `${told} | { ${reader}; }`, "yes"),
      run(`${how}, there`, `yes | ${told}`, "sh", "-c", reader),
    ];
  });
  expect(await Promise.all(statuses)).toEqual(["141\n", "0\n", "141\n", "0\n"]);
}

/** What slow-master.ts does with it. */
async function values(kind: Kind, path: string): Promise<void> {
  const functions = {
    endless: kind.fn("tasks.flow.endless"),
    closed: kind.fn("tasks.flow.closed_generators"),
    produce: kind.fn("tasks.flow.produce_until_closed"),
    open: kind.fn("tasks.flow.open_channels"),
    sip: kind.fn("tasks.flow.sip"),
  };
  const connect = { kind: kind.kind, [kind.kind]: path };
  const ends = {
    "a generator": ["endless"],
    "a channel from there": true,
    "a channel to there": "ERR_CHANNEL_CLOSED",
  };
  await Promise.all(
    Object.entries(ends).map(async ([way, end]) => {
      const orders = { connect, roots: kind.roots, functions, way, seconds: SECONDS };
      const said = await watch(kind, way, [...ECONTEXT, MASTER, JSON.stringify(orders)]);
      const result = JSON.parse(said) as { taken: number; sent?: number; said: unknown };
      expect([way, result.said]).toEqual([way, end]);
      expect(result.taken).toBeGreaterThan(0);
      if (result.sent !== undefined) {
        expect(result.sent - result.taken).toBeLessThanOrEqual(MAX_AHEAD);
      }
    }),
  );
}

function rows(kind: Kind, path: string): void {
  const ssh = missingSshd();
  suite("over ssh", ssh, "sshd", () => {
    test("a command", () => commands(kind, path), TIMEOUT_MS);
  });
  test("values, a millisecond each", () => values(kind, path), TIMEOUT_MS);
}

for (const version of ["2.7", "3.13"] as const) {
  const { python, missing } = pythonOf(version);
  suite(`slow, python ${version}`, missing, "python", () =>
    rows(pythonKind(version), python?.path ?? ""),
  );
}
suite("slow, bun", bun().missing, "bun", () =>
  rows(javascriptKind("bun", process.versions.bun), bun().path),
);
for (const version of ["18", "26"] as const) {
  const { path, missing } = nodeOf(version);
  suite(`slow, node ${version}`, missing, "node", () =>
    rows(javascriptKind("node", version), path),
  );
}
