/** ClientHost: a command's host at the other end of a socket. The wire notes what it is sent. */
import { expect, test } from "bun:test";
import { ANSWER, answerOf } from "../../src/cli/up/answer.ts";
import { ClientHost } from "../../src/cli/up/client-host.ts";
import type { Greeting } from "../../src/up/greeting.ts";
import { FRAME, type Wire } from "../../src/up/wire.ts";

const stream = { isTerminal: false, coloured: false };
const GREETING: Greeting = {
  ...{
    identity: "",
    sentAt: 0,
    args: [],
    env: {},
    folder: "/work",
    umask: 0o22,
    groups: [0],
    parent: 1,
  },
  ...{
    stdin: { isTerminal: false, isEmpty: false, isReadable: true },
    stdout: stream,
    stderr: stream,
  },
  hasPerson: true,
};
const question = {
  context: "web1",
  host: "web1",
  user: "bea",
  kind: "password" as const,
  prompt: "Password: ",
  isVisible: false,
  isAgain: false,
} as const;

function open() {
  const sent: number[] = [];
  const wire = { send: (type: number) => void sent.push(type) } as unknown as Wire;
  return { host: new ClientHost(GREETING, wire), sent };
}

function written(stream: number, bytes: number): Uint8Array {
  const frame = Buffer.alloc(5, stream);
  frame.writeUInt32LE(bytes, 1);
  return frame;
}

test("an answer outlives the buffer that it came in, which is overwritten", async () => {
  const { host, sent } = open();
  const asked = host.person?.ask(question, new AbortController().signal);
  expect(sent).toEqual([FRAME.ask]);
  const buffer = Buffer.from(answerOf(1, ANSWER.given, Buffer.from("s3cret")));
  host.receive(FRAME.answer, buffer);
  expect(buffer.every((byte) => byte === 0)).toBe(true);
  expect(Buffer.from((await asked)?.line() ?? []).toString()).toBe("s3cret\n");
});

test("a question that is withdrawn ends at once, and its late answer is for no other", async () => {
  const { host, sent } = open();
  const over = new AbortController();
  const first = host.person?.ask(question, over.signal);
  const second = host.person?.ask(question, new AbortController().signal);
  over.abort();
  expect(await first).toBeUndefined();
  expect(sent).toEqual([FRAME.ask, FRAME.ask, FRAME.withdraw]);
  const late = answerOf(1, ANSWER.given, Buffer.from("late"));
  host.receive(FRAME.answer, late);
  expect(late.every((byte) => byte === 0)).toBe(true);
  host.receive(FRAME.answer, answerOf(2, ANSWER.given, Buffer.from("s3cret")));
  expect(Buffer.from((await second)?.line() ?? []).toString()).toBe("s3cret\n");
  // It was answered: there is nothing to withdraw.
  const answered = new AbortController();
  const third = host.person?.ask(question, answered.signal);
  host.receive(FRAME.answer, answerOf(3, ANSWER.none));
  answered.abort();
  expect(await third).toBeUndefined();
  expect(sent.filter((type) => type === FRAME.withdraw).length).toBe(1);
});

test("no question waits for a process that is gone", async () => {
  const { host } = open();
  const { signal } = new AbortController();
  const asked = host.person?.ask(question, signal);
  host.gone();
  await expect(asked).rejects.toMatchObject({ code: "ERR_CANCELLED" });
  await expect(host.person?.ask(question, signal)).rejects.toMatchObject({ code: "ERR_CANCELLED" });
});

test("an input that cannot be read is an error, and no end", async () => {
  const { host, sent } = open();
  const read = host.stdin.bytes();
  expect(sent).toEqual([FRAME.read]);
  host.receive(FRAME.end, Buffer.from("EIO: i/o error, read"));
  await expect(read).rejects.toThrow("EIO: i/o error, read");
});

test("writes wait while much is under way, and fail when the reader is gone", async () => {
  const { host } = open();
  await host.stdout.write("small");
  let isOver = false;
  const much = host.stdout.write(new Uint8Array(1 << 20)).then(() => {
    isOver = true;
  });
  host.receive(FRAME.written, written(1, 5));
  await Bun.sleep(0);
  expect(isOver).toBe(false);
  host.receive(FRAME.written, written(1, 1 << 20));
  await much;
  const failed = { stream: 1, code: "EPIPE", message: "no reader" };
  host.receive(FRAME.failed, Buffer.from(JSON.stringify(failed)));
  await expect(host.stdout.write("more")).rejects.toMatchObject({ code: "EPIPE" });
  await host.stderr.write("still");
});

test("a command whose process is gone hears SIGTERM twice; signals have their default action", () => {
  const { host, sent } = open();
  host.receive(FRAME.signal, Buffer.from("SIGWINCH"));
  expect(sent).toEqual([]);
  host.receive(FRAME.signal, Buffer.from("SIGINT"));
  host.receive(FRAME.signal, Buffer.from("SIGTSTP"));
  expect(sent).toEqual([FRAME.die, FRAME.stop]);
  let heard = 0;
  host.signals.on("SIGTERM", () => {
    heard += 1;
  });
  host.gone();
  expect([heard, host.isGone]).toEqual([2, true]);
});

test("input is asked for piece by piece", async () => {
  const { host, sent } = open();
  const input = host.stdin.bytes();
  host.receive(FRAME.data, Buffer.from("one "));
  await Bun.sleep(0);
  host.receive(FRAME.data, Buffer.from("two"));
  await Bun.sleep(0);
  host.receive(FRAME.end, new Uint8Array());
  expect(Buffer.from(await input).toString()).toBe("one two");
  expect(sent).toEqual([FRAME.read, FRAME.read, FRAME.read]);
});
