/**
 * A link that is far slower than what floods it: the caller that cancels a command is answered, and
 * what comes next is served.
 */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Broker } from "../../src/index.ts";
import { eventually, failureOf } from "../conformance/session.ts";
import { bun, nodeOf } from "../helpers/javascripts.ts";
import { pythonOf } from "../helpers/pythons.ts";
import { writeScript } from "../helpers/scripts.ts";
import { suite } from "../helpers/skip.ts";

const folder = mkdtempSync(join(tmpdir(), "econtext-narrow-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Bytes a millisecond, once so many have gone through. */
const RATE = 2000;
const FREE = 1 << 20;
const narrow = join(folder, "narrow.ts");
await Bun.write(
  narrow,
  `let gone = 0;
  for await (const chunk of Bun.stdin.stream())
    for (let at = 0; at < chunk.length; at += 32768) {
      const part = chunk.subarray(at, at + 32768);
      await Bun.write(Bun.stdout, part);
      gone += part.length;
      if (gone > ${FREE}) await Bun.sleep(part.length / ${RATE});
    }`,
);
/**
 * In place of ssh: runs its last argument, in a session of its own as sshd does, and lets what that
 * says through slowly.
 */
const lines = `for last; do :; done\nsetsid sh -c "$last" | "${process.execPath}" ${narrow}`;
const program = writeScript(join(folder, "ssh"), lines);

for (const [name, { missing }, options] of [
  ["python 2.7", pythonOf("2.7"), { python: pythonOf("2.7").python?.path ?? "" }],
  ["python 3.13", pythonOf("3.13"), { python: pythonOf("3.13").python?.path ?? "" }],
  ["node 22", nodeOf("22"), { kind: "node", node: nodeOf("22").path }],
  ["bun", bun(), { kind: "bun", bun: process.execPath }],
] as const) {
  suite(`a narrow link, ${name}`, missing, name.split(" ")[0] ?? "", () => {
    test("a flood that ignores SIGINT is cancelled, and the next command is served", async () => {
      await using broker = new Broker({ onLog: () => {} });
      const context = await broker.connect("narrow", { ...options, ssh: { program } });
      const stop = new AbortController();
      const flood = ["sh", "-c", "trap '' INT; exec cat /dev/zero"];
      const process = context.exec(flood, { signal: stop.signal });
      let taken = 0;
      const reading = (async () => {
        for await (const chunk of process.stdout) taken += chunk.length;
      })().catch(() => {});
      expect(await eventually(() => taken > 2 * FREE, 10_000)).toBe(true);
      stop.abort();
      expect(await failureOf(process.exited)).toMatchObject({ code: "ERR_CANCELLED" });
      await reading;
      expect(await context.exec(["echo", "next"]).stdout.text()).toBe("next\n");
    });

    test("what interrupts the whole group is the command's", async () => {
      await using broker = new Broker({ onLog: () => {} });
      const context = await broker.connect("narrow", { ...options, ssh: { program } });
      const process = context.exec(["sh", "-c", "(sleep 0.7; kill -INT 0) & exec cat /dev/zero"]);
      let taken = 0;
      for await (const chunk of process.stdout) taken += chunk.length;
      expect(taken).toBeGreaterThan(FREE);
      expect(await process.exited).toEqual({ status: 130, signal: "SIGINT" });
      expect(await context.exec(["echo", "next"]).stdout.text()).toBe("next\n");
    });
  });
}
