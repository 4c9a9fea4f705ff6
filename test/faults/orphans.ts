/**
 * No orphans: whatever ends, and however, within a second after the end of the stream nothing of
 * ours runs on the far side, nor what user code started there. Each row against real processes; the
 * table of times is printed at the end. The ways to a far side are files of their own.
 */
import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  Broker,
  type BrokerOptions,
  type ConnectOptions,
  type Context,
  EcontextError,
} from "../../src/index.ts";
import { nodeOf } from "../helpers/javascripts.ts";
import { descendants } from "../helpers/leaks.ts";
import { SOON_MS } from "../helpers/soon.ts";
import { type Far, javascript, python } from "./far.ts";
import { ROOT, Scene, signal, spinning } from "./scene.ts";

const MASTER = join(import.meta.dir, "../fixtures/faulty-master.ts");
const GRACE_MS = 300;
/** Where a stopped slave shall end soon. */
const LEASE_MS = 2_000;
const POLL_MS = 20;
const times: string[] = [];

export interface Way {
  readonly name: string;
  readonly target: string;
  readonly connect: ConnectOptions;
  readonly far: Far;
  /** Whether every end of the master is tried: far sides of one language cannot tell them apart. */
  readonly isMain: boolean;
}

let scene: Scene;
function note(row: string, knew: number | undefined, empty: number): void {
  const cell = (ms: number | undefined) => (ms === undefined ? "-" : ms.toFixed(0)).padStart(6);
  times.push(`  ${row.padEnd(44)}${cell(knew)}${cell(empty)} ms`);
}

interface Hung {
  readonly broker: Broker;
  readonly context: Context;
  readonly slave: number;
  readonly guard: number;
  /** The call that hangs, and one that waits for its turn. */
  readonly call: ReturnType<typeof outcome>;
  readonly behind: ReturnType<typeof outcome>;
}

/** A context with children of every sort in it and a call that hangs. */
async function hungContext(
  way: Way,
  hang: string,
  callDeadline?: number,
  settings: BrokerOptions = {},
): Promise<Hung> {
  const broker = new Broker({ roots: [ROOT], graceMs: GRACE_MS, ...settings });
  const { far } = way;
  const options = { ...far.options, ...way.connect, argv0: scene.argv0 };
  const context = await broker.connect(way.target, options);
  const [slave = 0, guard = 0] = (await context.call(far.children, scene.duration)) as number[];
  scene.watch(guard);
  const hung = callDeadline === undefined ? {} : { deadline: callDeadline };
  const began = performance.now();
  const call = outcome(context.callWith(hung, far.hang, hang, scene.duration));
  const behind = outcome(context.call(far.pid));
  const isLate = () => callDeadline !== undefined && performance.now() - began > callDeadline / 2;
  const isHung = hangs(way, hang, slave);
  while (!isHung() && !isLate()) await Bun.sleep(POLL_MS);
  if (settings.leaseMs !== undefined && way.far.isWatched && way.name.endsWith("ssh")) {
    await scene.includes("/proc/$1/stat");
  }
  if (!isLate()) return { broker, context, slave, guard, call, behind };
  // A call whose deadline passes before it hangs is none for us.
  await broker.close();
  await scene.emptied(SOON_MS);
  return hungContext(way, hang, 3 * (callDeadline ?? 0), settings);
}

/** Whether all runs that `hang` has, and uses the processor if that is how it hangs. */
function hangs({ far }: Way, hang: string, slave: number): () => boolean {
  const isSpinning = far.spins.has(hang) ? spinning(slave) : () => true;
  return () => isSpinning() && scene.alive().length >= far.marked(hang);
}

/** The error's code, and when it came. */
async function outcome(promise: Promise<unknown>): Promise<{ code: string; at: number }> {
  const code = await promise.then(
    (value) => `it returned ${String(value)}`,
    (error) => (error instanceof EcontextError ? error.code : String(error)),
  );
  return { code, at: performance.now() };
}

/** Inside of a `suite`. */
export function orphans(way: () => Way): void {
  beforeEach(() => {
    scene = new Scene();
  });
  afterEach(() => scene.end());
  afterAll(() => {
    const told = ["", "orphans: until the caller knew, until nothing ran", ...times.splice(0)];
    console.log(told.join("\n"));
  });

  const { name, far, isMain } = way();
  const remote = name.endsWith("ssh");
  const ends = ["throws", "exits", "SIGTERM", "SIGINT", "SIGHUP"] as const;

  for (const [how, hang] of [
    ...(isMain ? ends : []).map((end) => [end, "sleep"] as const),
    ["SIGKILL", "sleep"],
    ["SIGKILL", "loop"],
    ["SIGKILL", "stubborn"],
    ["SIGKILL", "c"],
  ] as const) {
    test(`the master ${how} while a call hangs (${hang})`, async () => {
      const { target, connect, far } = way();
      const end = how === "throws" ? "throw" : how === "exits" ? "exit" : "wait";
      const options = { ...far.options, ...connect, argv0: scene.argv0 };
      const work = { children: far.children, hang: far.hang };
      const orders = {
        target,
        connect: options,
        root: ROOT,
        duration: scene.duration,
        how: hang,
        end,
      };
      await using master = Bun.spawn(
        [process.execPath, MASTER, JSON.stringify({ ...orders, ...work })],
        {
          stdio: ["pipe", "pipe", "pipe"],
        },
      );
      const line = new TextDecoder().decode((await master.stdout.getReader().read()).value);
      expect(line).toMatch(/^\[\d+,\d+\]\n$/);
      const [slave = 0, guard = 0] = JSON.parse(line) as number[];
      scene.watch(guard);
      const isHung = hangs(way(), hang, slave);
      while (!isHung()) await Bun.sleep(POLL_MS);
      if (end === "wait") {
        master.kill(how as NodeJS.Signals);
      } else {
        master.stdin.write("\n");
        void master.stdin.end();
      }
      await master.exited;
      note(`${name}: master ${how}, ${hang}`, undefined, await scene.emptied(SOON_MS));
    });
  }

  for (const hang of ["sleep", "loop", "stubborn", "c"]) {
    test(`close while a call hangs (${hang})`, async () => {
      const { broker, call } = await hungContext(way(), hang);
      const began = performance.now();
      await broker.close();
      const took = performance.now() - began;
      expect((await call).code).toBe("ERR_DISCONNECT_FORCED");
      expect(took).toBeLessThan(GRACE_MS + SOON_MS);
      note(
        `${name}: close, ${hang}`,
        (await call).at - began,
        took + (await scene.emptied(SOON_MS)),
      );
    });
  }

  for (const hang of far.endless) {
    test(`a deadline passes and the call cannot be interrupted (${hang})`, async () => {
      const { broker, call, behind } = await hungContext(way(), hang, 300);
      expect((await call).code).toBe("ERR_DEADLINE_CALL");
      const began = (await call).at;
      expect((await behind).code).toBe("ERR_DISCONNECT_HUNG");
      expect((await behind).at - began).toBeLessThan(GRACE_MS + SOON_MS);
      const empty = await scene.emptied(SOON_MS);
      note(
        `${name}: deadline, ${hang}`,
        (await behind).at - began,
        (await behind).at - began + empty,
      );
      await broker.close();
    });
  }

  test("the far side is stopped, and the deadline passes", async () => {
    const settings = remote ? { leaseMs: LEASE_MS } : {};
    const { broker, slave, call, behind } = await hungContext(way(), "sleep", 900, settings);
    process.kill(slave, "SIGSTOP");
    expect((await call).code).toBe("ERR_DEADLINE_CALL");
    const began = (await call).at;
    expect((await behind).code).toBe("ERR_DISCONNECT_HUNG");
    expect((await behind).at - began).toBeLessThan(GRACE_MS + SOON_MS);
    const empty = await scene.emptied(SOON_MS);
    note(
      `${name}: SIGSTOP, deadline`,
      (await behind).at - began,
      (await behind).at - began + empty,
    );
    await broker.close();
  });

  test("the far side is stopped, and the connection is lost", async () => {
    const settings = { leaseMs: LEASE_MS };
    const { broker, slave, call } = await hungContext(way(), "loop", undefined, settings);
    process.kill(slave, "SIGSTOP");
    const began = performance.now();
    await Promise.all([call, broker.close()]);
    const knew = performance.now() - began;
    note(`${name}: SIGSTOP, lost`, knew, knew + (await scene.emptied(LEASE_MS + SOON_MS)));
  });

  if (remote && far.isWatched) {
    test("the far side is stopped now and then, never for a lease", async () => {
      const settings = { leaseMs: 2 * LEASE_MS };
      const { broker, slave, context } = await hungContext(way(), "sleep", undefined, settings);
      for (let stopped = 0; stopped <= settings.leaseMs; stopped += LEASE_MS / 2) {
        process.kill(slave, "SIGSTOP");
        await Bun.sleep(LEASE_MS / 2);
        process.kill(slave, "SIGCONT");
        expect(await context.ping({ deadline: SOON_MS })).toBeNumber();
      }
      await broker.close();
      await scene.emptied(SOON_MS);
    });
  }

  for (const hang of ["sleep", "loop", "c"]) {
    test(`the slave is killed (${hang})`, async () => {
      await lost("slave killed", hang, ({ slave }) => signal(slave, "SIGKILL"));
    });
    // Where neither guard nor master is left, the remote system has to do it: only C code that
    // never returns lasts.
    if (remote && (hang === "c" || !far.tidies)) continue;
    test(`the slave's guard is killed (${hang})`, async () => {
      await lost("guard killed", hang, ({ guard }) => signal(guard, "SIGKILL"));
    });
  }

  if (!remote || far.tidies) {
    test("the slave's guard is killed while no call runs", async () => {
      const { target, connect, far } = way();
      await using broker = new Broker({ roots: [ROOT], graceMs: GRACE_MS });
      const options = { ...far.options, ...connect, argv0: scene.argv0 };
      const context = await broker.connect(target, options);
      const [, guard = 0] = (await context.call(far.children, scene.duration)) as number[];
      scene.watch(guard);
      await scene.populated(far.marked("exit"));
      // It waits without a timer, so that a host with many contexts can sleep.
      const wakes = wakesOf(guard);
      await Bun.sleep(300);
      expect(wakesOf(guard)).toBe(wakes);
      const began = performance.now();
      signal(guard, "SIGKILL");
      const empty = await scene.emptied(SOON_MS);
      expect((await within(outcome(context.call(far.pid)))).code).toBe("ERR_DISCONNECT_LOST");
      note(`${name}: guard killed, idle`, performance.now() - began, empty);
    });
  }

  test("the far side exits by itself", async () => {
    const { target, connect, far } = way();
    const broker = new Broker({ roots: [ROOT], graceMs: GRACE_MS });
    const options = { ...far.options, ...connect, argv0: scene.argv0 };
    const context = await broker.connect(target, options);
    await context.call(far.children, scene.duration);
    await scene.populated(far.marked("exit"));
    const began = performance.now();
    const calls = [context.call(far.hang, "exit", ""), context.call(far.pid)].map(outcome);
    for (const { code, at } of await Promise.all(calls)) {
      expect(code).toBe("ERR_DISCONNECT_LOST");
      expect(at - began).toBeLessThan(SOON_MS);
    }
    const knew = performance.now() - began;
    note(`${name}: ends itself`, knew, knew + (await scene.emptied(SOON_MS)));
    expect((await outcome(context.call(far.pid))).code).toBe("ERR_DISCONNECT_LOST");
    await broker.close();
  });

  interface Pids {
    readonly slave: number;
    readonly guard: number;
    readonly context: Context;
  }

  async function lost(what: string, hang: string, strike: (pids: Pids) => void): Promise<void> {
    const { broker, context, slave, guard, call, behind } = await hungContext(way(), hang);
    const began = performance.now();
    strike({ slave, guard, context });
    try {
      for (const { code, at } of [await within(call), await within(behind)]) {
        expect(code).toBe("ERR_DISCONNECT_LOST");
        expect(at - began).toBeLessThan(SOON_MS);
      }
      const knew = performance.now() - began;
      note(`${name}: ${what}, ${hang}`, knew, knew + (await scene.emptied(SOON_MS)));
    } finally {
      await broker.close();
    }
  }

  // The embedded ssh is no process.
  if (remote && way().connect.ssh?.engine === undefined) {
    test("ssh is killed", async () => {
      for (const hang of ["sleep", "c"]) {
        await lost("ssh killed", hang, ({ guard }) => {
          // The client is our child; what has the guard among its own is the server's.
          const clients = descendants(process.pid).filter((one) => /^ssh /.test(one.command));
          expect(clients.length).toBe(1);
          for (const { pid } of clients) if (pid !== guard) signal(pid, "SIGKILL");
        });
      }
    });
  }
}

/** For those that may never come. */
async function within(call: ReturnType<typeof outcome>): ReturnType<typeof outcome> {
  const late = Bun.sleep(SOON_MS).then(() => ({ code: "nothing", at: performance.now() }));
  return Promise.race([call, late]);
}

/** Each far side, with why it is not there. */
export const FARS: readonly (readonly [string, Far, missing: string | undefined])[] = [
  ["python", python, undefined],
  ["bun", javascript({ kind: "bun", bun: process.execPath }), undefined],
  ...(["18", "26"] as const).map((version) => {
    const { path, missing } = nodeOf(version);
    return [`node ${version}`, javascript({ kind: "node", node: path }), missing] as const;
  }),
];

/** Of each language, one stands for all. */
export function isMain(label: string): boolean {
  return label === "python" || label === "node 26";
}

/** How often a process has waited for something. */
function wakesOf(pid: number): string | undefined {
  return /^voluntary_ctxt_switches:\s*(\d+)$/m.exec(
    readFileSync(`/proc/${pid}/status`, "utf8"),
  )?.[1];
}
