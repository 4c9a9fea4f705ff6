/**
 * The table that every switch passes, in whatever language the hop is: each order, each event, and
 * what may pass. The test is the master, and sees every frame.
 */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import type { Plan } from "../../src/interpreters/plan.ts";
import { FLAGS } from "../../src/protocol/frame.ts";
import { FrameReader } from "../../src/protocol/frame-reader.ts";
import { encodeValue } from "../../src/protocol/value.ts";
import {
  HOP,
  newNonce,
  type RawChild,
  RawMaster,
  rawFrame,
  SWITCH,
  SWITCH_BIT,
} from "../helpers/raw-master.ts";

/** What the rows call in a hop, in its language. */
export interface Hop {
  readonly plan: Plan;
  /** A function that keeps its thread until the context ends, and its arguments. */
  readonly hang: readonly [name: unknown, ...args: unknown[]];
  /** A function that gives the process id of the hop. */
  readonly pid: unknown;
}

const PYTHON: Plan = { wants: "python" };
const JAVASCRIPT: Plan = { wants: "javascript", kind: "bun", path: process.execPath };
const NO_BYTES = new Uint8Array(0);

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const sh = (script: string): string[] => ["sh", "-c", script];

export function switchRows(hop: Hop): void {
  const open = (): Promise<RawMaster> => new RawMaster(hop.plan).open();

  for (const [name, plan, three, ...args] of [
    ["a Python", PYTHON, "len", "abc"],
    ["a JavaScript", JAVASCRIPT, "Math.max", 1, 3],
  ] as const) {
    test(`${name} is started, called and closed`, async () => {
      await using master = await open();
      const child = await master.child(plan).opened();
      expect(await child.call(three, ...args)).toBe(3);
      await child.ping();
      // The guard of a JavaScript ends with its group.
      expect(await child.close()).toBeOneOf([
        ["ended", 0, null],
        ["ended", null, "SIGKILL"],
      ]);
      const kinds = child.told.map(([kind]) => kind);
      const ours = kinds.filter((kind) => kind !== "wrote" && kind !== "stderr");
      expect(ours).toEqual(["marked", "closed", "ended"]);
    });
  }

  test("a hop whose user code hangs starts and carries children", async () => {
    await using master = await open();
    const [name, ...args] = hop.hang;
    master.startCall(HOP, name, ...args);
    const child = await master.child(PYTHON).opened();
    expect(await child.call("len", "abcd")).toBe(4);
    await child.close();
  });

  test("what is printed before the marker is told as it comes", async () => {
    await using master = await open();
    const child = master.program(
      sh("echo Ü out; echo err >&2; read x; echo got $x"),
      bytes("me\n"),
    );
    expect(await child.event("ended")).toEqual(["ended", 0, null]);
    expect(child.text("noise")).toBe("Ü out\ngot me\n");
    expect(child.text("stderr")).toBe("err\n");
  });

  test("a held preamble waits for its line, and answers go before it", async () => {
    await using master = await open();
    const script = 'printf "Who? " >&2; read who; echo hi; echo ready $who; echo ready; cat';
    const child = master.program(sh(script), bytes("preamble"), { hold: "ready" });
    await child.event("stderr");
    child.order(SWITCH.WRITE, bytes("me\n"));
    await child.event("held");
    child.order(SWITCH.WRITE, bytes("too late"));
    child.order(SWITCH.CLOSE, null);
    await child.event("ended");
    expect(child.text("noise")).toBe("hi\nready me\npreamble");
  });

  test("a terminal carries the answer only", async () => {
    await using master = await open();
    const script = "printf 'Password: ' >/dev/tty; read -r x </dev/tty; echo ready; echo $x; cat";
    const child = master.program(sh(script), bytes("preamble"), { hold: "ready", pty: true });
    await child.event("stderr", ([, text]) => String(text).includes("Password:"));
    child.order(SWITCH.WRITE, bytes("secret\n"));
    await child.event("held");
    child.order(SWITCH.CLOSE, null);
    expect(await child.event("ended")).toEqual(["ended", 0, null]);
    expect(child.text("noise")).toBe("secret\npreamble");
  });

  test("a program that is missing has failed", async () => {
    await using master = await open();
    const missing = master.program(["no-such-program", "x"], NO_BYTES);
    const problem = "ENOENT: no such file or directory: no-such-program";
    expect(await missing.event("failed")).toEqual(["failed", problem]);
    const folder = master.program(["/etc"], NO_BYTES, { deaf: true });
    expect(await folder.event("failed")).toEqual(["failed", "EACCES: permission denied: /etc"]);
  });

  test("the end of a process is told with its status or signal, and its last words", async () => {
    await using master = await open();
    const failing = master.program(sh("echo why >&2; exit 7"), NO_BYTES);
    expect(await failing.event("ended")).toEqual(["ended", 7, null]);
    expect(failing.text("stderr")).toBe("why\n");
    const child = await master.child(PYTHON).opened();
    process.kill(Number(await child.call("os.getppid")), "SIGKILL");
    // The slave is left, and holds the pipes.
    expect(await child.event("ended")).toEqual(["ended", null, "SIGKILL"]);
  });

  test("a child that does not end is killed", async () => {
    await using master = await open();
    const child = master.program(sh('trap "" TERM; exec >&-; sleep 100 & wait; wait'), NO_BYTES);
    await child.event("closed");
    expect(await child.close("TERM")).toEqual(["ended", null, "SIGKILL"]);
  });

  test("bytes that are kept by a key are sent many times", async () => {
    await using master = await open();
    master.order(SWITCH.KEEP, ["a-key", bytes("kept ")]);
    const parts = [bytes("a "), "a-key", bytes("b"), "a-key"];
    const child = master.program(["cat"], parts);
    await child.event("noise");
    child.order(SWITCH.CLOSE, null);
    await child.event("ended");
    expect(child.text("noise")).toBe("a kept bkept ");
    const without = master.program(["cat"], [bytes("a "), "another-key"]);
    await without.event("failed");
  });

  test("a message is made of parts that are kept", async () => {
    await using master = await open();
    const child = await master.child(PYTHON).opened();
    const reply = master.mailbox();
    const text = JSON.stringify("x".repeat(300_000));
    master.order(SWITCH.KEEP, ["text", bytes(text)]);
    const call = [bytes('["len",['), "text", bytes("]]")];
    master.order(SWITCH.FORWARD, [child.id, 101, reply.handle, 0, call]);
    expect(await master.result(reply)).toBe(300_000);
    master.order(SWITCH.FORWARD, [HOP, 105, reply.handle, 0, [bytes('"to the hop"')]]);
    expect(await reply.value()).toBe("to the hop");
    await child.close();
    const sent = 300_000 + encodeValue(["len", [""]]).length;
    expect(child.wrote).toBeGreaterThanOrEqual(sent);
  });

  test("only whole frames of the child itself pass", async () => {
    await using master = await open();
    const inbox = master.mailbox();
    const { handle } = inbox;
    const good = (src: number, text: string) => rawFrame({ src, handle }, bytes(text));
    const child = master.speaker((id) => [
      good(id, '"one"'),
      rawFrame({ src: id, dst: HOP, handle }, bytes('"to the hop"')),
      rawFrame({ src: id, dst: HOP + SWITCH_BIT, handle: SWITCH.UNROUTE }, bytes("[1]")),
      rawFrame({ src: HOP, handle }, bytes('"as the hop"')),
      rawFrame({ src: id + 1, handle }, bytes('"as no context"')),
      rawFrame({ src: id, auth: 0, handle }, bytes('"by the master"')),
      rawFrame({ src: id, handle, flags: FLAGS.DEFLATE }, bytes("x")),
      good(id, JSON.stringify("x".repeat(200_000))),
      good(id, '"two"'),
    ]);
    expect(await inbox.value()).toBe("one");
    expect(await inbox.value()).toHaveLength(200_000);
    expect(await inbox.value()).toBe("two");
    const faults = child.told.filter(([kind]) => kind === "fault");
    expect(faults.map(([, src]) => src)).toEqual([
      child.id,
      child.id,
      HOP,
      child.id + 1,
      child.id,
      child.id,
    ]);
    await child.close();
  });

  for (const [what, lie] of [
    ["a frame that is too long", { length: 262_145 }],
    ["an unknown flag", { flags: 32 }],
  ] as const) {
    test(`${what} ends the child, and no other`, async () => {
      await using master = await open();
      const sibling = await master.child(PYTHON).opened();
      const inbox = master.mailbox();
      const { handle } = inbox;
      const child = master.speaker((id) => [
        rawFrame({ src: id, handle }, bytes('"before"')),
        rawFrame({ src: id, handle, ...lie }, bytes("x")),
        rawFrame({ src: id, handle }, bytes('"after"')),
      ]);
      await child.event("ended");
      expect(inbox.messages.map(({ body }) => Buffer.from(body).toString())).toEqual(['"before"']);
      const kinds = child.told.map(([kind]) => kind).filter((kind) => kind !== "stderr");
      expect(kinds).toEqual(["marked", "fault", "closed", "ended"]);
      expect(await sibling.call("len", "abc")).toBe(3);
      await sibling.close();
    });
  }

  test("faults are reported a hundred times a second at most", async () => {
    await using master = await open();
    const began = performance.now();
    const child = master.speaker((id) =>
      Array.from({ length: 5000 }, () => rawFrame({ src: id, dst: HOP })),
    );
    child.order(SWITCH.CLOSE, null);
    await child.event("ended");
    const seconds = Math.ceil((performance.now() - began) / 1000) + 1;
    const faults = child.told.filter(([kind]) => kind === "fault").length;
    expect(faults).toBeWithin(100, 100 * seconds + 1);
  });

  test("routes lead to a child of a child, and are forgotten", async () => {
    await using master = await open();
    const middle = await master.child(PYTHON).opened();
    master.install(middle.id, PYTHON);
    const leaf = master.child(PYTHON, {}, middle.id);
    // Not routed yet: what it says is refused.
    await middle.event("fault");
    master.order(SWITCH.ROUTE, [leaf.id, middle.id]);
    expect(await leaf.call("len", "abcde")).toBe(5);
    master.order(SWITCH.UNROUTE, [leaf.id]);
    const answer = master.startCall(leaf.id, "len", "abcdef");
    await middle.ping();
    expect(answer.messages).toEqual([]);
    await middle.close();
  });

  test("a ping overtakes what waits, and a cancel all but its own call", async () => {
    await using master = await open();
    const order = "read x; echo ready; exec od -An -v -tx1";
    const child = master.program(sh(order), bytes("preamble"), { hold: "ready" });
    const later = master.mailbox();
    const call = (reply: number) => master.send(child.id, 101, ["f"], reply);
    call(5001);
    call(5002);
    master.send(child.id, 1000, "x".repeat(100));
    master.send(child.id, 104, [5001, "cancelled"]);
    master.send(child.id, 104, [9999, "cancelled"]);
    master.send(child.id, 105, "ping", later.handle);
    child.order(SWITCH.WRITE, bytes("go\n"));
    await child.event("held");
    child.order(SWITCH.CLOSE, null);
    await child.event("ended");
    const written = Buffer.from(child.text("noise").replace(/\s/g, ""), "hex");
    expect(written.subarray(0, 8).toString()).toBe("preamble");
    const frames = [...new FrameReader().push(written.subarray(8))];
    expect(frames.map(({ handle, reply }) => [handle, reply])).toEqual([
      [104, 0],
      [105, later.handle],
      [101, 5001],
      [104, 0],
      [101, 5002],
      [1000, 0],
    ]);
  });

  test("a child that does not read holds up no other", async () => {
    await using master = await open();
    const sleeper = master.program(sh("echo up; exec sleep 1000"), NO_BYTES);
    await sleeper.event("noise");
    const sibling = await master.child(PYTHON).opened();
    master.message({ dst: sleeper.id, handle: 1000 }, [new Uint8Array(4 << 20)]);
    expect(await sibling.call("len", "abc")).toBe(3);
    // What its pipe takes, and no more.
    expect(sleeper.wrote).toBeLessThan(2 << 20);
    await sleeper.close("KILL");
    await sibling.close();
  });

  test("while the master does not read, children wait, and the hop does not grow", async () => {
    await using master = await open();
    const pid = Number(await master.call(HOP, hop.pid));
    const children: RawChild[] = [];
    for (let i = 0; i < 3; i++) children.push(await master.child(PYTHON).opened());
    const before = residentBytes(pid);
    master.pause();
    const answers = children.map((child) => child.call("bytearray", 60 << 20));
    await settled(() => residentBytes(pid));
    expect(residentBytes(pid) - before).toBeLessThan(12 << 20);
    master.resume();
    for (const answer of answers) expect(((await answer) as Uint8Array).length).toBe(60 << 20);
    for (const child of children) await child.close();
  });

  test("messages of children that speak at once come whole", async () => {
    await using master = await open();
    const children: RawChild[] = [];
    for (let i = 0; i < 4; i++) children.push(await master.child(PYTHON).opened());
    const sizes = [10, 40_000, 300_000, 3_000_000, 0, 1];
    const answers = sizes.flatMap((size) =>
      children.map(async (child) => {
        const value = (await child.call("bytearray", size)) as Uint8Array;
        return value.length === size;
      }),
    );
    expect(new Set(await Promise.all(answers))).toEqual(new Set([true]));
    for (const child of children) await child.close();
  });

  test("a large message reaches a child as it is", async () => {
    await using master = await open();
    const child = await master.child(PYTHON).opened();
    const data = crypto.getRandomValues(new Uint8Array(65536));
    const big = Buffer.concat(Array.from({ length: 40 }, () => data));
    expect(await child.call("zlib.crc32", big)).toBe(Bun.hash.crc32(big));
    await child.event("wrote");
    await child.close();
  });

  test("children end with the hop", async () => {
    const master = await open();
    const child = await master.child(PYTHON).opened();
    const pid = Number(await child.call("os.getpid"));
    await master[Symbol.asyncDispose]();
    await gone(pid);
  });

  test("a child becomes another context over the same pipes", async () => {
    await using master = await open();
    const script = 'read a; echo "$a"; cat >/dev/null & read b; echo "$b"; exec cat';
    const nonces = [newNonce(), newNonce()] as const;
    const [first, second] = nonces.map((nonce) => `econtext/1 ${nonce}\n`);
    const next = master.newContext(PYTHON);
    const events = [master.mailbox(), master.mailbox()] as const;
    const old = master.newContext(PYTHON);
    const start = [old, sh(script), bytes(first ?? ""), nonces[0], {}];
    master.order(SWITCH.START, start, events[0].handle);
    await events[0].until((messages) => messages.some(({ body }) => isEvent(body, "marked")));
    const inbox = master.mailbox();
    const speech = rawFrame({ src: next, handle: inbox.handle }, bytes('"from the next"'));
    const input = Buffer.concat([bytes(second ?? ""), speech]);
    master.order(SWITCH.RESTART, [old, next, input, nonces[1]], events[1].handle);
    await events[1].until((messages) => messages.some(({ body }) => isEvent(body, "marked")));
    expect(await inbox.value()).toBe("from the next");
    master.order(SWITCH.CLOSE, [next, null]);
    await events[1].until((messages) => messages.some(({ body }) => isEvent(body, "ended")));
    expect(events[0].messages.some(({ body }) => isEvent(body, "ended"))).toBe(false);
  });

  test("an order that makes no sense harms nothing", async () => {
    await using master = await open();
    const child = await master.child(PYTHON).opened();
    const events = master.mailbox();
    master.order(SWITCH.START, [child.id, ["cat"], NO_BYTES, "n", {}], events.handle);
    expect(await events.value()).toEqual(["failed", expect.stringContaining("already")]);
    master.order(SWITCH.START, ["x"], events.handle);
    expect(await events.value()).toEqual(["failed", expect.any(String)]);
    for (const words of [[], [77], [77, "TERM"], "text", { a: 1 }]) {
      for (const operation of Object.values(SWITCH)) {
        if (operation !== SWITCH.START) master.order(operation, words);
      }
    }
    master.order(99, []);
    expect(await child.call("len", "abc")).toBe(3);
    await child.close();
  });
}

function isEvent(body: Uint8Array, kind: string): boolean {
  return Buffer.from(body).toString().startsWith(`["${kind}"`);
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1024;
}

/** Waits until a number changes no more. */
async function settled(look: () => number): Promise<void> {
  for (let before = -1, now = look(); now !== before; now = look()) {
    before = now;
    await Bun.sleep(200);
  }
}

export async function gone(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}`)) await Bun.sleep(10);
}
