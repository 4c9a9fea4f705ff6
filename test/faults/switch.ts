/**
 * The table that every switch passes, in whatever language the hop is: each order, each event, and
 * what may pass. The test is the master, and sees every frame.
 */
import { expect, test } from "bun:test";
import type { Plan } from "../../src/interpreters/plan.ts";
import { encodeValue } from "../../src/protocol/value.ts";
import { HOP, RawMaster, SWITCH } from "../helpers/raw-master.ts";

/** What the rows call in a hop, in its language. */
export interface Hop {
  readonly plan: Plan;
  /** A function that keeps its thread until the context ends, and its arguments. */
  readonly hang: readonly [name: unknown, ...args: unknown[]];
}

const PYTHON: Plan = { wants: "python" };
const JAVASCRIPT: Plan = { wants: "javascript", kind: "bun", path: process.execPath };
const NO_BYTES = new Uint8Array(0);

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const sh = (script: string): string[] => ["sh", "-c", script];

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
    master.order(SWITCH.DROP, ["a-key"]);
    const without = master.program(["cat"], parts);
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
}
