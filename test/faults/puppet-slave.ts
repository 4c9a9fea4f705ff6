/**
 * A slave that does what the test tells it, right or wrong: the program behind `Puppet`
 * (puppet.ts). It takes the real preamble from standard input, takes the nonce out of BOOT, and
 * then serves calls to functions that no core has: `raw`, `ask`, … It reads and writes without an
 * event loop, so that what a test orders happens in that order.
 *
 * Arguments: MODE, then what the first stage is given.
 */
import { spawn } from "node:child_process";
import { readSync, writeSync } from "node:fs";
import { encodeMessage, type Message } from "../../src/protocol/frame.ts";
import { FrameReader } from "../../src/protocol/frame-reader.ts";
import { HANDLES } from "../../src/protocol/handles.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { decodeValue, encodeValue } from "../../src/protocol/value.ts";

type Verb = (call: Message, ...args: never[]) => unknown;

const mode = process.argv[2] ?? "";
const reader = new FrameReader();
const inbox: Message[] = [];
let me = 0;
let nextReply = 5000;

/** At least one byte; ends the process at the end of input. */
function read(size: number): Uint8Array {
  const chunk = new Uint8Array(size);
  for (;;) {
    try {
      const n = readSync(0, chunk);
      if (n === 0) process.exit(0);
      return chunk.subarray(0, n);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") process.exit(0);
      Bun.sleepSync(1);
    }
  }
}

function write(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") process.exit(0);
      Bun.sleepSync(1);
    }
  }
}

function send(envelope: Partial<Message>, body: Uint8Array): void {
  const whole = { dst: 0, src: me, auth: me, handle: 0, reply: 0, flags: 0, ...envelope };
  for (const frame of encodeMessage(whole, [body], { ...LIMITS, maxMessageBytes: 2 ** 40 })) {
    write(Buffer.concat([...frame]));
  }
}

function receive(): Message {
  for (;;) {
    const message = inbox.shift();
    if (message !== undefined) return message;
    inbox.push(...reader.push(read(65536)));
  }
}

function bytesOf(value: unknown): Uint8Array {
  return Buffer.concat([...encodeValue(value).chunks]);
}

function holdForEver(): never {
  for (const name of ["SIGTERM", "SIGINT", "SIGHUP", "SIGPIPE"]) process.on(name, () => {});
  for (;;) Bun.sleepSync(1000);
}

const VERBS: Record<string, Verb> = {
  /** Write bytes as they are, so many times. */
  raw(_call, bytes: Uint8Array, times: number) {
    const many = Math.max(1, Math.floor(262144 / bytes.length));
    const block = Buffer.concat(Array.from({ length: Math.min(many, times) }, () => bytes));
    let left = times;
    for (; left >= many; left -= many) write(block);
    for (; left > 0; left--) write(bytes);
  },
  /** Send a message with any header. */
  message(_call, envelope: Partial<Message>, body: Uint8Array) {
    send(envelope, body);
  },
  /** Send a value to a handle of the master; returns the answer's flags and body. */
  ask(_call, handle: number, value: unknown) {
    const reply = nextReply++;
    send({ handle, reply }, bytesOf(value));
    for (;;) {
      const answer = receive();
      if (answer.handle === reply) return [answer.flags, answer.body];
    }
  },
  /** Answer this call with a body of the test's making. */
  answer(call, flags: number, body: Uint8Array) {
    send({ handle: call.reply, flags }, body);
    return answered;
  },
  /** What this call's reply-to is. */
  handle: (call) => call.reply,
  pid: () => process.pid,
  /** Write for ever, and never read again. */
  flood(_call, bytes: Uint8Array) {
    for (;;) write(bytes);
  },
  /** Never read, write or end again. */
  stay: () => holdForEver(),
  /**
   * The same, and a process of another session holds our outputs too. Ends by itself after a while.
   */
  haunt(_call, seconds: string) {
    spawn("sleep", [seconds], { detached: true, stdio: ["ignore", "inherit", "inherit"] });
    process.kill(process.pid, "SIGKILL");
  },
};

const answered = Symbol("answered");

const size = Number(process.argv.at(-1));
for (let left = size; left > 0; ) left -= read(left).length;
if (mode === "silent") holdForEver();
if (mode === "noise") for (;;) write(new TextEncoder().encode("\x1b[31mHello!\x1b[0m\n"));

const boot = receive();
me = boot.dst;
const [, nonce] = decodeValue(boot.body) as [number, string];
if (mode === "last words") {
  process.stderr.write("\x1b]0;owned\x07 cannot \x1b[31mgo on\n");
  process.exit(7);
}
write(new TextEncoder().encode(`noise\necontext/1 ${nonce}\n`));
const pid = mode.startsWith("pid ") ? Number(mode.slice(4)) : process.pid;
send({ handle: boot.reply }, bytesOf(["python", "3.\x1b[31m", pid, "\x1b[31m"]));

for (;;) {
  const call = receive();
  if (call.handle === HANDLES.PING) send({ handle: call.reply }, call.body);
  if (call.handle !== HANDLES.CALL_FUNCTION) continue;
  if (call.flags !== 0) process.exit(0);
  const [name, args] = decodeValue(call.body) as [string, never[]];
  const result = VERBS[name]?.(call, ...args);
  if (result !== answered) send({ handle: call.reply }, bytesOf(result ?? null));
}
