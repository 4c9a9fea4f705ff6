/** What ends a command: signals, deadlines, cancellation, and the end of its context. */
import { expect } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import type { ExecOptions } from "../../src/index.ts";
import { isRunning } from "../helpers/leaks.ts";
import { eventually, type Far, failureOf, isCommandRunning, uniqueSeconds } from "./session.ts";

export function commandEndings(far: Far): void {
  const { test } = far;
  const context = () => far.session().context;

  test("that a signal has come is known, whatever the command does with it", async () => {
    const script = 'trap "echo heard" USR1; trap "" TERM; echo up; while :; do sleep .02; done';
    const process = context().exec(["sh", "-c", script]);
    const said = process.stdout[Symbol.asyncIterator]();
    const next = async () => new TextDecoder().decode((await said.next()).value);
    expect(await next()).toBe("up\n");
    expect(await process.deliver("SIGTERM")).toBe(true);
    expect(await process.deliver("no signal")).toBe(true);
    expect(process.exitCode).toBeUndefined();
    expect(await process.deliver("SIGUSR1")).toBe(true);
    expect(await next()).toBe("heard\n");
    expect(await process.deliver("SIGKILL")).toBe(true);
    expect(await process.exited).toEqual({ status: 137, signal: "SIGKILL" });
    expect(await process.deliver("SIGTERM")).toBe(false);
  });

  test("a signal is told to come too late, while something else holds the output open", async () => {
    // It has a process group of its own: the signals that it gets are its own, too.
    const script = "setsid sleep 60 & echo $! $$";
    const process = context().exec(["sh", "-c", script]);
    const said = process.stdout[Symbol.asyncIterator]();
    const [left, shell] = new TextDecoder()
      .decode((await said.next()).value)
      .split(" ")
      .map(Number);
    // JavaScript knows of the end when it has reaped the shell.
    const late = () => process.deliver("SIGCONT").then((isDelivered) => !isDelivered);
    expect(await eventually(late)).toBe(true);
    expect([isRunning(shell as number), process.exitCode]).toEqual([false, undefined]);
    globalThis.process.kill(left as number, "SIGKILL");
    expect(await process.exited).toEqual({ status: 0 });
  });

  test("kill, by name; a deadline and a signal end it and its children", async () => {
    const seconds = uniqueSeconds();
    const process = context().exec(["sleep", seconds]);
    expect(await eventually(() => isCommandRunning(seconds))).toBe(true);
    process.kill();
    expect(await process.exited).toEqual({ status: 143, signal: "SIGTERM" });
    const other = uniqueSeconds();
    const late = context().exec(["sh", "-c", `sleep ${other} | cat`], { deadline: 300 });
    expect(await failureOf(late.exited)).toMatchObject({ code: "ERR_DEADLINE_CALL" });
    expect(await failureOf(late.stdout.text())).toMatchObject({ code: "ERR_DEADLINE_CALL" });
    expect(await eventually(() => !isCommandRunning(other))).toBe(true);
  });

  test("cancelled, it is killed with all that it started, whatever signals those ignore", async () => {
    const stubborn = (seconds: string): string => `trap "" INT TERM HUP; exec sleep ${seconds}`;
    const tty = { columns: 80, rows: 24 };
    const cases: (readonly [script: (seconds: string) => string, options: ExecOptions])[] = [
      // So is the command; it is not; it has ended (which ends a terminal).
      [(seconds) => `trap "" INT TERM HUP; sleep ${seconds} | cat`, {}],
      [(seconds) => `(${stubborn(seconds)}) & wait`, {}],
      [(seconds) => `(${stubborn(seconds)}) &`, {}],
    ];
    if (far.kind !== "node")
      cases.push(...cases.slice(0, 2).map(([one]) => [one, { tty }] as const));
    for (const [script, options] of cases) {
      const [seconds, stop] = [uniqueSeconds(), new AbortController()];
      const limits = { ...options, signal: stop.signal };
      const { exited } = context().exec(["sh", "-c", script(seconds)], limits);
      expect(await eventually(() => isCommandRunning(seconds))).toBe(true);
      stop.abort();
      expect(await failureOf(exited)).toMatchObject({ code: "ERR_CANCELLED" });
      const isGone = await eventually(() => !isCommandRunning(seconds));
      expect([script(seconds), options, isGone]).toEqual([script(seconds), options, true]);
    }
  });

  test("cancelled while what it prints waits to be read, it leaves no descriptor open", async () => {
    const { pid } = await context().ready();
    const descriptors = () => readdirSync(`/proc/${pid}/fd`).length;
    // Node.js keeps one that it opens for the first of them.
    let before = 0;
    for (let round = 0; round < 4; round++) {
      const stop = new AbortController();
      const process = context().exec(["yes"], { signal: stop.signal });
      expect(await eventually(() => process.pid !== undefined)).toBe(true);
      const isAsleep = () => /^State:\s+S/m.test(statusOf(process.pid));
      expect(await eventually(isAsleep)).toBe(true);
      stop.abort();
      expect(await failureOf(process.exited)).toMatchObject({ code: "ERR_CANCELLED" });
      before ||= descriptors();
    }
    expect(await eventually(() => descriptors() <= before)).toBe(true);
  });

  test("a deadline of its own is told in words", async () => {
    const error = await failureOf(context().exec(["sleep", "20"], { deadline: 50 }).exited);
    expect(error).toMatchObject({ code: "ERR_DEADLINE_CALL" });
    expect((error as Error).message).toMatch(/^\S+: the command did not answer within 50 ms;/);
  });

  test("cancelled at whatever moment of its start, it is gone", async () => {
    const all: string[] = [];
    for (let round = 0; round < 4; round++) {
      const [seconds, stop] = [uniqueSeconds(), new AbortController()];
      const script = `trap "" INT TERM HUP; exec sleep ${seconds}`;
      const { exited } = context().exec(["sh", "-c", script], { signal: stop.signal });
      // Every second one as soon as it is seen.
      if (round % 2 === 0) await Bun.sleep(2 * round);
      else while (!isCommandRunning(seconds)) await Bun.sleep(0);
      stop.abort();
      await failureOf(exited);
      all.push(seconds);
    }
    expect(await eventually(() => !all.some(isCommandRunning))).toBe(true);
  });

  test("its context can be told at once that no call follows: it is served to its end", async () => {
    await using session = await far.connect();
    const slave = (await session.call("pid")) as number;
    const command = ["sh", "-c", "read line; echo $line >&2; cat; exit 3"];
    const process = session.context.exec(command, { stdin: "pipe" });
    session.context.finishAhead();
    expect(await failureOf(session.call("pid"))).toMatchObject({ code: "ERR_DISCONNECT_CLOSED" });
    const writer = process.stdin.getWriter();
    await writer.write("one\n");
    const { value: line } = await process.stderr.lines().next();
    await writer.write("two\n");
    await writer.close();
    expect([line, await process.stdout.text()]).toEqual(["one", "two\n"]);
    expect(await process.exited).toEqual({ status: 3 });
    // It ends by itself.
    expect(await eventually(() => !isRunning(slave))).toBe(true);
    await session.context.close();
  });

  test("cancelled when no call follows, it is gone and its context ends", async () => {
    await using session = await far.connect();
    const slave = (await session.call("pid")) as number;
    const [seconds, stop] = [uniqueSeconds(), new AbortController()];
    const { exited } = session.context.exec(["sleep", seconds], { signal: stop.signal });
    session.context.finishAhead();
    expect(await eventually(() => isCommandRunning(seconds))).toBe(true);
    stop.abort();
    await failureOf(exited);
    expect(await eventually(() => !isCommandRunning(seconds) && !isRunning(slave))).toBe(true);
    await session.context.close();
  });
}

function statusOf(pid: number | undefined): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return "";
  }
}
