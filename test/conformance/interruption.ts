/** Deadlines, cancelling, and calls that do not let themselves be ended. */
import { expect } from "bun:test";
import { CancelledError, DisconnectError, TimeoutError } from "../../src/index.ts";
import { isRunning } from "../helpers/leaks.ts";
import { eventually, type Far, failureOf, isCommandRunning, uniqueSeconds } from "./session.ts";

const DEADLINE_MS = 120;
/** What a machine that is busy with other tests may add. */
const SLACK_MS = 700;
const GRACE_MS = 400;

export function interruption(far: Far): void {
  const { test, everyVersion } = far;
  const words = far.interruption;

  for (const [name, fn, args] of words.interruptible) {
    everyVersion(`a deadline ends ${name} and its commands; the next call is served`, async () => {
      const seconds = uniqueSeconds();
      const began = performance.now();
      const error = await failureOf(far.callWith({ deadline: DEADLINE_MS }, fn, ...args(seconds)));
      expect(error).toBeInstanceOf(TimeoutError);
      expect(performance.now() - began).toBeWithin(DEADLINE_MS - 1, DEADLINE_MS + SLACK_MS);
      expect(await far.call("length", [1])).toBe(1);
      expect(await eventually(() => !isCommandRunning(seconds))).toBe(true);
    });
  }

  everyVersion(
    "busy loops that are ended one after the other: each next call is served",
    async () => {
      const outcomes: unknown[] = [];
      for (let round = 0; round < 2; round++) {
        // Over there and here the deadline passes at about the same time: it is cancelled twice.
        const loop = failureOf(far.callWith({ deadline: 20 + round }, "tasks.hang.spin"));
        outcomes.push((await loop) instanceof TimeoutError, await far.call("length", [1]));
      }
      expect(outcomes).toEqual([true, 1, true, 1]);
    },
  );

  everyVersion("a signal cancels a call, and what it started is gone", async () => {
    const seconds = uniqueSeconds();
    const controller = new AbortController();
    const call = failureOf(
      far.callWith({ signal: controller.signal }, "tasks.hang.run", "sleep", seconds),
    );
    expect(await eventually(() => isCommandRunning(seconds))).toBe(true);
    controller.abort("enough");
    const error = await call;
    expect(error).toBeInstanceOf(CancelledError);
    expect((error as CancelledError).cause).toBe("enough");
    expect(await far.call("length", [1])).toBe(1);
    expect(await eventually(() => !isCommandRunning(seconds))).toBe(true);
  });

  test("a call that waits its turn is cancelled before it begins", async () => {
    await far.call("tasks.state.forget");
    const first = far.call("block", 0.2);
    const controller = new AbortController();
    const second = failureOf(
      far.callWith({ signal: controller.signal }, "tasks.state.note", "never"),
    );
    const late = failureOf(far.callWith({ deadline: 50 }, "tasks.state.note", "too late"));
    controller.abort();
    expect(await second).toBeInstanceOf(CancelledError);
    expect(await late).toBeInstanceOf(TimeoutError);
    await first;
    expect(await far.call("tasks.state.noted")).toEqual([]);
  });

  everyVersion("user code cleans up when it is interrupted", async () => {
    const limits = { deadline: DEADLINE_MS, ...words.tidy.options };
    const tidied = crypto.randomUUID();
    await far.call("tasks.hang.what_was_tidied");
    await failureOf(far.callWith(limits, "tasks.hang.tidy", tidied));
    await far.call("sleep", words.tidy.seconds);
    expect(await far.call("tasks.hang.what_was_tidied")).toContain(tidied);
  });

  test("a deadline that is kept changes nothing, call after call", async () => {
    const calls = Array.from({ length: 50 }, (_, i) =>
      far.callWith({ deadline: 20_000 }, "echo.echo", i),
    );
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  everyVersion("an interrupt that comes late hits no other call", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, async (_, i) => {
        const call = far.callWith({ deadline: 3 + i }, "sleep", 0.004);
        await call.catch(() => {});
        return far.call("echo.echo", i);
      }),
    );
    expect(outcomes).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });

  test("an interrupt that comes just when its call ends hits no other call", async () => {
    for (let i = 0; i < 16; i++) {
      // A JavaScript context interrupts 20 ms after the deadline.
      await failureOf(far.callWith({ deadline: 5 }, "block", 0.0235 + (i % 8) * 0.0004));
      await far.callWith({ deadline: 20_000 }, "block", 0.003);
    }
  });

  test("a ping is answered while a call hangs", async () => {
    // It may cost that context its life.
    await using session = await far.connect({ graceMs: GRACE_MS });
    await session.call("length", []);
    const call = failureOf(session.callWith({ deadline: 300 }, "tasks.hang.spin"));
    for (let i = 0; i < 3; i++) {
      expect(await session.context.ping({ deadline: 500 })).toBeLessThan(500);
    }
    expect(await call).toBeInstanceOf(TimeoutError);
  });

  test("a busy loop without a deadline is cancelled by a signal; the next call is served", async () => {
    await using session = await far.connect({ graceMs: GRACE_MS });
    await session.call("length", []);
    const controller = new AbortController();
    const hung = failureOf(session.callWith({ signal: controller.signal }, "tasks.hang.spin"));
    // Its answer says that the call before it was taken.
    await session.context.ping();
    controller.abort();
    expect(await hung).toBeInstanceOf(CancelledError);
    const next = session.call("length", []);
    expect(await next).toBe(0);
  });

  const costsItsLife = async (fn: string, args: readonly unknown[]): Promise<void> => {
    await using session = await far.connect({ graceMs: GRACE_MS });
    const seconds = uniqueSeconds();
    await session.call("tasks.hang.background", "sleep", seconds);
    const { pid } = await session.context.ready();
    const began = performance.now();
    const hung = failureOf(session.callWith({ deadline: DEADLINE_MS }, fn, ...args));
    const next = await failureOf(session.call("length", []));
    expect(await hung).toBeInstanceOf(TimeoutError);
    expect(next).toBeInstanceOf(DisconnectError);
    expect(next).toMatchObject({ code: "ERR_DISCONNECT_HUNG" });
    expect(performance.now() - began).toBeLessThan(DEADLINE_MS + GRACE_MS + SLACK_MS);
    expect(await eventually(() => !isCommandRunning(seconds))).toBe(true);
    expect(await eventually(() => !isRunning(pid))).toBe(true);
  };

  for (const [title, fn, args] of words.costly) {
    test(`a call that ${title} costs the context its life`, () => costsItsLife(fn, args));
  }
}
