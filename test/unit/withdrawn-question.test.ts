/** Questions that another process withdraws, and the output of its command that comes after. */
import { expect, test } from "bun:test";
import type { Host } from "../../src/cli/host.ts";
import { ask, withdraw } from "../../src/cli/up/ask.ts";
import { Outputs } from "../../src/cli/up/outputs.ts";

function open() {
  let text = "";
  const write = (_: number, bytes: Uint8Array): undefined => {
    text += Buffer.from(bytes);
  };
  const outputs = new Outputs({ write }, () => {});
  return { outputs, say: (line: string) => outputs.write(1, Buffer.from(line)), shown: () => text };
}

test("output does not wait for a question behind the one on show", async () => {
  const { outputs, say, shown } = open();
  // The first question is never over: its host is not there.
  const host = new Promise<Host>(() => {});
  for (const number of [1, 2]) {
    void ask({ number, prompt: "Password: ", isVisible: false }, host);
  }
  outputs.waitFor(withdraw(2));
  say("b: lost\n");
  await Bun.sleep(0);
  expect(shown()).toBe("b: lost\n");
  outputs.waitFor(withdraw(1));
  say("a: lost\n");
  await Bun.sleep(0);
  expect(shown()).toBe("b: lost\n");
});

test("output waits for all that it was told to wait for", async () => {
  const { outputs, say, shown } = open();
  const first = Promise.withResolvers<void>();
  outputs.waitFor(first.promise);
  outputs.waitFor(Promise.resolve());
  await Bun.sleep(0);
  say("lost\n");
  await Bun.sleep(0);
  expect(shown()).toBe("");
  first.resolve();
  expect(await outputs.finished(0)).toBe(0);
  expect(shown()).toBe("lost\n");
});
