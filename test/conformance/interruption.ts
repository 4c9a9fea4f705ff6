/** Deadlines, cancelling, and calls that do not let themselves be ended. */
import { expect, test } from "bun:test";
import { CancelledError, DisconnectError, TimeoutError } from "../../src/index.ts";
import { isRunning } from "../helpers/leaks.ts";
import {
  eventually,
  type Far,
  failureOf,
  isCommandRunning,
  type Session,
  uniqueSeconds,
} from "./session.ts";

const DEADLINE_MS = 120;
/** What a machine that is busy with other tests may add. */
const SLACK_MS = 700;
const GRACE_MS = 400;

const INTERRUPTIBLE: readonly (readonly [
  name: string,
  fn: string,
  args: (s: string) => unknown[],
])[] = [
  ["time.sleep", "time.sleep", (seconds) => [Number(seconds)]],
  ["a busy loop", "tasks.hang.spin", () => []],
  ["os.system", "tasks.hang.shell", (seconds) => [`sleep ${seconds}`]],
  ["a command of subprocess", "tasks.hang.run", (seconds) => ["sleep", seconds]],
  ["a pipeline in a shell", "tasks.hang.shell", (seconds) => [`sleep ${seconds} | cat`]],
];

export function interruption(far: Far): void {
  for (const [name, fn, args] of INTERRUPTIBLE) {
    test(`a deadline ends ${name} and its commands; the next call is served`, async () => {
      const { context } = far.session();
      const seconds = uniqueSeconds();
      const began = performance.now();
      const error = await failureOf(
        context.callWith({ deadline: DEADLINE_MS }, fn, ...args(seconds)),
      );
      expect(error).toBeInstanceOf(TimeoutError);
      expect(performance.now() - began).toBeWithin(DEADLINE_MS - 1, DEADLINE_MS + SLACK_MS);
      expect(await context.call("len", [1])).toBe(1);
      expect(await eventually(() => !isCommandRunning(seconds))).toBe(true);
    });
  }

  test("a signal cancels a call, and what it started is gone", async () => {
    const { context } = far.session();
    const seconds = uniqueSeconds();
    const controller = new AbortController();
    const call = failureOf(
      context.callWith({ signal: controller.signal }, "tasks.hang.run", "sleep", seconds),
    );
    expect(await eventually(() => isCommandRunning(seconds))).toBe(true);
    controller.abort("enough");
    const error = await call;
    expect(error).toBeInstanceOf(CancelledError);
    expect((error as CancelledError).cause).toBe("enough");
    expect(await context.call("len", [1])).toBe(1);
    expect(await eventually(() => !isCommandRunning(seconds))).toBe(true);
  });

  test("a call that waits its turn is cancelled before it begins", async () => {
    const { context } = far.session();
    await far.call("tasks.state.forget");
    const first = context.call("time.sleep", 0.2);
    const controller = new AbortController();
    const second = failureOf(
      context.callWith({ signal: controller.signal }, "tasks.state.note", "never"),
    );
    const late = failureOf(context.callWith({ deadline: 50 }, "tasks.state.note", "too late"));
    controller.abort();
    expect(await second).toBeInstanceOf(CancelledError);
    expect(await late).toBeInstanceOf(TimeoutError);
    await first;
    expect(await far.call("tasks.state.noted")).toEqual([]);
  });

  test("user code cleans up when it is interrupted", async () => {
    const { context } = far.session();
    const tidied = crypto.randomUUID();
    await far.call("tasks.hang.what_was_tidied");
    await failureOf(context.callWith({ deadline: DEADLINE_MS }, "tasks.hang.tidy", tidied));
    expect(await far.call("tasks.hang.what_was_tidied")).toContain(tidied);
  });

  test("a deadline that is kept changes nothing, call after call", async () => {
    const { context } = far.session();
    const calls = Array.from({ length: 50 }, (_, i) =>
      context.callWith({ deadline: 20_000 }, "echo.echo", i),
    );
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  test("an interrupt that comes late hits no other call", async () => {
    const { context } = far.session();
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, async (_, i) => {
        const call = context.callWith({ deadline: 3 + i }, "time.sleep", 0.004);
        await call.catch(() => {});
        return context.call("echo.echo", i);
      }),
    );
    expect(outcomes).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });

  test("a ping is answered while a call hangs", async () => {
    const { context } = far.session();
    const call = failureOf(context.callWith({ deadline: 300 }, "tasks.hang.spin"));
    for (let i = 0; i < 3; i++) {
      expect(await context.ping({ deadline: 500 })).toBeLessThan(500);
    }
    expect(await call).toBeInstanceOf(TimeoutError);
  });

  const costsItsLife = async (session: Session, fn: string, arg: unknown): Promise<void> => {
    const { context } = session;
    const seconds = uniqueSeconds();
    await context.call("tasks.hang.background", "sleep", seconds);
    const { pid } = await context.ready();
    const began = performance.now();
    const hung = failureOf(context.callWith({ deadline: DEADLINE_MS }, fn, arg));
    const next = await failureOf(context.call("len", []));
    expect(await hung).toBeInstanceOf(TimeoutError);
    expect(next).toBeInstanceOf(DisconnectError);
    expect(next).toMatchObject({ code: "ERR_DISCONNECT_HUNG" });
    expect(performance.now() - began).toBeLessThan(DEADLINE_MS + GRACE_MS + SLACK_MS);
    expect(await eventually(() => !isCommandRunning(seconds))).toBe(true);
    expect(await eventually(() => !isRunning(pid))).toBe(true);
  };

  test("a call that swallows its interrupts costs the context its life, as does one that stays in C", async () => {
    await using swallows = await far.connect({ graceMs: GRACE_MS });
    await using inC = await far.connect({ graceMs: GRACE_MS });
    await Promise.all([
      costsItsLife(swallows, "tasks.hang.stubborn", 60),
      costsItsLife(inC, "tasks.hang.backtrack", 60),
    ]);
  });
}
