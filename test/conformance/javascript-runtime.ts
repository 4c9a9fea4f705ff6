/**
 * What only a JavaScript process has: calls that await at the same time, an AbortSignal, a console,
 * errors that are not caught, workers. (A Python context runs one call at a time, and is
 * interrupted by an exception.)
 */
import { expect } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CallError, Channel, DisconnectError, LEVELS, TimeoutError } from "../../src/index.ts";
import { javascriptFile } from "./javascript.ts";
import { eventually, type Far, failureOf, messages } from "./session.ts";

export function javascriptRuntime(far: Far): void {
  const { test, everyVersion } = far;

  test("listeners of the process's exit are called when a context is closed", async () => {
    await using session = await far.connect();
    const call = session.call("tasks.procs.say_at_exit", 0.1);
    await session.context.close();
    await call;
    const said = session.logs.map((record) => record.message);
    expect(said).toEqual(["done", "at exit: 0"]);
  });

  test("a crash: what was printed arrives before the error, lines without an end too", async () => {
    for (const [how, pause] of [
      ["abort", 0],
      ["SIGSEGV", 0],
      ["SIGKILL", 100],
    ] as const) {
      await using session = await far.connect();
      const error = await failureOf(session.call("tasks.procs.crash", how, pause));
      const said = session.logs.map((record) => record.message).join("\n");
      expect(error).toMatchObject({ code: "ERR_DISCONNECT_LOST" });
      for (const words of ["whole", "partial", "last words"]) expect(said).toContain(words);
    }
  });

  test("a main thread that is late to hear of a cancel loses nothing by it", async () => {
    const before = (await far.call("tasks.hang.spins_done")) as number;
    // Longer than until a function would be terminated.
    const busy = failureOf(far.callWith({ deadline: 100 }, "tasks.hang.spin_later", 0.7));
    const next = far.call("echo.echo", "next");
    expect(await busy).toBeInstanceOf(TimeoutError);
    expect(await next).toBe("next");
    expect(await far.call("tasks.hang.spins_done")).toBe(before + 1);
  });

  test.if(far.kind === "node")("a loop that prints is ended, and prints again later", async () => {
    await using session = await far.connect({ logLevel: "info" });
    for (let round = 0; round < 2; round++) {
      const loop = failureOf(session.callWith({ deadline: 50 }, "tasks.hang.chatter"));
      expect(await loop).toBeInstanceOf(TimeoutError);
      expect(await session.call("echo.echo", round)).toBe(round);
    }
  });

  test("calls start in their order, and await at the same time", async () => {
    await far.call("tasks.state.forget");
    const first = far.call("tasks.state.wait_at", "one");
    const second = far.call("tasks.state.wait_at", "two");
    expect(await far.call("tasks.state.noted")).toEqual(["waits at one", "waits at two"]);
    await far.call("tasks.state.open", "two");
    expect(await second).toBe("two");
    await far.call("tasks.state.open", "one");
    expect(await first).toBe("one");
    expect(await far.call("tasks.state.noted")).toEqual([
      "waits at one",
      "waits at two",
      "through two",
      "through one",
    ]);
  });

  test("errors of channels are those that econtext exports; a sender and a receiver can be disposed of", async () => {
    const closed = ["ChannelError", true, false, true];
    const late = ["TimeoutError", true, true, false];
    expect(await far.call("tasks.flow.disposed")).toEqual([late, closed, closed, closed]);
    const { sender, receiver } = new Channel<number>();
    const call = far.call("tasks.flow.refusal", sender);
    receiver.close(new RangeError("no more"));
    expect(await call).toEqual(["RangeError", "no more"]);
    expect(await far.call("tasks.flow.disposable")).toEqual([true, true]);
  });

  test("a channel's deadline is kept where user code has replaced the timers", async () => {
    expect(await far.call("tasks.flow.receiveWithFakeTimers", 20)).toBe("TimeoutError");
  });

  test("one call's deadline leaves the others alone", async () => {
    await far.call("tasks.state.forget");
    const waits = far.call("tasks.state.wait_at", "door");
    await failureOf(far.callWith({ deadline: 50 }, "sleep", 98));
    await far.call("tasks.state.open", "door");
    expect(await waits).toBe("door");
  });

  test("the context's signal is aborted, and says why", async () => {
    const controller = new AbortController();
    const options = { withContext: true, signal: controller.signal };
    const before = ((await far.call("tasks.hang.why_it_was_tidied")) as string[]).length;
    const call = failureOf(far.callWith(options, "tasks.hang.tidy", "by a signal"));
    await far.call("length", []);
    controller.abort();
    await call;
    const reasons = async () =>
      ((await far.call("tasks.hang.why_it_was_tidied")) as string[]).slice(before);
    expect(await eventually(async () => (await reasons()).length === 1)).toBe(true);
    // A deadline that passes before the call begins is none of its.
    for (let deadline = 50; (await reasons()).length < 2; deadline *= 2) {
      await failureOf(far.callWith({ withContext: true, deadline }, "tasks.hang.tidy", "late"));
      await far.call("sleep", deadline / 1000);
    }
    expect(await reasons()).toEqual([
      expect.stringContaining("cancelled"),
      expect.stringContaining("deadline"),
    ]);
  });

  everyVersion(
    "an error's reasons and causes are told, and its message without a stack",
    async () => {
      const told = async (name: string, ...args: unknown[]): Promise<string> =>
        ((await failureOf(far.call(name, ...args))) as CallError).traceback;
      const aggregate = await told("tasks.errors.aggregated", 30);
      for (const text of ["reason 0", "reason 29", "outer", "inner", "a text"]) {
        expect(aggregate).toContain(text);
      }
      expect(await told("tasks.errors.without_stack")).toContain("age: expected a number");
      expect(await told("tasks.errors.endless")).toMatch(/round[\s\S]*caused by: [\s\S]*and round/);
    },
  );

  everyVersion("globals are those of a program that is run directly", async () => {
    const { executable } = await far.session().context.ready();
    const folder = mkdtempSync(join(tmpdir(), "econtext-globals-"));
    try {
      const file = join(folder, "globals.cjs");
      const names = "Object.getOwnPropertyNames(globalThis).sort()";
      writeFileSync(file, `console.log(JSON.stringify(${names}))`);
      const direct = JSON.parse(execFileSync(executable, [file], { encoding: "utf8" }));
      await using session = await far.connect();
      expect(await session.call("tasks.globals.names")).toEqual(direct);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  everyVersion("user code may replace globals: calls, logs and deadlines go on", async () => {
    await using session = await far.connect();
    expect(await session.call("tasks.globals.replace")).toBe(54);
    const late = failureOf(session.callWith({ deadline: 50 }, "tasks.globals.forever"));
    expect(await late).toMatchObject({ code: "ERR_DEADLINE_CALL" });
    expect(await session.call("length", [1])).toBe(1);
    expect(await eventually(() => messages(session, "console").includes("replaced"))).toBe(true);
  });

  everyVersion("an error that is not caught is logged, and ends nothing", async () => {
    const session = far.session();
    const from = session.logs.length;
    const errors = (): string[] => messages(session, "econtext", from);
    await far.call("tasks.errors.uncaught_later", "here");
    await far.call("tasks.errors.unhandled_later", "there");
    expect(await eventually(() => errors().length === 2)).toBe(true);
    const said = errors().join("\n");
    expect(said).toContain("Refused: uncaught here");
    expect(said).toContain("Refused: unhandled there");
    // In the lines of the user's own file.
    expect(said).toContain(`${javascriptFile("tasks/errors.ts")}:93:`);
    expect(said).not.toContain("master:");
    const levels = session.logs.slice(from).filter((r) => r.logger === "econtext");
    expect(levels.map((r) => r.level)).toEqual([LEVELS.error, LEVELS.error]);
    expect(await far.call("length", [1])).toBe(1);
  });

  test("a crash in native code is told as the end of the context", async () => {
    await using session = await far.connect();
    await session.call("length", []);
    const error = await failureOf(session.call("tasks.errors.abort"));
    expect(error).toBeInstanceOf(DisconnectError);
  });

  everyVersion("every way of the console, in order, with its level", async () => {
    const { logs } = far.session();
    const from = logs.length;
    await far.call("tasks.output.console_ways");
    const records = logs.slice(from);
    expect(records.map((r) => r.logger)).toEqual(Array(5).fill("console"));
    const [assertion, group, inside, dir, trace] = records;
    expect(assertion).toMatchObject({
      level: LEVELS.warning,
      message: "Assertion failed: assertion",
    });
    expect(group).toMatchObject({ level: LEVELS.info, message: "group" });
    expect(inside).toMatchObject({ level: LEVELS.info, message: "  inside" });
    expect(dir).toMatchObject({ level: LEVELS.info, message: "{ b: 2 }" });
    expect(trace?.level).toBe(LEVELS.error);
    expect(trace?.message).toContain("traced\n");
    expect(trace?.message).toContain(`${javascriptFile("tasks/output.ts")}:94:`);
  });

  test("a generator that yields without a pause lets others run, and so can be left", async () => {
    const values = (await far.call("tasks.flow.until_turn")) as AsyncGenerator<number>;
    expect((await Array.fromAsync(values)).length).toBeLessThan(500);
  });

  everyVersion("what cannot be shown is told, and harms nothing", async () => {
    const session = far.session();
    const from = session.logs.length;
    await far.call("tasks.output.log_badly");
    expect(messages(session, "console", from).at(-1)).toBe("after");
  });

  everyVersion("a worker of the user's", async () => {
    expect(await far.call("tasks.procs.own_worker", 21)).toBe(42);
  });

  everyVersion("the process is the user's own: directory and mask can be changed", async () => {
    expect(await far.call("tasks.procs.directory_and_mask")).toEqual(["/", 0o077]);
  });

  everyVersion("an async function's error has its own stack", async () => {
    const error = await failureOf(far.call("tasks.errors.reject_late"));
    expect(error).toMatchObject({ type: "Refused", remoteMessage: "late" });
    expect(String((error as { traceback: string }).traceback)).toContain(
      `${javascriptFile("tasks/errors.ts")}:87:`,
    );
  });
}
