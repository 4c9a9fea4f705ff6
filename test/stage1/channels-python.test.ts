/**
 * stage1/python/tier2/channels.py and commands.py in slaves of several Pythons,
 * against a master that does only what the test says.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { decodeValue } from "../../src/protocol/value.ts";
import { pythonOf, type SupportedVersion } from "../helpers/pythons.ts";
import { suite } from "../helpers/skip.ts";
import {
  FLAGS,
  type Mailbox,
  OVERHEAD,
  RawSender,
  RawSlave,
  type SenderReference,
} from "./raw-slave.ts";

const VERSIONS: readonly SupportedVersion[] = ["2.7", "3.6", "3.13"];
const WINDOW = 262144;
const FIXTURE = "channels_fixture";

for (const version of VERSIONS) {
  const { python, missing } = pythonOf(version);
  const plan = { wants: "python", kind: "python", path: python?.path ?? "" } as const;

  suite(`channels, python ${version}`, missing, "python", () => {
    let slave: RawSlave;
    const call = (name: string, ...args: unknown[]) => slave.call(`${FIXTURE}.${name}`, ...args);

    beforeAll(async () => {
      slave = await new RawSlave(plan).ready();
    });
    afterAll(async () => {
      await slave[Symbol.asyncDispose]();
    });

    test("passes on what is for a context behind it", async () => {
      await using hop = await new RawSlave(plan).ready();
      const ask = (name: string, ...args: unknown[]) => hop.call(`${FIXTURE}.${name}`, ...args);
      const small = "a".repeat(100);
      const large = "b".repeat(100_000);
      const frames = [
        [7, 0, 102, 34],
        [7, 0, 100_002, 34],
        [7, FLAGS.MORE, WINDOW, 98],
        [7, FLAGS.CONT, 400_002 - WINDOW, 34],
      ];
      const send = (dst: number) => {
        for (const value of [small, large, large.repeat(4)]) hop.send(5, value, 0, 0, dst);
      };

      // By the core alone, then by what takes its place with the first channel.
      for (const reads of ["econtext", "econtext.vectored_io"]) {
        expect(await ask("core_functions")).toBe(reads);
        await ask("route", 7);
        send(7);
        expect(await ask("routed")).toEqual(frames);
        await ask("open_channel");
      }
      await ask("route", 7);
      send(8);
      expect(await ask("routed")).toEqual([]);
      expect(hop.logs).toEqual([]);
    });

    test("a sender says its handle first, and closes behind the last", async () => {
      const box = slave.mailbox();
      expect(await call("send_all", slave.given(box), ["a", { b: [1] }])).toEqual([2, null, null]);
      expect(await box.value()).toBeGreaterThan(0);
      expect([await box.value(), await box.value()]).toEqual(["a", { b: [1] }]);
      const last = await box.next();
      expect([last.flags, decodeValue(last.body)]).toEqual([FLAGS.DEAD, null]);
      expect(box.messages).toEqual([]);
    });

    test("a sender that never sent says its handle and closes; an error says what it is", async () => {
      const box = slave.mailbox();
      await call("close_sender", slave.given(box), "no more");
      expect(await box.value()).toBeNumber();
      const last = await box.next();
      expect(last.flags).toBe(FLAGS.DEAD);
      expect((decodeValue(last.body) as string[]).slice(0, 2)).toEqual(["ValueError", "no more"]);
    });

    test("never sends beyond its credit and one message", async () => {
      const box = slave.mailbox();
      const reply = slave.start(`${FIXTURE}.send_many`, slave.given(box), 40, 50000);
      const credits = Number(await box.value());
      let granted = WINDOW;
      let arrived = 0;
      for (let sent = 0; sent < 40; ) {
        // What comes without more credit, and then one thing that comes after all that was under
        // way.
        await box.until((all) => all.length > 0);
        await roundTrip(slave);
        for (const { body } of box.messages.splice(0)) {
          if (sent === 40) break;
          expect(arrived).toBeLessThan(granted);
          arrived += body.length + OVERHEAD;
          sent++;
        }
        if (sent < 40) expect(arrived).toBeGreaterThanOrEqual(granted);
        granted += 70000;
        slave.send(credits, 70000);
      }
      expect(decodeValue((await reply.next()).body)).toEqual([40, null, null]);
    });

    test("the receiver's close reaches a sender that waits, which answers", async () => {
      for (const [said, name] of [
        [null, "Closed"],
        [["ValueError", "enough", ""], "RemoteError"],
      ] as const) {
        const box = slave.mailbox();
        const reply = slave.start(`${FIXTURE}.send_many`, slave.given(box), 40, 50000);
        const credits = Number(await box.value());
        await box.until((all) => all.length === 6);
        slave.send(credits, said, FLAGS.DEAD);
        const [sent, kind] = decodeValue((await reply.next()).body) as unknown[];
        expect([sent, kind]).toEqual([6, name]);
        const last = await box.until((all) => all[6]);
        expect([last.flags, decodeValue(last.body)]).toEqual([FLAGS.DEAD, null]);
        expect(box.messages.length).toBe(7);
      }
    });

    test("credit comes when half is taken; the window doubles while the receiver keeps up", async () => {
      const sender = new RawSender(slave, await call("open_channel"));
      const small = new Uint8Array(1000);
      let sent = 0;
      let cost = 0;
      while (cost < WINDOW / 2) {
        cost += sender.send(small);
        sent++;
      }
      // One more waits all the time: it does not keep up.
      sender.send(small);
      for (let i = 1; i < sent; i++) await call("receive", 5);
      expect(sender.credits.messages).toEqual([]);
      await call("receive", 5);
      expect(await sender.credits.value()).toBe(cost);
      expect(await call("window")).toBe(WINDOW);
      while ((await call("receive", 0)) !== "timeout");
      for (const doubled of [2, 4, 8, 16, 16]) {
        // All of the window, taken in one go: then nothing is left but to give more.
        sender.send(new Uint8Array((await call("window")) as number));
        while ((await call("receive", 0)) !== "timeout");
        expect(await call("window")).toBe(doubled * WINDOW);
      }
      sender.close();
      expect(await call("receive")).toBe("closed");
    });

    test("what was sent before the close is received, then the error", async () => {
      const sender = new RawSender(slave, await call("open_channel"));
      sender.send("first");
      sender.close(["KeyError", "there", "trace"]);
      expect(await call("receive")).toBe("first");
      await expect(call("receive")).rejects.toThrow("RemoteError: KeyError: there");
      const other = new RawSender(slave, await call("open_channel"));
      for (const value of [1, "two", [3]]) other.send(value);
      other.close();
      expect(await call("receive_all")).toEqual([1, "two", [3]]);
      expect(await call("receive")).toBe("closed");
    });

    test("a receiver that was closed before it was opened answers the opening", async () => {
      const reference = await call("open_channel");
      await call("close_receiver", "not wanted");
      const sender = new RawSender(slave, reference);
      sender.send("lost");
      const { flags, body } = await sender.credits.next();
      expect([flags, (decodeValue(body) as string[]).slice(0, 2)]).toEqual([
        FLAGS.DEAD,
        ["Exception", "not wanted"],
      ]);
      sender.close();
    });

    test("a deadline, and a sender that comes home", async () => {
      const reference = (await call("open_channel")) as SenderReference;
      const began = performance.now();
      expect(await call("receive", 0.1)).toBe("timeout");
      expect(performance.now() - began).toBeGreaterThan(95);
      expect(await call("same_sender", reference)).toBe(true);
      new RawSender(slave, reference).close();
    });

    test("a sender that was given goes back as what it came as", async () => {
      const box = slave.mailbox();
      expect(await call("twice", slave.given(box))).toEqual(slave.given(box));
      expect(await call("twice", slave.given(box))).toEqual(slave.given(box));
      const credits = Number(await box.value());
      expect([await box.value(), await box.value()]).toEqual([1, 1]);
      slave.send(credits, null, FLAGS.DEAD);
      expect((await box.next()).flags).toBe(FLAGS.DEAD);
    });

    test("a receive that waits is ended by cancel", async () => {
      new RawSender(slave, await call("open_channel")).close();
      const reference = await call("open_channel");
      const reply = slave.start(`${FIXTURE}.receive`);
      await Bun.sleep(50);
      slave.cancel(reply);
      const { flags, body } = await reply.next();
      expect([flags, (decodeValue(body) as string[])[0]]).toEqual([
        FLAGS.ERROR,
        "econtext.Cancelled",
      ]);
      new RawSender(slave, reference).close();
    });

    test("a thread of its own receives and sends while nothing is called", async () => {
      const box = slave.mailbox();
      const sender = new RawSender(slave, await call("echo", slave.given(box)));
      for (let i = 0; i < 20; i++) {
        sender.send(i);
        if (i === 0) await box.value();
        expect(await box.value()).toBe(i);
      }
      sender.close();
      expect((await box.next()).flags).toBe(FLAGS.DEAD);
    });

    test("local channels and Select", async () => {
      expect(await call("local")).toBe(499500);
      expect(await call("select")).toBe(true);
      expect(await call("fair")).toEqual(["a", "b", "a", "b", "a", "b"]);
    });

    test("a generator is pumped to its end, to its error, or until its receiver is closed", async () => {
      const pump = async (box: Mailbox, ...args: unknown[]) => {
        const { handle } = (await call("yields", ...args)) as SenderReference;
        return slave.start("econtext.channels:pump", handle, slave.given(box));
      };
      const whole = slave.mailbox();
      expect(decodeValue((await (await pump(whole, 3)).next()).body)).toBe(null);
      expect(whole.messages.map(({ body }) => decodeValue(body)).slice(1)).toEqual([0, 1, 2, null]);
      const failing = slave.mailbox();
      expect(decodeValue((await (await pump(failing, 1, "broke")).next()).body)).toBe(null);
      const last = failing.messages.at(-1);
      expect([
        last?.flags,
        (decodeValue(last?.body as Uint8Array) as string[]).slice(0, 2),
      ]).toEqual([FLAGS.DEAD, ["ValueError", "broke"]]);
      const left = slave.mailbox();
      await call("has_ended");
      const reply = await pump(left, 1e6);
      slave.send(Number(await left.value()), null, FLAGS.DEAD);
      expect(decodeValue((await reply.next()).body)).toBe(null);
      expect(await call("has_ended")).toBe(true);
    });

    test("a generator is closed by a cancel, and by drop", async () => {
      const box = slave.mailbox();
      const { handle } = (await call("sleeps")) as SenderReference;
      const reply = slave.start("econtext.channels:pump", handle, slave.given(box));
      await box.until((all) => all.length === 2);
      slave.cancel(reply);
      expect((await reply.next()).flags).toBe(FLAGS.ERROR);
      expect(box.messages.at(-1)?.flags).toBe(FLAGS.DEAD);
      expect(await call("has_ended")).toBe(true);
      const other = (await call("yields", 3)) as SenderReference;
      await slave.call("econtext.channels:drop", other.handle);
      await expect(
        slave.call("econtext.channels:pump", other.handle, slave.given(box)),
      ).rejects.toThrow("KeyError");
    });

    // The first with the core's own flush, the second with the one that replaces it.
    test.each(["core_functions", "open_channel"])(
      "ends while a thread sends and the master does not read (%s)",
      async (first) => {
        await using other = await new RawSlave(plan).ready();
        await other.call(`${FIXTURE}.${first}`);
        await other.call(`${FIXTURE}.send_always`, other.mailbox().handle);
        const resume = other.pause();
        const status = other.close();
        await Bun.sleep(300);
        resume();
        expect([await status, other.logs]).toEqual([0, []]);
      },
    );

    test("nothing is left", async () => {
      await call("left");
      const before = (await call("left")) as number[];
      expect(before.slice(1, 5)).toEqual([0, 0, 0, 0]);
      for (let i = 0; i < 50; i++) {
        const box = slave.mailbox();
        await call("send_all", slave.given(box), [i]);
        const sender = new RawSender(slave, await call("open_channel"));
        sender.send(1);
        sender.close();
        await call("receive_all");
      }
      expect(await call("left")).toEqual(before);
    });
  });
}

/** Resolves when all that the slave had to say is here. */
async function roundTrip(slave: RawSlave): Promise<void> {
  const pong = slave.mailbox();
  slave.send(105, null, 0, pong.handle);
  await pong.next();
  await Bun.sleep(20);
}
