/**
 * One context that serves both languages: what it does in any order, and how its two slaves end.
 * The kinds decide which functions are called; the host decides which interpreters it has.
 */
import { expect, test } from "bun:test";
import { type BrokerOptions, Channel, type Context, type Sender } from "../../src/index.ts";
import { SOON_MS } from "../helpers/soon.ts";
import type { Kind } from "./kind.ts";
import { eventually, failureOf, isCommandRunning, type Session, uniqueSeconds } from "./session.ts";

/** A host with an interpreter of either language. */
export interface BothWays {
  readonly python: Kind;
  readonly javascript: Kind;
  connect(options?: BrokerOptions): Promise<Session>;
  /** Whether the row runs that waits for a lease: it does not depend on the interpreters. */
  readonly hasLease: boolean;
}

type Language = Kind["language"];

/** A busy machine is silent for a moment, too. */
const LEASE_MS = 3_000;

export function languages({ python, javascript, connect, hasLease }: BothWays): void {
  const kinds = { python, javascript } as const;
  const fn = (language: Language, name: string): string => kinds[language].fn(name);
  const call = (context: Context, language: Language, name: string, ...args: unknown[]) =>
    context.call(fn(language, name), ...args);
  const pidOf = async (context: Context, language: Language): Promise<number> =>
    Number(await call(context, language, "pid"));

  for (const [first, second] of [
    ["python", "javascript"],
    ["javascript", "python"],
  ] as const) {
    test(`${first}, then ${second}, then a command: each is started when it is needed`, async () => {
      await using session = await connect();
      const { context, logs } = session;
      expect(await call(context, first, "echo.echo", ["é", 1])).toEqual(["é", 1]);
      const pids = [await pidOf(context, first)];
      expect(await call(context, second, "echo.echo", { a: null })).toEqual({ a: null });
      pids.push(await pidOf(context, second));
      expect(pids[0]).not.toBe(pids[1]);
      expect(await context.$`echo ${"it"}`.text()).toBe("it\n");
      expect(await context.ready()).toMatchObject({ pid: pids[0], kind: kinds[first].kind });
      expect(await context.ping()).toBeNumber();
      // Each language has its own modules, and keeps their state.
      for (const n of [1, 2]) {
        for (const language of [first, second]) {
          expect(await call(context, language, "tasks.state.note", n)).toBe(n);
        }
      }
      for (const language of [first, second])
        await call(context, language, "tasks.output.say", "hi\n");
      const lines = () => logs.filter(({ message }) => message === "hi");
      expect(await eventually(() => lines().length === 2)).toBe(true);
      expect(new Set(lines().map((record) => record.context))).toEqual(new Set([context.name]));
    });
  }

  test("a command first, and calls of both languages with it: each list keeps its order", async () => {
    await using session = await connect();
    const { context } = session;
    const { sender, receiver } = new Channel<number>();
    const command = context.exec(["sh", "-c", "echo it"]).stdout.text();
    const lists = (["python", "javascript"] as const).map((language) =>
      Promise.all(
        Array.from({ length: 20 }, (_, i) => call(context, language, "tasks.state.note", i)),
      ),
    );
    // Its arguments are those of the time of the call, a sender among them.
    const numbers = [0, 1];
    const produced = call(context, "javascript", "tasks.flow.produce", sender, 3);
    const echoed = call(context, "javascript", "echo.echo", numbers);
    const echo = call(context, "python", "echo.echo", numbers);
    numbers.push(2);
    expect(await command).toBe("it\n");
    const counts = Array.from({ length: 20 }, (_, i) => i + 1);
    expect(await Promise.all(lists)).toEqual([counts, counts]);
    await produced;
    expect(await Array.fromAsync(receiver)).toEqual([0, 1, 2]);
    expect(await Promise.all([echoed, echo])).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  test("generators and channels lead from either language to the other", async () => {
    await using session = await connect();
    const { context } = session;
    const ways = [
      ["python", "javascript"],
      ["javascript", "python"],
    ] as const;
    for (const [from, to] of ways) {
      const values = await Array.fromAsync(
        context.call(fn(from, "tasks.flow.count"), 300) as AsyncIterable<number>,
      );
      expect(values).toHaveLength(300);
      // A sender of one slave, given to the other: values go from there to there.
      const [sender] = (await call(context, to, "tasks.flow.open_channels", 1)) as [Sender];
      const collected = call(context, to, "tasks.flow.collect");
      await call(context, from, "tasks.flow.produce", sender, 300);
      expect(await collected).toEqual(values);
    }
  });

  test("limits hold for the slave that does the call", async () => {
    await using session = await connect();
    const { context } = session;
    for (const language of ["python", "javascript"] as const) {
      await call(context, language, "pid");
      const late = context.callWith(
        { deadline: 50 },
        fn(language, "tasks.hang.run"),
        "sleep",
        "90",
      );
      expect(await failureOf(late)).toMatchObject({ code: "ERR_DEADLINE_CALL" });
      const stop = new AbortController();
      const options = { signal: stop.signal };
      const call2 = context.callWith(options, fn(language, "tasks.hang.run"), "sleep", "90");
      stop.abort();
      expect(await failureOf(call2)).toMatchObject({ code: "ERR_CANCELLED" });
      expect(await call(context, language, "echo.echo", 1)).toBe(1);
    }
  });

  test("closing finishes the calls of both, and leaves nothing", async () => {
    const session = await connect();
    const { context, broker } = session;
    const seconds = uniqueSeconds();
    for (const language of ["python", "javascript"] as const) {
      await call(context, language, "tasks.hang.background", "sleep", seconds);
    }
    expect(isCommandRunning(seconds)).toBe(true);
    const calls = (["python", "javascript"] as const).flatMap((language) => [
      call(context, language, "sleep", 0.05).then(() => language),
      call(context, language, "echo.echo", language),
    ]);
    await broker.close();
    expect(await Promise.all(calls)).toEqual(["python", "python", "javascript", "javascript"]);
    expect(await failureOf(call(context, "python", "pid"))).toMatchObject({
      code: "ERR_DISCONNECT_CLOSED",
    });
    expect(await failureOf(call(context, "javascript", "pid"))).toMatchObject({
      code: "ERR_DISCONNECT_CLOSED",
    });
    expect(await eventually(() => !isCommandRunning(seconds))).toBe(true);
  });

  test("closing at once finishes the call that starts the second slave", async () => {
    await using session = await connect();
    const { context } = session;
    const calls = (["python", "javascript"] as const).map((language) =>
      call(context, language, "echo.echo", language),
    );
    await context.close();
    expect(await Promise.all(calls)).toEqual(["python", "javascript"]);
  });

  test("the end of the second slave is that of its calls, and of no other", async () => {
    await using session = await connect();
    const { context } = session;
    await call(context, "python", "pid");
    const pid = await pidOf(context, "javascript");
    const lost = failureOf(call(context, "javascript", "sleep", 90));
    process.kill(pid, "SIGKILL");
    expect(await lost).toMatchObject({ code: "ERR_DISCONNECT_LOST" });
    expect(await call(context, "python", "echo.echo", 1)).toBe(1);
    expect(await context.$`echo it`.text()).toBe("it\n");
    // Its modules had a state, which no other slave has.
    expect(await failureOf(call(context, "javascript", "pid"))).toMatchObject({
      code: "ERR_DISCONNECT_LOST",
    });
  });

  const rarely = hasLease ? test : () => {};
  rarely("a second slave that falls silent is given up, and the first goes on", async () => {
    await using session = await connect({ leaseMs: LEASE_MS });
    const { context } = session;
    await call(context, "python", "pid");
    const pid = await pidOf(context, "javascript");
    process.kill(pid, "SIGSTOP");
    expect(await failureOf(call(context, "javascript", "pid"))).toMatchObject({
      code: "ERR_DISCONNECT_SILENT",
    });
    expect(await call(context, "python", "echo.echo", 1)).toBe(1);
    expect(await eventually(() => !isAlive(pid), SOON_MS)).toBe(true);
  });

  test("the end of the first slave is that of the context", async () => {
    await using session = await connect();
    const { context } = session;
    const pids = [await pidOf(context, "python"), await pidOf(context, "javascript")];
    const calls = (["python", "javascript"] as const).map((language) =>
      failureOf(call(context, language, "sleep", 90)),
    );
    process.kill(Number(pids[0]), "SIGKILL");
    const lost = { code: "ERR_DISCONNECT_LOST" };
    expect(await Promise.all(calls)).toMatchObject([lost, lost]);
    expect(await failureOf(call(context, "javascript", "pid"))).toMatchObject(lost);
    expect(await eventually(() => !pids.some(isAlive), SOON_MS)).toBe(true);
  });

  test("by force, both are ended, and every call is told", async () => {
    await using session = await connect({ graceMs: 100 });
    const { context } = session;
    const pids = [await pidOf(context, "python"), await pidOf(context, "javascript")];
    const calls = [
      failureOf(call(context, "python", "block", 90)),
      failureOf(call(context, "javascript", "block", 90)),
    ];
    await context.close();
    const forced = { code: "ERR_DISCONNECT_FORCED" };
    expect(await Promise.all(calls)).toMatchObject([forced, forced]);
    expect(await eventually(() => !pids.some(isAlive), SOON_MS)).toBe(true);
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
