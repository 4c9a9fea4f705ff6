/** The switch of Python hops: the oldest versions, which fork, and the newest, which does not. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Plan } from "../../src/interpreters/plan.ts";
import { missingMinimal, prune } from "../helpers/minimal-pythons.ts";
import { pythonOf } from "../helpers/pythons.ts";
import { HOP, RawMaster, SWITCH } from "../helpers/raw-master.ts";
import { suite } from "../helpers/skip.ts";
import { gone, switchRows } from "./switch.ts";
import { connectionRows } from "./switch-connections.ts";
import { orderRows } from "./switch-orders.ts";
import { relayRows } from "./switch-relays.ts";
import { secretRows } from "./switch-secrets.ts";
import { endRows, limitRows, startRows } from "./switch-start.ts";

const FORK =
  "__import__('os').fork() or __import__('os').setsid() or __import__('time').sleep(1000)";

const MODULES = "__import__('sys').modules";
/** In Python 2, the switch of a hop is complete some milliseconds after its start. */
async function settled(master: RawMaster, id: number): Promise<void> {
  const wide = `${MODULES}.get('econtext.vectored_io')`;
  const isWide = `getattr(${wide}, 'feed', 0) is ${MODULES}['econtext'].feed`;
  const expression = `__import__('sys').version_info[0] > 2 or ${isWide}`;
  while ((await master.call(id, "eval", expression)) !== true) await Bun.sleep(5);
}

/** What only a hop of Python does. */
function pythonRows(plan: Plan): void {
  test("a process that user code forks keeps no child alive", async () => {
    const master = await new RawMaster(plan).open();
    const child = master.program(["sh", "-c", "echo $$; exec cat"], []);
    await child.event("noise");
    const fork = Number(await master.call(HOP, "eval", FORK));
    const end = master[Symbol.asyncDispose]();
    await gone(Number(child.text("noise")));
    try {
      process.kill(fork, "SIGKILL");
    } catch {
      // The hop's guard was quicker: it ends all that the hop leaves.
    }
    await end;
  });

  test("a descriptor that user code lets its own children have is not for contexts", async () => {
    await using master = await new RawMaster(plan).open();
    for (const fd of [50, 51]) {
      await master.call(HOP, "os.dup2", 0, fd);
      // Orders that come together share one look at the descriptors.
      const children = [1, 2, 3].map(() => master.program(["ls", "/proc/self/fd"], []));
      for (const child of children) {
        await child.event("ended");
        expect(child.text("noise").split("\n")).not.toContain(String(fd));
      }
    }
  });

  test("a hop without free descriptors says so, and goes on", async () => {
    await using master = await new RawMaster(plan).open();
    await master.call(HOP, "resource.setrlimit", 7, [40, 40]);
    const children = Array.from({ length: 12 }, () => master.program(["cat"], []));
    // Not always the last: descriptors that a fork was given are closed a moment later.
    expect(await Promise.race(children.map((child) => child.event("failed")))).toEqual([
      "failed",
      expect.stringContaining("EMFILE: too many open files"),
    ]);
    const started = children.filter((child) => child.told.every(([kind]) => kind !== "failed"));
    await Promise.all(
      started.map((child) => {
        child.order(SWITCH.CLOSE, null);
        return Promise.race([child.event("ended"), child.event("failed")]);
      }),
    );
    const again = await master.child({ wants: "python" }).opened();
    expect(await again.call("len", "abc")).toBe(3);
    await again.close();
  });
}

for (const version of ["2.7", "3.6", "3.13"] as const) {
  const { python, missing } = pythonOf(version);
  const plan = { wants: "python", kind: "python", path: python?.path ?? "" } as const;
  suite(`relays of a Python ${version}`, missing, "python", () => relayRows(plan));
  suite(`switch of a Python ${version}`, missing, "python", () => {
    const hop = { plan, hang: ["time.sleep", 1000], pid: "os.getpid" } as const;
    switchRows(hop);
    startRows(hop);
    endRows(hop);
    limitRows(hop);
    secretRows(hop, { chdir: "os.chdir", settled });
    orderRows(plan);
    connectionRows(plan);
    pythonRows(plan);
  });
}

suite("switch of a Python without JSON", missingMinimal("3.11"), "python", () => {
  const folder = mkdtempSync(join(tmpdir(), "econtext-minimal-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("takes orders and tells events before its codec has come", async () => {
    const path = prune("3.11", folder);
    const plan = { wants: "python", kind: "python", path } as const;
    await using master = await new RawMaster(plan).open();
    const words = `it's "quoted" \\ 𝄞 é\n\t`;
    const program = master.program(["sh", "-c", 'printf %s "$0"', words], []);
    const child = await master.child(plan).opened();
    expect(await child.call("len", "abc")).toBe(3);
    await program.event("ended");
    expect(program.text("noise")).toBe(words);
    await child.close();
  });
});
