/** Which target is begun when: the window, the batches, and where a run stops. */
import { expect, test } from "bun:test";
import { batchOf, checkLimits, failuresOf } from "../../src/fleet/limits.ts";
import { follow, type Job, type Schedule } from "../../src/fleet/schedule.ts";
import { windowLimits } from "../../src/fleet/window.ts";

/** A job that ends when the test says so. */
class Work implements Job<string> {
  readonly #result = Promise.withResolvers<string>();
  readonly #closed = Promise.withResolvers<void>();
  readonly result = this.#result.promise;
  readonly closed = this.#closed.promise;

  end(result: string): void {
    this.#result.resolve(result);
  }

  close(): void {
    this.#closed.resolve();
  }

  /** It has been connected since it began. */
  stop(reason: Error, isWorkKept: boolean): void {
    if (isWorkKept) return;
    this.end(`cancelled: ${reason.message}`);
    this.close();
  }
}

function plan(count: number, options: Partial<Schedule<string>> = {}) {
  const works: Work[] = [];
  const schedule: Schedule<string> = {
    count,
    window: count,
    batch: Number.POSITIVE_INFINITY,
    failFast: false,
    maxFailures: Number.POSITIVE_INFINITY,
    signal: undefined,
    drain: undefined,
    begin: () => {
      const work = new Work();
      works.push(work);
      return work;
    },
    skip: (index, { message }) => `skipped ${index}: ${message}`,
    isFailure: (result) => result === "bad",
    reason: (failures) => new Error(failures === undefined ? "stopped" : `${failures} failed`),
    ...options,
  };
  return { works, run: follow(schedule) };
}

/** Lets everything happen that does not wait for the test. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test("a place in the window is free when its job is closed, not when it has ended", async () => {
  const { works, run } = plan(3, { window: 2 });
  const first = run.next();
  await settle();
  expect(works.length).toBe(2);
  works[1]?.end("b");
  expect((await first).value).toBe("b");
  const second = run.next();
  await settle();
  expect(works.length).toBe(2);
  works[1]?.close();
  await settle();
  expect(works.length).toBe(3);
  works[2]?.end("c");
  expect((await second).value).toBe("c");
  works[0]?.end("a");
  expect((await run.next()).value).toBe("a");
  const over = run.next();
  works[0]?.close();
  await settle();
  expect(Bun.peek.status(over)).toBe("pending");
  works[2]?.close();
  expect((await over).done).toBe(true);
});

test("a batch begins when all of the batch before is closed", async () => {
  const { works, run } = plan(5, { batch: 2 });
  const all = Array.fromAsync(run);
  const begun: number[] = [];
  for (let next = 0; next < 5; next++) {
    await settle();
    begun.push(works.length);
    works[next]?.end(`${next}`);
    works[next]?.close();
  }
  expect(begun).toEqual([2, 2, 4, 4, 5]);
  expect(await all).toEqual(["0", "1", "2", "3", "4"]);
});

test("too many failures: what runs goes on, the rest is skipped", async () => {
  const { works, run } = plan(5, { window: 2, maxFailures: 1 });
  const all = Array.fromAsync(run);
  await settle();
  works[0]?.end("bad");
  works[0]?.close();
  await settle();
  expect(works.length).toBe(3);
  works[1]?.end("bad");
  works[1]?.close();
  await settle();
  expect(works.length).toBe(3);
  works[2]?.end("good");
  works[2]?.close();
  const skipped = ["skipped 3: 2 failed", "skipped 4: 2 failed"];
  expect(await all).toEqual(["bad", "bad", ...skipped, "good"]);
});

test("the first failure cancels what runs, when it shall", async () => {
  const { works, run } = plan(4, { window: 3, failFast: true });
  const all = Array.fromAsync(run);
  await settle();
  works[1]?.end("bad");
  works[1]?.close();
  const cancelled = "cancelled: 1 failed";
  expect(await all).toEqual(["bad", "skipped 3: 1 failed", cancelled, cancelled]);
});

test("a signal stops the run, and each target still has its result", async () => {
  const controller = new AbortController();
  const { works, run } = plan(4, { window: 2, signal: controller.signal });
  const first = run.next();
  await settle();
  works[0]?.end("good");
  expect((await first).value).toBe("good");
  controller.abort();
  works[0]?.close();
  const rest = ["skipped 2: stopped", "skipped 3: stopped", "cancelled: stopped"];
  expect(await Array.fromAsync(run)).toEqual(rest);
  const aborted = plan(2, { signal: AbortSignal.abort() });
  const skipped = ["skipped 0: stopped", "skipped 1: stopped"];
  expect(await Array.fromAsync(aborted.run)).toEqual(skipped);
  expect(aborted.works).toEqual([]);
});

test("a run that drains begins nothing more, and what runs goes on", async () => {
  const controller = new AbortController();
  const { works, run } = plan(3, { window: 1, drain: controller.signal });
  const first = run.next();
  await settle();
  controller.abort();
  expect((await first).value).toBe("skipped 1: stopped");
  works[0]?.end("good");
  works[0]?.close();
  expect(await Array.fromAsync(run)).toEqual(["skipped 2: stopped", "good"]);
});

test("leaving the loop cancels what runs and begins nothing more", async () => {
  const { works, run } = plan(5, { window: 2 });
  const first = run.next();
  await settle();
  works[0]?.end("good");
  works[0]?.close();
  await first;
  await run.return();
  expect(works.length).toBe(3);
  expect(await works[2]?.result).toBe("cancelled: stopped");
});

test("a run of no target is over at once", async () => {
  expect(await Array.fromAsync(plan(0).run)).toEqual([]);
});

test("shares are numbers of targets, rounded down", () => {
  expect(batchOf("25%", 10)).toBe(2);
  expect(batchOf("1%", 10)).toBe(1);
  expect(batchOf(3, 10)).toBe(3);
  expect(batchOf(undefined, 10)).toBe(Number.POSITIVE_INFINITY);
  expect(failuresOf("10%", 19)).toBe(1);
  expect(failuresOf(0, 19)).toBe(0);
});

test.each([
  [{ window: 0 }, "window: expected a whole number, 1 or more, got 0"],
  [{ window: 1.5 }, "got 1.5"],
  [{ retries: -1 }, "retries: expected a whole number, 0 or more"],
  [{ serial: "0%" as const }, 'serial: expected a share of the targets: "25%", got "0%"'],
  [{ maxFailures: "101%" as const }, "maxFailures"],
  [{ maxFailures: "x" as "1%" }, "maxFailures"],
])("limits that make no sense are refused: %p", (limits, message) => {
  expect(() => checkLimits(limits)).toThrow(message);
});

test("the lowest limit of the machine is the window", () => {
  const machine = { processors: 2, memory: 8 * 2 ** 30, files: 1024, processes: 1000 };
  const limits = windowLimits(machine);
  expect(limits.map(({ what, targets }) => [what, targets])).toEqual([
    ["processors", 64],
    ["open files", 240],
    ["memory", 455],
    ["processes", 500],
  ]);
  expect(limits[0]?.why).toBe("2 processors, 32 targets each");
  const poor = { processors: 8, memory: 1, files: undefined, processes: undefined };
  expect(windowLimits(poor)[0]).toMatchObject({ what: "memory", targets: 1 });
});
