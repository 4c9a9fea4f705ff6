/**
 * The fault table of the tree: each fault at every position of a chain of hops. Both ends finish
 * with the right error within the lease, nothing is left on any host or in any container, and
 * contexts that do not depend on the place of the fault go on.
 *
 * One run of each. `ECONTEXT_FAULT_RUNS=20` repeats them: nothing else decides how often.
 */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { descendants } from "../helpers/leaks.ts";
import { suite } from "../helpers/skip.ts";
import { SOON_MS } from "../helpers/soon.ts";
import { Lab, missingLab, type Name } from "../lab/lab.ts";
import { run } from "../lab/processes.ts";
import { Chain, type ChainOptions, type Outcome, outcome, WAY } from "./chain.ts";

setDefaultTimeout(120_000);

const RUNS = Number(process.env["ECONTEXT_FAULT_RUNS"] ?? 1);
const LEASE_MS = 2_000;
/** For faults that a slow machine, or a slow link, must not look like. */
const LONG_LEASE_MS = 30_000;
/** The slave's guard, and sshd, take a moment. A busy machine may take this long. */
const END_MS = LEASE_MS + SOON_MS;
/** What a process without memory has to do something. */
const OUT_OF_MEMORY_MS = 4_000;
/** sshd itself notices a dead connection late: it is no process of ours. */
const SSHD = /^sshd(-session)?[: ]/;

const POSITIONS = WAY.map(([word], position) => [word, position] as const);
const LINKS: readonly (readonly [Name, position: number])[] = [
  ["bastion", 0],
  ["web1", 1],
];

function times(title: string, fn: () => Promise<void>): void {
  for (let i = 1; i <= RUNS; i++) test(RUNS === 1 ? title : `${title}, ${String(i)}`, fn);
}

for (const kind of ["python", "bun"] as const) {
  suite(`faults, hops in ${kind}`, missingLab(), "lab", () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await Lab.open({ machines: ["web1", "web3"], wires: ["bastion", "web1"] });
    });
    afterAll(() => lab?.[Symbol.asyncDispose]());
    afterEach(async () => {
      await Promise.all(LINKS.map(([name]) => lab.link(name).mend()));
      await lab.emptied(END_MS);
    });

    const open = (options: Partial<ChainOptions> = {}): Promise<Chain> =>
      Chain.open(lab, { kind, leaseMs: LEASE_MS, ...options });

    /** What every fault that ends a hop has in common. */
    async function strike(
      position: number,
      codes: readonly string[],
      fault: (chain: Chain) => Promise<unknown>,
    ): Promise<void> {
      await using chain = await open();
      const hung = chain.hang();
      await chain.isHung();
      const began = performance.now();
      await fault(chain);
      for (const { code, message, at } of await hung) {
        expect(codes).toContain(code);
        expect(at - began).toBeLessThan(END_MS);
        expect(message).toStartWith(nameOf(position));
      }
      await ended(chain, position);
      await chain.isQuiet(END_MS);
      await chain.othersAnswer(position);
    }

    /** Every context from the broken hop on has ended, with the same reason. */
    async function ended(chain: Chain, position: number): Promise<void> {
      const behind = [...chain.contexts.slice(position), ...chain.neighbours.slice(position)];
      for (const context of behind) {
        const { code } = await outcome(context.ping({ deadline: SOON_MS }));
        expect(code).toStartWith("ERR_DISCONNECT_");
      }
    }

    for (const [word, position] of POSITIONS) {
      times(`kill -9 of ${word}`, () =>
        strike(position, ["ERR_DISCONNECT_LOST"], async (chain) => {
          process.kill(await chain.pidOf(position), "SIGKILL");
        }),
      );

      times(`SIGSTOP of ${word}`, async () => {
        await strike(position, ["ERR_DISCONNECT_SILENT"], async (chain) => {
          const pid = await chain.pidOf(position);
          if (kind !== "python") await isWatched(pid);
          process.kill(pid, "SIGSTOP");
        });
      });
    }

    for (const [name, position] of LINKS) {
      times(`the link to ${name} is cut`, async () => {
        await strike(position, ["ERR_DISCONNECT_SILENT"], () => lab.link(name).cut());
        const ours = () =>
          lab
            .host("web1")
            .strays()
            .filter(({ command }) => !SSHD.test(command));
        const until = performance.now() + END_MS;
        while (ours().length > 0 && performance.now() < until) await Bun.sleep(50);
        expect(ours().map(({ command }) => command)).toEqual([]);
      });

      times(`the link to ${name} is a second long`, async () => {
        // A call that is late is cancelled over the slow link.
        await using chain = await open({ leaseMs: LONG_LEASE_MS, graceMs: SOON_MS });
        await lab.wire(name).delay(1000);
        try {
          const late = outcome(chain.end.callWith({ deadline: 500 }, pidFunction(kind)));
          expect(await chain.end.ping()).toBeGreaterThan(1950);
          const answered = performance.now();
          expect((await late).code).toBe("ERR_DEADLINE_CALL");
          expect((await late).at).toBeLessThan(answered);
          await chain.othersAnswer(position);
          expect(await chain.end.call(pidFunction(kind))).toBeNumber();
        } finally {
          await lab.wire(name).delay(0);
        }
      });

      times(`the link to ${name} loses packets`, async () => {
        await using chain = await open({ leaseMs: LONG_LEASE_MS });
        await lab.wire(name).lose(5);
        try {
          const data = new Uint8Array(2 << 20);
          crypto.getRandomValues(data.subarray(0, 65536));
          const stdout = await chain.end.exec(["cat"], { stdin: data }).stdout.bytes();
          expect(Buffer.compare(stdout, data)).toBe(0);
          await chain.othersAnswer(WAY.length - 1);
        } finally {
          await lab.wire(name).lose(0);
        }
      });
    }

    for (const [word, position] of POSITIONS) {
      times(`the disk of ${word} is full`, async () => {
        await using chain = await open({ leaseMs: LONG_LEASE_MS });
        const context = chain.at(position);
        const fill = "head -c 1G /dev/zero >/tmp/fill 2>/dev/null; stat -c %s /tmp/fill";
        const filled = Number(await context.exec(["sh", "-c", fill]).stdout.text());
        expect(filled).toBeWithin(1, 64 << 20);
        try {
          const { code, message } = await outcome(context.put(import.meta.path, "/tmp/copy"));
          expect([code, message]).toEqual(["ERR_FILES_COPY", expect.stringMatching(/[Nn]o space/)]);
          const written = await context.exec(["sh", "-c", "echo text >/tmp/written"]).exited;
          expect(written.status).not.toBe(0);
          const child = await context.connect("local", { kind, deadline: SOON_MS });
          expect(await child.call(pidFunction(kind))).toBeNumber();
          await child.close();
          await chain.othersAnswer(WAY.length);
          expect(await chain.end.call(pidFunction(kind))).toBeNumber();
          const listed = await context.exec(["ls", "-A", "/tmp"]).stdout.text();
          expect(listed).not.toMatch(/copy|econtext/);
        } finally {
          await context.exec(["sh", "-c", "rm -f /tmp/fill /tmp/written"]).exited;
        }
      });

      times(`${word} is out of descriptors`, async () => {
        await using chain = await open({ leaseMs: LONG_LEASE_MS });
        // The first child has the hop start what carries children.
        await (await chain.at(position).connect("local", { kind })).ready();
        const pid = await chain.pidOf(position);
        await limit(pid, `--nofile=${String(1 + highestDescriptor(pid))}:`);
        const late = await chain.at(position).connect("local", { kind, deadline: SOON_MS });
        const { code, message } = await outcome(late.ready());
        expect([code, message]).toEqual([
          "ERR_BOOTSTRAP_SPAWN",
          expect.stringMatching(/EMFILE.*\n.*ulimit -n/),
        ]);
        await chain.othersAnswer(WAY.length);
        expect(await chain.end.call(pidFunction(kind))).toBeNumber();
      });

      times(`${word} is out of descriptors at its first child`, async () => {
        await using chain = await open({ length: position + 1, leaseMs: LONG_LEASE_MS });
        const pid = await chain.pidOf(position);
        await limit(pid, `--nofile=${String(1 + highestDescriptor(pid))}:`);
        const late = await chain.at(position).connect("local", { kind, deadline: SOON_MS });
        const { code, message } = await outcome(late.ready());
        if (kind === "bun" && code === "ERR_DISCONNECT_LOST") {
          // Bun, or the core's worker, ends where it lacks one for its own needs.
          expect(message).toStartWith(nameOf(position));
          await chain.othersAnswer(position);
          return;
        }
        expect([code, message]).toEqual([
          "ERR_BOOTSTRAP_SPAWN",
          expect.stringMatching(/EMFILE.*\n.*ulimit -n/),
        ]);
        await chain.othersAnswer(WAY.length);
        expect(await chain.end.call(pidFunction(kind))).toBeNumber();
      });

      times(`${word} is out of memory`, async () => {
        await using chain = await open({ leaseMs: LONG_LEASE_MS });
        const pid = await chain.pidOf(position);
        await limit(pid, `--as=${String(addressSpace(pid) + (1 << 20))}:`);
        // It cannot take what it is sent: it may refuse it, or end, or a runtime may hang while its
        // worker still answers: then the deadline ends the call. Others do not notice.
        const limits = { deadline: OUT_OF_MEMORY_MS };
        const stdin = new Uint8Array(64 << 20);
        const sent = chain.at(position).exec(["wc", "-c"], { stdin, ...limits });
        const results = await Promise.all([
          outcome(sent.stdout.text()),
          outcome(
            chain
              .at(position)
              .connect("local", { kind, ...limits })
              .then((one) => one.ready()),
          ),
        ]);
        for (const one of results) expect(isKnown(one)).toBe(true);
        await Promise.all([
          ...chain.contexts.slice(0, position).map((one) => one.ping({ deadline: SOON_MS })),
          ...chain.neighbours.slice(0, position).map((one) => one.ping({ deadline: SOON_MS })),
        ]);
      });
    }
  });
}

/** Waits for the process beside a JavaScript slave that looks whether the slave is stopped. */
async function isWatched(pid: number): Promise<void> {
  const isWatch = ({ command }: { command: string }) => command.includes("/proc/$1/stat");
  while (!descendants(pid).some(isWatch)) await Bun.sleep(10);
}

/** The name of the hop at a position, as errors begin with it. */
function nameOf(position: number): string {
  return WAY.slice(0, position + 1)
    .map(([word]) => word)
    .join("/");
}

function pidFunction(kind: "python" | "bun"): string {
  return kind === "python" ? "os.getpid" : "Date.now";
}

/** A result, or one of our own errors. */
function isKnown({ code }: Outcome): boolean {
  return code.startsWith("it returned ") || /^ERR_[A-Z]+_/.test(code);
}

/** Sets a limit of a running process, as its own user: root may lack the right to. */
async function limit(pid: number, option: string): Promise<void> {
  const [, uid = "0"] = /^Uid:\t(\d+)/m.exec(statusOf(pid)) ?? [];
  const user = [`--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
  await run(["setpriv", ...user, "prlimit", "--pid", String(pid), option]);
}

function addressSpace(pid: number): number {
  return Number(/^VmSize:\s+(\d+)/m.exec(statusOf(pid))?.[1]) * 1024;
}

function statusOf(pid: number): string {
  return readFileSync(`/proc/${String(pid)}/status`, "utf8");
}

function highestDescriptor(pid: number): number {
  return Math.max(...readdirSync(`/proc/${String(pid)}/fd`).map(Number));
}
