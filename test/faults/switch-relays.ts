/**
 * The table of relays that every switch passes: a sender of context A was given to context B, and
 * the hop hands on what B sends. Both contexts are puppets.
 */
import { expect, test } from "bun:test";
import type { Plan } from "../../src/interpreters/plan.ts";
import { FLAGS, HEADER_BYTES } from "../../src/protocol/frame.ts";
import { RawMaster, type RawPuppet, SWITCH } from "../helpers/raw-master.ts";
import type { Mailbox } from "../stage1/raw-slave.ts";

/** Handles of A's and of B's. */
const [K, R] = [3001, 3002];
const WINDOW = 262_144;
const COST = 24;
const GONE = '"the far side ended"';

const bytes = (words: string): Uint8Array => new TextEncoder().encode(words);
const text = (body: Uint8Array): string => Buffer.from(body).toString();

class Scene implements AsyncDisposable {
  readonly master: RawMaster;
  readonly a: RawPuppet;
  readonly b: RawPuppet;
  /** Handles of the master's: for B's values, for A's credit, and for the hop. */
  readonly values: Mailbox;
  readonly credits: Mailbox;
  readonly notices: Mailbox;
  /** Values that the hop could not hand on by itself. */
  readonly translated: string[] = [];
  /** Whether the master sends such values to A, past the hop's relay. */
  sendsItself = false;

  constructor(master: RawMaster, a: RawPuppet, b: RawPuppet) {
    this.master = master;
    [this.a, this.b] = [a, b];
    const boxes = [master.mailbox(), master.mailbox(), master.mailbox()] as const;
    [this.values, this.credits, this.notices] = boxes;
    const order = [this.H, b.id, K, a.id, this.M];
    master.order(SWITCH.RELAY, order, this.notices.handle);
    void this.#translate(this.values);
    void this.#translate(this.notices);
  }

  static async open(plan: Plan): Promise<Scene> {
    const master = await new RawMaster(plan).open();
    return new Scene(master, await master.puppet(), await master.puppet());
  }

  get H(): number {
    return this.values.handle;
  }

  get M(): number {
    return this.credits.handle;
  }

  order(operation: number, ...words: unknown[]): void {
    this.master.order(operation, [this.H, this.b.id, ...words]);
  }

  /** Waits until the hop has told this. */
  async told(word: "ended" | "injected"): Promise<void> {
    const notice = `["relay","${word}"]`;
    await this.notices.until((messages) => messages.some(({ body }) => text(body) === notice));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.master[Symbol.asyncDispose]();
  }

  /** Does the work of the master: gives senders other names. */
  async #translate(box: Mailbox): Promise<void> {
    for (let at = 0; ; at++) {
      const { src, body } = await box.until((messages) => messages[at]);
      if (src === this.a.id || text(body).startsWith('["relay"')) continue;
      this.translated.push(text(body));
      const value = bytes(text(body).replace("[3,77]", "[0,88]"));
      this.order(SWITCH.RELAYED, this.sendsItself ? null : value);
    }
  }
}

export function relayRows(plan: Plan): void {
  const open = (): Promise<Scene> => Scene.open(plan);

  test("values go to the receiver, credit to the sender, and both ends end it", async () => {
    await using scene = await open();
    const { a, b } = scene;
    b.say(scene.H, String(R));
    b.say(scene.H, '"one"');
    b.say(scene.H, JSON.stringify("x".repeat(100_000)));
    const way = { src: b.id, dst: a.id, auth: 0 };
    expect(await a.received()).toMatchObject({ ...way, handle: K, reply: 0, flags: 0 });
    expect((await a.heard())[2]).toHaveLength(100_002);
    a.say(scene.M, "140000");
    const credit = await b.received();
    expect(credit).toMatchObject({ src: a.id, dst: b.id, auth: 0, handle: R, reply: 0, flags: 0 });
    expect(text(credit.body)).toBe("140000");
    b.say(scene.H, '["Error","why",""]', FLAGS.DEAD);
    expect(await a.heard()).toEqual([K, FLAGS.DEAD, '["Error","why",""]']);
    a.say(scene.M, "null", FLAGS.DEAD);
    expect(await b.heard()).toEqual([R, FLAGS.DEAD, "null"]);
    await scene.told("ended");
    expect([scene.values, scene.credits].flatMap(({ messages }) => messages)).toEqual([]);
    expect(scene.notices.messages).toHaveLength(1);
  });

  test("what comes before the sender is known waits for it", async () => {
    await using scene = await open();
    scene.a.say(scene.M, "1000");
    scene.a.say(scene.M, "24");
    scene.a.say(scene.M, '"no more"', FLAGS.DEAD);
    scene.a.say(1, "x");
    await scene.master.strays.next();
    scene.b.say(scene.H, String(R));
    expect(await scene.b.heard()).toEqual([R, 0, "1024"]);
    expect(await scene.b.heard()).toEqual([R, FLAGS.DEAD, '"no more"']);
  });

  test("a value that holds a sender is translated by the master, and keeps its place", async () => {
    await using scene = await open();
    const { a, b } = scene;
    const value = '["take",{"!h":[3,77]}]';
    b.say(scene.H, String(R));
    for (const body of ["1", value, "3", value, "5"]) b.say(scene.H, body);
    b.say(scene.H, "null", FLAGS.DEAD);
    for (const body of ["1", '["take",{"!h":[0,88]}]', "3", '["take",{"!h":[0,88]}]', "5"]) {
      expect(await a.heard()).toEqual([K, 0, body]);
    }
    expect(await a.heard()).toEqual([K, FLAGS.DEAD, "null"]);
    expect(scene.translated).toEqual([value, value]);
  });

  test("a sender cannot hide in a large value", async () => {
    await using scene = await open();
    const value = `["${"x".repeat(100_000)}",{"!h":[3,77]}]`;
    scene.b.say(scene.H, String(R));
    for (let n = 0; n < 2; n++) scene.b.say(scene.H, value);
    for (let n = 0; n < 2; n++) expect((await scene.a.heard())[2]).toEndWith('{"!h":[0,88]}]');
    expect(scene.translated).toEqual([value, value]);
  });

  test("a sender cannot hide behind an escape", async () => {
    await using scene = await open();
    const value = '{"\\u0021h":[3,77]}';
    scene.b.say(scene.H, String(R));
    scene.b.say(scene.H, value);
    await scene.a.heard();
    expect(scene.translated).toEqual([value]);
  });

  test("a value in several frames comes whole", async () => {
    await using scene = await open();
    const { a, b } = scene;
    const value = JSON.stringify("x".repeat(300_000));
    b.say(scene.H, String(R));
    b.say(scene.H, "1");
    b.say(scene.H, value.slice(0, 262_144), FLAGS.MORE);
    b.say(scene.H, value.slice(262_144), FLAGS.CONT);
    expect(await a.heard()).toEqual([K, 0, "1"]);
    const parts = [await a.heard(), await a.heard()];
    expect(parts.map(([handle, flags]) => [handle, flags])).toEqual([
      [K, FLAGS.MORE],
      [K, FLAGS.CONT],
    ]);
    expect(parts.map(([, , body]) => body).join("")).toBe(value);
  });

  test("large values count for the window, whichever way they go", async () => {
    await using scene = await open();
    const { a, b } = scene;
    scene.sendsItself = true;
    const size = 4 << 20;
    b.say(scene.H, String(R));
    for (let n = 0; n < 4; n++) {
      a.say(scene.M, String(size));
      expect(await b.heard()).toEqual([R, 0, String(size)]);
      // Its sender, and its many frames, make it one for the master.
      const value = `["${"x".repeat(size - 32)}",{"!h":[3,77]}]`;
      for (let at = 0; at < value.length; at += 262_144) {
        const [more, cont] = [at + 262_144 < value.length, at > 0];
        b.say(scene.H, value.slice(at, at + 262_144), (more ? 1 : 0) | (cont ? 2 : 0));
      }
      while (scene.translated.length <= n) await Bun.sleep(5);
    }
    b.say(scene.H, '"the last"');
    expect((await a.heard())[2]).toBe('"the last"');
  });

  test("a value of the master's is paid from the receiver's next credit", async () => {
    await using scene = await open();
    const { a, b } = scene;
    b.say(scene.H, String(R));
    scene.order(SWITCH.INJECT, bytes('"mine"'));
    expect(await a.heard()).toEqual([K, 0, '"mine"']);
    a.say(scene.M, "20");
    a.say(scene.M, "110");
    expect(await b.heard()).toEqual([R, 0, String(130 - 6 - COST)]);
    await scene.told("injected");
  });

  test("a sender without credit is cut off, and its receiver is told", async () => {
    await using scene = await open();
    const { a, b } = scene;
    b.say(scene.H, String(R));
    b.say(scene.H, JSON.stringify("x".repeat(WINDOW - 2)));
    b.say(scene.H, '"one more"');
    expect((await a.heard())[2]).toHaveLength(WINDOW);
    expect(await a.heard()).toEqual([K, FLAGS.DEAD, GONE]);
    await b.child.event("fault");
    await scene.told("ended");
  });

  for (const [what, body, flags] of [
    ["no number", '"x"', 0],
    ["a negative number", "-5", 0],
    ["more than any window", "99999999999", 0],
  ] as const) {
    test(`credit that is ${what} cuts the receiver off, and the sender is told`, async () => {
      await using scene = await open();
      const { a, b } = scene;
      b.say(scene.H, String(R));
      b.say(scene.H, "1");
      await a.heard();
      a.say(scene.M, body, flags);
      expect(await b.heard()).toEqual([R, FLAGS.DEAD, GONE]);
      await a.child.event("fault");
      await scene.told("ended");
    });
  }

  test("an end that is no JSON is an end, and nothing else", async () => {
    await using scene = await open();
    scene.b.say(scene.H, "{]", FLAGS.DEAD);
    expect(await scene.a.heard()).toEqual([K, FLAGS.DEAD, "null"]);
  });

  for (const side of ["a", "b"] as const) {
    test(`the other side is told when ${side === "a" ? "the receiver" : "the sender"} is gone`, async () => {
      await using scene = await open();
      const { a, b } = scene;
      b.say(scene.H, String(R));
      b.say(scene.H, "1");
      await a.heard();
      await scene[side].child.close("KILL");
      const told = side === "a" ? b : a;
      expect(await told.heard()).toEqual([side === "a" ? R : K, FLAGS.DEAD, GONE]);
      await scene.told("ended");
    });
  }

  test("a relay is taken back", async () => {
    await using scene = await open();
    const { b } = scene;
    b.say(scene.H, String(R));
    b.say(scene.H, "1");
    await scene.a.heard();
    scene.order(SWITCH.UNRELAY, bytes('"closed"'));
    expect(await b.heard()).toEqual([R, FLAGS.DEAD, '"closed"']);
    expect(scene.notices.messages).toEqual([]);
  });

  test("a receiver that closes is answered by the sender", async () => {
    await using scene = await open();
    const { a, b } = scene;
    b.say(scene.H, String(R));
    a.say(scene.M, '["Error","why",""]', FLAGS.DEAD);
    expect(await b.heard()).toEqual([R, FLAGS.DEAD, '["Error","why",""]']);
    b.say(scene.H, "null", FLAGS.DEAD);
    expect(await a.heard()).toEqual([K, FLAGS.DEAD, "null"]);
    await scene.told("ended");
  });

  test("a context that is not routed any more is gone", async () => {
    await using scene = await open();
    const { a, b } = scene;
    b.say(scene.H, String(R));
    b.say(scene.H, "1");
    await a.heard();
    b.child.order(SWITCH.UNROUTE);
    expect(await a.heard()).toEqual([K, FLAGS.DEAD, GONE]);
    await scene.told("ended");
  });

  test("what is said to a relay that has ended does not reach the master", async () => {
    await using scene = await open();
    const { a, b } = scene;
    a.child.order(SWITCH.UNROUTE);
    await scene.told("ended");
    b.say(scene.H, String(R));
    expect(await b.heard()).toEqual([R, FLAGS.DEAD, GONE]);
    b.say(scene.H, '"a value that was under way"');
    b.say(scene.H, "null", FLAGS.DEAD);
    // Answered: the hop has forgotten it.
    b.say(scene.H, '"again"');
    await scene.values.until((messages) => messages.length > 0);
    expect(scene.values.messages.map(({ body }) => text(body))).toEqual(['"again"']);
  });

  test("the handles of a relay are those of its two contexts alone", async () => {
    await using scene = await open();
    const { a, b } = scene;
    b.say(scene.H, String(R));
    a.say(scene.H, '"of the receiver"');
    b.say(scene.M, "1000000");
    for (const box of [scene.values, scene.credits]) {
      await box.until((messages) => messages.length > 0);
    }
    b.say(scene.H, '"a value"');
    expect(await a.heard()).toEqual([K, 0, '"a value"']);
    const heard = [scene.values, scene.credits].flatMap(({ messages }) => messages);
    expect(heard.map(({ src }) => src)).toEqual([a.id, b.id]);
  });

  test("bytes that look like a sender are no sender", async () => {
    await using scene = await open();
    const data = Buffer.from('"!h" \\u0021h');
    const words = Buffer.from(`{"!b":[0,${data.length}]}`);
    const value = Buffer.from([0, 0, 0, 0, words.length, ...words, ...data]);
    scene.b.say(scene.H, String(R));
    scene.b.say(scene.H, value);
    expect(await scene.a.heard()).toEqual([K, 0, value.toString()]);
    expect(scene.translated).toEqual([]);
  });

  test("a context that is gone already ends it", async () => {
    await using scene = await open();
    const { master, a } = scene;
    const notices = master.mailbox();
    master.order(SWITCH.RELAY, [5001, 99, K, a.id, 5002], notices.handle);
    expect(await notices.value()).toEqual(["relay", "ended"]);
    expect(await a.heard()).toEqual([K, FLAGS.DEAD, GONE]);
  });

  test("what a hop on the way hands on is not told as written", async () => {
    await using master = await new RawMaster(plan).open();
    const child = master.program(["sh", "-c", "echo up; exec cat >/dev/null"], new Uint8Array(0));
    await child.event("noise");
    const [dst, src, handle] = [child.id, 77, K];
    // Else a copy between hosts behind two hops would wait for its master to read.
    for (const size of [200_000, 5 << 20]) {
      master.message({ dst, src, handle }, [new Uint8Array(size)]);
    }
    master.message({ dst, handle }, [new Uint8Array(100)]);
    await child.close();
    expect(child.wrote).toBe(HEADER_BYTES + 100);
  });
}
