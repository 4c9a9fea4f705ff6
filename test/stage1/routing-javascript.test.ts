/**
 * Frames for other contexts that come to a JavaScript slave: the first one is a program, and the
 * worker thread gives all later ones to that program, also while the main thread hangs.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { decodeValue } from "../../src/protocol/value.ts";
import { eventually } from "../conformance/session.ts";
import { bun, nodeOf } from "../helpers/javascripts.ts";
import { suite } from "../helpers/skip.ts";
import { RawSlave } from "./raw-slave.ts";

const BEHIND = 7;
const UNKNOWN = 8;
/** Sends the frames for BEHIND back to the master. */
const SEND_BACK = `
  const [install, load, me, acquire, frames, pass, write] = core;
  install((frame) => {
    if (frame.readUInt32BE(0) !== ${BEHIND}) return;
    [0, me, me].forEach((word, i) => frame.writeUInt32BE(word, i * 4));
    acquire();
    write(frame);
  });
`;
const HANG = "() => { require('fs').writeSync(1, 'hanging\\n'); for (;;); }";
const SLAVES = [
  { kind: "bun", name: "bun", ...bun() },
  { kind: "node", name: "node 18", ...nodeOf("18") },
  { kind: "node", name: "node 26", ...nodeOf("26") },
] as const;

for (const { kind, name, path, missing } of SLAVES) {
  suite(`routing, ${name}`, missing, kind, () => {
    const plan = { wants: "javascript", kind, path } as const;
    let slave: RawSlave;

    beforeAll(async () => {
      slave = await new RawSlave(plan).ready();
      slave.install(SEND_BACK);
    });
    afterAll(() => slave[Symbol.asyncDispose]());

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
      await using busy = await new RawSlave(plan).ready();
      busy.install(SEND_BACK);
      busy.start(["", HANG]);
      expect(await eventually(() => busy.logs.join("") === "hanging\n")).toBe(true);
      const box = busy.mailbox();
      busy.send(box.handle, "served", 0, 0, BEHIND);
      expect(await box.value()).toBe("served");
    });

    test("the worker gets the program at once, before there is a call", async () => {
      await using early = await new RawSlave(plan).ready();
      early.install(SEND_BACK);
      const box = early.mailbox();
      early.send(box.handle, "served", 0, 0, BEHIND);
      expect(await box.value()).toBe("served");
      expect(await early.call("Math.abs", -4)).toBe(4);
    });
  });
}
