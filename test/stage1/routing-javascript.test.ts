/**
 * Frames for a context behind a JavaScript slave: the worker thread gives them to the route of
 * their id, also while the main thread hangs.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeValue } from "../../src/protocol/value.ts";
import { bun, nodeOf } from "../helpers/javascripts.ts";
import { suite } from "../helpers/skip.ts";
import { RawSlave } from "./raw-slave.ts";

const BEHIND = 7;
const UNKNOWN = 8;
const FIXTURE = "econtext.routing_fixture";
const SLAVES = [
  { kind: "bun", name: "bun", ...bun() },
  { kind: "node", name: "node 18", ...nodeOf("18") },
  { kind: "node", name: "node 26", ...nodeOf("26") },
] as const;

for (const { kind, name, path, missing } of SLAVES) {
  suite(`routing, ${name}`, missing, kind, () => {
    let slave: RawSlave;
    let folder = "";

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "econtext-route-"));
      slave = await new RawSlave({ wants: "javascript", kind, path }).ready();
      await slave.call(`${FIXTURE}:route`, BEHIND);
    });
    afterAll(async () => {
      await slave[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    });

    test("a frame goes to the route of its id; one without a route is dropped", async () => {
      const box = slave.mailbox();
      for (const text of ["a".repeat(100), "b".repeat(60_000), "c".repeat(600_000)]) {
        slave.send(box.handle, "dropped", 0, 0, UNKNOWN);
        slave.send(box.handle, text, 0, 0, BEHIND);
        expect(await slave.call("Math.abs", -4)).toBe(4);
        expect(await box.value()).toBe(text);
      }
    });

    test("frames for both contexts in one chunk reach each of them, in order", async () => {
      const box = slave.mailbox();
      const calls = Array.from({ length: 200 }, (_, i) => {
        slave.send(box.handle, i, 0, 0, BEHIND);
        return slave.call("Math.abs", -i);
      });
      const all = Array.from({ length: 200 }, (_, i) => i);
      expect((await Promise.all(calls)) as number[]).toEqual(all);
      await box.until((messages) => messages.length === 200);
      expect(box.messages.map(({ body }) => decodeValue(body))).toEqual(all);
    });

    test("a route is served while the main thread hangs", async () => {
      const file = join(folder, "go");
      const hanging = slave.start(`${FIXTURE}:hang`, file);
      const box = slave.mailbox();
      slave.send(box.handle, "served", 0, 0, BEHIND);
      expect(await box.value()).toBe("served");
      expect(hanging.messages).toEqual([]);
      writeFileSync(file, "");
      await hanging.next();
    });
  });
}
