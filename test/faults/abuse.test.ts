/**
 * What user code may do to a JavaScript context: each way to hang, to crash and to exhaust, with
 * the right error, nothing left running and no more memory than the limits allow.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Broker, type ConnectOptions, type Context, type LogRecord } from "../../src/index.ts";
import { eventually } from "../conformance/session.ts";
import { bun, nodeOf } from "../helpers/javascripts.ts";
import { suite } from "../helpers/skip.ts";
import { SOON_MS } from "../helpers/soon.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { failure, growth } from "./puppet.ts";
import { ROOT, Scene, signal } from "./scene.ts";

const tasks = (name: string): string => `${join(ROOT, "tasks.cjs")}:${name}`;

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.end());

/** Runs `work` in a context of its own; nothing may be left of it. */
async function within(
  target: string,
  options: ConnectOptions,
  work: (context: Context, logs: LogRecord[], pid: number) => Promise<void>,
): Promise<void> {
  const logs: LogRecord[] = [];
  {
    await using broker = new Broker({
      roots: [ROOT],
      graceMs: SOON_MS,
      onLog: (record) => logs.push(record),
    });
    const context = await broker.connect(target, { ...options, argv0: scene.argv0 });
    await work(context, logs, (await context.ready()).pid);
  }
  await scene.emptied(SOON_MS);
}

/** The most memory that a process ever had, in MiB. */
/** Whether all of its threads are: each stops when it is told, and may read until then. */
function isStopped(pid: number): boolean {
  const tasks = `/proc/${String(pid)}/task`;
  return readdirSync(tasks).every((id) =>
    /^State:\s+T/m.test(readFileSync(join(tasks, id, "status"), "utf8")),
  );
}

function peakOf(pid: number): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]) / 1024;
}

/** How a context ends that crashes: the same words wherever it is. */
function crashes(open: () => [target: string, options: ConnectOptions]): void {
  test("a crash in native code, with commands running: it is told as one", async () => {
    await within(...open(), async (context) => {
      const [, guard = 0] = (await context.call(tasks("children"), scene.duration)) as number[];
      scene.watch(guard);
      await scene.populated(7);
      const calls = [context.call(tasks("waits"), 1), context.call("process.abort")];
      for (const error of await Promise.all(calls.map(failure))) {
        expect(error.code).toBe("ERR_DISCONNECT_LOST");
        expect(error.message).toMatch(/ended \(killed by SIGABRT: .*Aborted/);
      }
    });
  });

  test("what it printed last arrives before the error, to the last part of a line", async () => {
    await within(...open(), async (context, logs, pid) => {
      const call = failure(context.call(tasks("waits"), 1));
      await context.ping();
      // A process that is stopped has no thread that reads what was printed.
      signal(pid, "SIGSTOP");
      expect(await eventually(() => isStopped(pid))).toBe(true);
      appendFileSync(`/proc/${String(pid)}/fd/2`, "why it crashed\nin detail\n");
      appendFileSync(`/proc/${String(pid)}/fd/1`, "part of a line");
      signal(pid, "SIGKILL");
      expect((await call).message).toMatch(
        /ended \(killed by SIGKILL[^:]*: [^;]*Killed[^;\n]*\)\n {2}try: /,
      );
      const printed = logs.filter(({ logger }) => logger === "stderr");
      const lines = printed.map(({ message }) => message);
      expect(lines.join("\n")).toBe("why it crashed\nin detail\npart of a line");
    });
  });

  test("it is killed: it is told as that", async () => {
    await within(...open(), async (context, _logs, pid) => {
      const call = failure(context.call(tasks("waits"), 1));
      await context.ping();
      signal(pid, "SIGKILL");
      const error = await call;
      expect(error.code).toBe("ERR_DISCONNECT_LOST");
      expect(error.message).toMatch(/ended \(killed by SIGKILL: .*Killed/);
    });
  });

  for (const how of ["loop", "sleep"]) {
    test(`a call that hangs (${how}): its deadline, and the end of the context`, async () => {
      await within(...open(), async (context) => {
        await context.call(tasks("children"), scene.duration);
        const hung = context.callWith({ deadline: 200 }, tasks("hang"), how, scene.duration);
        expect((await failure(hung)).code).toBe("ERR_DEADLINE_CALL");
        expect(await context.call("Math.max", 1, 2)).toBe(2);
      });
    });
  }
}

for (const [label, kind, { path, missing }] of [
  ["bun", "bun", bun()],
  ["node 18", "node", nodeOf("18")],
  ["node 26", "node", nodeOf("26")],
] as const) {
  const options: ConnectOptions = kind === "bun" ? { kind, bun: path } : { kind, node: path };

  suite(`${label}, local`, missing, "node", () => {
    crashes(() => ["local", options]);

    describe("user code", () => {
      test("process.exit fails the call, and ends nothing", async () => {
        await within("local", options, async (context) => {
          const error = await failure(context.call("process.exit", 7));
          expect(error).toMatchObject({
            code: "ERR_CALL_FAILED",
            type: "Exit",
            remoteMessage: "7",
          });
          expect(await context.call("Math.max", 1, 2)).toBe(2);
        });
      });

      test("an error that is not caught is logged, also where no module of the user's was sent", async () => {
        await within("local", options, async (context, logs) => {
          const code = 'setTimeout(() => { throw new RangeError("thrown") }, 1); 1';
          expect(await context.call("eval", code)).toBe(1);
          expect(await context.call("eval", 'Promise.reject(new Error("rejected")); 2')).toBe(2);
          const said = () => logs.filter((one) => one.logger === "econtext");
          expect(await eventually(() => said().length === 2)).toBe(true);
          expect(await context.call("Math.max", 1, 2)).toBe(2);
          const messages = said().map((one) => one.message);
          expect(messages.join("\n")).toContain("RangeError: thrown");
          expect(messages.join("\n")).toContain("Error: rejected");
        });
      });

      for (const [what, fn, lines] of [
        ["a million lines that are printed", "flood", 1_000_000],
        ["thirty thousand lines of the console", "record", 30_000],
      ] as const) {
        test(`${what}: neither side keeps them, and it is said what was dropped`, async () => {
          await within("local", options, async (context, logs, pid) => {
            await context.call(tasks(fn), 10);
            const before = peakOf(pid);
            const grown = await growth(async () => {
              await context.call(tasks(fn), lines);
              await Bun.sleep(1100);
              await context.call(tasks(fn), 1);
            });
            const heard = logs.map((one) => /\((\d+) characters dropped\)/.exec(one.message)?.[1]);
            const dropped = heard.reduce((sum, one) => sum + Number(one ?? 0), 0);
            const kept = logs.reduce((sum, one) => sum + one.message.length, 0);
            // What is not there was dropped: each line has 101 characters with its end.
            expect(dropped + kept).toBeGreaterThan(lines * 100);
            expect(grown).toBeLessThan(200);
            expect(peakOf(pid) - before).toBeLessThan(150);
          });
        }, 120_000);
      }

      test("10,000 calls that wait at once", async () => {
        await within("local", options, async (context, _logs, pid) => {
          await context.call(tasks("flood"), 0);
          const before = peakOf(pid);
          const grown = await growth(async () => {
            const calls = Array.from({ length: 10_000 }, (_, i) => context.call(tasks("waits"), i));
            await context.call(tasks("open"));
            expect(await Promise.all(calls)).toEqual(
              Array.from({ length: 10_000 }, (_, i) => i * 2),
            );
          });
          expect(grown).toBeLessThan(150);
          expect(peakOf(pid) - before).toBeLessThan(150);
        });
      }, 30_000);
    });
  });

  suite(`${label}, ssh`, missing ?? missingSshd(), "sshd", () => {
    let server: SshServer | undefined;
    beforeAll(async () => {
      server = await startSshd();
    });
    afterAll(() => server?.[Symbol.asyncDispose]());
    crashes(() => {
      const ssh = { options: ["-F", server?.configPath ?? ""] };
      return [server?.host ?? "", { ...options, ssh }];
    });
  });
}
