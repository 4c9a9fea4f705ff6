/** Orders that come in several frames, and too many frames for a child: for every switch. */
import { expect, test } from "bun:test";
import type { Plan } from "../../src/interpreters/plan.ts";
import { encodeMessage } from "../../src/protocol/frame.ts";
import { encodeValue } from "../../src/protocol/value.ts";
import { HOP, RawMaster, SWITCH, SWITCH_BIT } from "../helpers/raw-master.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export function orderRows(plan: Plan): void {
  test("a short order may come between the frames of a long one", async () => {
    await using master = await new RawMaster(plan).open();
    const text = "x".repeat(300_000);
    const long = {
      dst: HOP + SWITCH_BIT,
      src: 0,
      auth: 0,
      handle: SWITCH.KEEP,
      reply: 0,
      flags: 0,
    };
    const { chunks } = encodeValue(["key", bytes(text)]);
    const [first, second] = [...encodeMessage(long, chunks)].map((frame) => Buffer.concat(frame));
    master.write(first as Uint8Array);
    master.order(SWITCH.KEEP, ["other", bytes("short ")]);
    master.write(second as Uint8Array);
    const child = master.program(["wc", "-c"], ["other", "key"]);
    child.order(SWITCH.CLOSE, null);
    await child.event("ended");
    expect(child.text("noise").trim()).toBe(String("short ".length + text.length));
  });

  test("a child for which far too much waits is ended, and no other", async () => {
    await using master = await new RawMaster(plan).open();
    const sleeper = master.program(["sh", "-c", "echo up; exec sleep 1000"], []);
    await sleeper.event("noise");
    const sibling = await master.child({ wants: "python" }).opened();
    const part = new Uint8Array(4 << 20);
    for (let i = 0; i < 18; i++) master.message({ dst: sleeper.id, handle: 1000 }, [part]);
    await sleeper.event("fault");
    await sleeper.event("ended");
    expect(await sibling.call("len", "abc")).toBe(3);
    await sibling.close();
  });
}
