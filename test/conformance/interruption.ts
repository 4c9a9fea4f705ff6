/** Deadlines, cancelling, and calls that do not let themselves be ended. */
import { expect } from "bun:test";
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CancelledError, DisconnectError, TimeoutError } from "../../src/index.ts";
import { isRunning } from "../helpers/leaks.ts";
import { eventually, type Far, failureOf, isCommandRunning, uniqueSeconds } from "./session.ts";

const DEADLINE_MS = 120;
/** What hangs would do so for longer than this. */
const SOON_MS = 12_000;
/** Where a context is to pay with its life. */
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
      expect(performance.now() - began).toBeWithin(DEADLINE_MS - 1, SOON_MS);
      expect(await far.call("length", [1])).toBe(1);
      expect(await eventually(() => !isCommandRunning(seconds))).toBe(true);
    });
  }

  everyVersion(
    "busy loops that are ended one after the other: each next call is served",
    async () => {
      const outcomes: unknown[] = [];
      for (let round = 0; round < 2; round++) {
        // The deadline passes here and in the context at about the same time: it is cancelled
        // twice.
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
    await using gate = makeGate();
    const first = far.call("tasks.hang.shell", gate.command);
    const controller = new AbortController();
    const second = failureOf(
      far.callWith({ signal: controller.signal }, "tasks.state.note", "never"),
    );
    const late = failureOf(far.callWith({ deadline: 50 }, "tasks.state.note", "too late"));
    controller.abort();
    expect(await second).toBeInstanceOf(CancelledError);
    expect(await late).toBeInstanceOf(TimeoutError);
    // The first answer may be sent before the cancels beside it take effect, not the second.
    for (let pings = 0; pings < 2; pings++) await far.session().context.ping();
    gate.open();
    await first;
    expect(await far.call("tasks.state.noted")).toEqual([]);
  });

  everyVersion("user code cleans up when it is interrupted", async () => {
    const controller = new AbortController();
    const limits = { signal: controller.signal, ...words.tidy };
    const tidied = crypto.randomUUID();
    const call = failureOf(far.callWith(limits, "tasks.hang.tidy", tidied));
    const { logs } = far.session();
    expect(await eventually(() => logs.some(({ message }) => message === tidied))).toBe(true);
    controller.abort();
    await call;
    const all = async () => (await far.call("tasks.hang.what_was_tidied")) as string[];
    expect(await eventually(async () => (await all()).includes(tidied))).toBe(true);
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
    for (let i = 0; i < 8; i++) {
      // A JavaScript context interrupts 20 ms after the deadline.
      await far.callWith({ deadline: 5 }, "block", 0.0235 + i * 0.0004).catch(() => {});
      await far.callWith({ deadline: 20_000 }, "block", 0.003);
    }
  });

  test("a ping is answered while a call hangs", async () => {
    await using session = await far.connect();
    await session.call("length", []);
    const controller = new AbortController();
    const call = failureOf(session.callWith({ signal: controller.signal }, "tasks.hang.spin"));
    for (let i = 0; i < 3; i++) await session.context.ping({ deadline: SOON_MS });
    controller.abort();
    expect(await call).toBeInstanceOf(CancelledError);
  });

  test("a busy loop without a deadline is cancelled by a signal; the next call is served", async () => {
    await using session = await far.connect();
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

  const costsItsLife = async (
    deadline: number,
    fn: string,
    args: readonly unknown[],
  ): Promise<void> => {
    await using session = await far.connect({ graceMs: GRACE_MS });
    const seconds = uniqueSeconds();
    await session.call("tasks.hang.background", "sleep", seconds);
    const { pid } = await session.context.ready();
    const began = performance.now();
    const hung = failureOf(session.callWith({ deadline }, fn, ...args));
    const next = await session.call("length", []).catch((error: unknown) => error);
    // It had not begun when its deadline passed: that costs nothing.
    if (next === 0) return costsItsLife(3 * deadline, fn, args);
    expect(await hung).toBeInstanceOf(TimeoutError);
    expect(next).toBeInstanceOf(DisconnectError);
    expect(next).toMatchObject({ code: "ERR_DISCONNECT_HUNG" });
    expect(performance.now() - began).toBeLessThan(deadline + SOON_MS);
    expect(await eventually(() => !isCommandRunning(seconds))).toBe(true);
    expect(await eventually(() => !isRunning(pid))).toBe(true);
  };

  for (const [title, fn, args] of words.costly) {
    test(`a call that ${title} costs the context its life`, () =>
      costsItsLife(DEADLINE_MS, fn, args));
  }
}

/** A command that runs until the gate is opened. */
export function makeGate(): AsyncDisposable & { readonly command: string; open(): void } {
  const folder = mkdtempSync(join(tmpdir(), "econtext-gate-"));
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  // Read and write: opening it does not wait for a reader, and what waits for it is not told of an
  // end before it is closed.
  const end = openSync(pipe, "r+");
  let isOpen = false;
  const open = () => {
    if (!isOpen) writeSync(end, "\n");
    isOpen = true;
  };
  return {
    command: `read line < ${pipe}`,
    open,
    async [Symbol.asyncDispose]() {
      open();
      closeSync(end);
      rmSync(folder, { recursive: true });
    },
  };
}
