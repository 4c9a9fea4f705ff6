/** Processes that are started before anything asks for them. */
import { afterEach, expect, test } from "bun:test";
import { closeSync, readFileSync } from "node:fs";
import {
  dropEarly,
  type StartedChild,
  startChild,
  startEarly,
} from "../../src/launch/start-child.ts";

const OWN = { asks: false, isClient: true };
const CAT = ["sh", "-c", "cat"];
const begun: StartedChild[] = [];

function ask(argv: readonly string[], options = OWN): StartedChild {
  const child = startChild(argv, options, undefined);
  begun.push(child);
  return child;
}

afterEach(async () => {
  dropEarly();
  for (const { stdin, stdout, exited } of begun.splice(0)) {
    for (const fd of [stdin, stdout]) closeSync(fd);
    await exited;
  }
});

test("what asks for the same program first gets the process, once", () => {
  startEarly(CAT, OWN);
  const early = children();
  const [first, second] = [ask(CAT), ask(CAT)];
  expect(early).toContain(first.process.pid);
  expect(early).not.toContain(second.process.pid);
});

test("another program, or other variables, get a process of their own", async () => {
  startEarly(["sh", "-c", "exit 3"], OWN);
  expect(await ask(["sh", "-c", "exit 4"]).exited).toEqual({ status: 4, signal: undefined });
  const other = ask(["sh", "-c", "exit 3"], { ...OWN, env: { A: "1" } } as typeof OWN);
  expect(await other.exited).toEqual({ status: 3, signal: undefined });
  expect(await ask(["sh", "-c", "exit 3"]).exited).toEqual({ status: 3, signal: undefined });
});

test("a process that nothing asks for is ended", async () => {
  startEarly(CAT, OWN);
  const before = children();
  expect(before).not.toEqual([]);
  dropEarly();
  while (before.every((pid) => children().includes(pid))) await Bun.sleep(5);
});

/** Process ids of the children of this process. */
function children(): number[] {
  const text = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8");
  return text.split(" ").filter(Boolean).map(Number);
}
