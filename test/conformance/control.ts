/**
 * The broker keeps control, and rests when there is nothing to do, whatever user code does to its
 * output.
 */
import { expect } from "bun:test";
import type { Far } from "./session.ts";

export function control(far: Far): void {
  const { test } = far;
  test("a thread that logs disturbs no call", async () => {
    await using session = await far.connect();
    const { logs } = session;
    await session.call("tasks.control.start_logging");
    for (let i = 0; i < 500; i++) await session.call("pid");
    await session.call("tasks.control.stop_logging");
    expect(
      logs.some((one) => one.logger === far.output.loggers.strain && one.message === "sent"),
    ).toBe(true);
  });

  test("a call ends whose last output meets a full pipe, and a ping is answered", async () => {
    await using session = await far.connect();
    await session.call("tasks.control.start_flood", "3");
    for (let i = 0; i < 30; i++) {
      expect(await session.callWith({ deadline: 10_000 }, "tasks.control.print_part")).toBe(1);
    }
    await session.context.ping({ deadline: 10_000 });
  });

  test("output that is redirected costs no processor time", async () => {
    await using session = await far.connect();
    await session.call("tasks.control.redirect");
    const before = (await session.call("tasks.control.ticks")) as number;
    await Bun.sleep(300);
    const after = (await session.call("tasks.control.ticks")) as number;
    expect(after - before).toBeLessThan(0.1);
  });
}
