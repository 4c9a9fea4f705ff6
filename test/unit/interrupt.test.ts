/** Ctrl-C at a prompt: it cancels the calls that run, and no later one. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { inspect } from "node:util";
import { withDefaults } from "../../src/calls/options.ts";
import { Broker, type Context } from "../../src/index.ts";
import { Interrupt } from "../../src/repl/interrupt.ts";

let left: number | undefined;
const interrupt = new Interrupt(() => left);
const broker = new Broker({ callDefaults: () => interrupt.limits() });
let context: Context;
beforeAll(async () => {
  context = await broker.connect("local", { bun: process.execPath });
  await context.ready();
});
afterAll(() => broker.close());

const cancelled = expect.objectContaining({ code: "ERR_CANCELLED" });
const hang = () => new Promise(() => {});

test("calls and commands that run are cancelled, each time anew", async () => {
  for (let i = 0; i < 2; i++) {
    const running = [
      context.call(hang),
      context.callWith({}, hang),
      context.exec(["sleep", "60"]).exited,
    ];
    const ended = Promise.allSettled(running);
    interrupt.now();
    for (const one of await ended) expect(one).toMatchObject({ reason: cancelled });
    expect(await context.call((x: number) => x + 1, i)).toBe(i + 1);
  }
});

test("a call's own signal and deadline hold as well", async () => {
  const own = new AbortController();
  const running = context.callWith({ signal: own.signal }, hang);
  own.abort();
  expect(await running.catch((error: unknown) => error)).toEqual(cancelled);
  const both = context.callWith({ signal: new AbortController().signal }, hang);
  interrupt.now();
  expect(await both.catch((error: unknown) => error)).toEqual(cancelled);
});

test("what is left of the prompt's deadline limits a call that has none", async () => {
  left = 1;
  const error = await context.call(hang).catch((one: unknown) => one);
  left = undefined;
  expect(error).toMatchObject({ code: "ERR_DEADLINE_CALL" });
});

test("the defaults leave the call's options as they are", () => {
  const own = { deadline: 5, withContext: true };
  expect(withDefaults(own, undefined)).toBe(own);
  const limited = withDefaults(own, { deadline: 9, signal: AbortSignal.abort() });
  expect(limited).toMatchObject({ deadline: 5, withContext: true });
  expect(limited).toHaveProperty("signal.aborted", true);
  expect(own).toEqual({ deadline: 5, withContext: true });
  expect(withDefaults({}, { deadline: 9 })).toEqual({ deadline: 9 });
});

test("a context is shown by its name", () => {
  expect(inspect(context)).toBe("Context local (connected)");
});
