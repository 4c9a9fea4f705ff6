/**
 * A slave that does what the test tells it, right or wrong: the program behind `Puppet`
 * (puppet.ts). It takes the real preamble from standard input, takes the nonce out of BOOT, and
 * then serves calls to functions that no core has: `raw`, `ask`, … It reads and writes without an
 * event loop, so that what a test orders happens in that order.
 *
 * Arguments: MODE, then what the first stage is given.
 */
import { spawn } from "node:child_process";
import { closeSync, readSync, writeSync } from "node:fs";
import { encodeMessage, FLAGS, type Message } from "../../src/protocol/frame.ts";
import { FrameReader } from "../../src/protocol/frame-reader.ts";
import { HANDLES, PROTOCOL_VERSION } from "../../src/protocol/handles.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { decodeValue, encodeValue } from "../../src/protocol/value.ts";

type Verb = (call: Message, ...args: never[]) => unknown;

const mode = process.argv[2] ?? "";
const reader = new FrameReader();
const inbox: Message[] = [];
const orders: unknown[] = [];
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
  /** Orders for the switch of this slave, as a hop gets them, since it was last asked. */
  orders: () => orders.splice(0),
  /** Write for ever, and never read again. */
  flood(_call, bytes: Uint8Array) {
    for (;;) write(bytes);
  },
  /** Never read, write or end again. */
  stay: () => holdForEver(),
  /** The same, with its output closed. */
  silence() {
    closeSync(1);
    holdForEver();
  },
  /**
   * The same, and a process of another session holds our outputs too. Ends by itself after a while.
   */
  haunt(_call, seconds: string) {
    spawn("sleep", [seconds], { detached: true, stdio: ["ignore", "inherit", "inherit"] });
    process.kill(process.pid, "SIGKILL");
  },
};

const answered = Symbol("answered");

/** What BOOT says. */
interface Boot {
  readonly nonce: string;
  /** Where the answer goes. */
  readonly reply: number;
}

const TEXT = new TextEncoder();

function print(text: string): void {
  write(TEXT.encode(text));
}

function marker(nonce: string, version = PROTOCOL_VERSION): string {
  return `econtext/${String(version)} ${nonce}\n`;
}

/** Prints the marker, and answers BOOT with any value. */
function answerBoot({ nonce, reply }: Boot, value: unknown, envelope: Partial<Message> = {}): void {
  print(marker(nonce));
  send({ handle: reply, ...envelope }, bytesOf(value));
}

/** A right answer. */
function info(kind = "python", pid: unknown = process.pid): unknown[] {
  return [kind, "3.\x1b[31m", pid, "\x1b[31m"];
}

/**
 * Ways to begin, by name: what the slave does after the preamble and before it takes calls. The
 * first ones are right, the others are not. A function that returns lets the slave take calls.
 */
const BOOTS: Record<string, (boot: Boot) => void> = {
  "": (boot) => {
    print("noise\n");
    answerBoot(boot, info());
  },
  "garbage before the marker": (boot) => {
    write(Uint8Array.from({ length: 5000 }, (_, i) => i));
    print(`\0${marker("x".repeat(22))}${marker(boot.nonce).slice(0, -2)}`);
    answerBoot(boot, info());
  },
  "marker in pieces": (boot) => {
    for (const character of marker(boot.nonce).slice(0, -1)) {
      print(character);
      Bun.sleepSync(2);
    }
    print("\n");
    send({ handle: boot.reply }, bytesOf(info()));
  },
  "answer in pieces": (boot) => {
    print(marker(boot.nonce));
    const envelope = { dst: 0, src: me, auth: me, handle: boot.reply, reply: 0, flags: 0 };
    for (const frame of encodeMessage(envelope, [bytesOf(info())])) {
      for (const byte of Buffer.concat([...(frame as Uint8Array[])])) {
        write(Uint8Array.of(byte));
        Bun.sleepSync(1);
      }
    }
  },
  silent: () => holdForEver(),
  "silence after the marker": ({ nonce }) => {
    print(marker(nonce));
    holdForEver();
  },
  noise: () => {
    for (;;) print("\x1b[31mHello!\x1b[0m\n");
  },
  "last words": () => {
    process.stderr.write("\x1b]0;owned\x07 cannot \x1b[31mgo on\n");
    process.exit(7);
  },
  "wrong nonce": ({ nonce }) => {
    print(marker(`${nonce.slice(0, -1)}!`));
    process.exit(0);
  },
  "another version": ({ nonce }) => {
    print(marker(nonce, PROTOCOL_VERSION + 1));
    process.exit(0);
  },
  "half a marker": ({ nonce }) => {
    print(marker(nonce).slice(0, -1));
    process.exit(0);
  },
  "end after the marker": ({ nonce }) => {
    print(marker(nonce));
    process.exit(3);
  },
  "half an answer": ({ nonce }) => {
    print(marker(nonce));
    write(new Uint8Array(23));
    process.exit(3);
  },
  "end after the answer": (boot) => {
    answerBoot(boot, info());
    process.exit(4);
  },
  "garbage after the marker": ({ nonce }) => {
    print(`${marker(nonce)}${"\xff".repeat(100)}`);
    holdForEver();
  },
  "answer that is no list": (boot) => answerBoot(boot, "ready"),
  "answer that is too short": (boot) => answerBoot(boot, info().slice(0, 3)),
  "answer of no value": ({ nonce, reply }) => {
    print(marker(nonce));
    send({ handle: reply }, TEXT.encode("{"));
  },
  "text for a pid": (boot) => answerBoot(boot, info("python", "1")),
  "unknown kind": (boot) => answerBoot(boot, info("\x1b[31mruby")),
  "another language": (boot) => answerBoot(boot, info("bun")),
  "answer of another context": (boot) => {
    answerBoot(boot, info(), { src: me + 1, auth: me + 1 });
    holdForEver();
  },
  "answer to another handle": (boot) => {
    answerBoot(boot, info(), { handle: 99_999 });
    holdForEver();
  },
  "compressed answer": (boot) => {
    answerBoot(boot, info(), { flags: FLAGS.DEFLATE });
    holdForEver();
  },
};

const size = Number(process.argv.at(-1));
for (let left = size; left > 0; ) left -= read(left).length;
const message = receive();
me = message.dst;
const [, nonce] = decodeValue(message.body) as [number, string];
const boot = { nonce, reply: message.reply };
if (mode.startsWith("pid ")) answerBoot(boot, info("python", Number(mode.slice(4))));
else if (mode in BOOTS) BOOTS[mode]?.(boot);
else throw new Error(`no way to begin: ${mode}`);

for (;;) {
  const call = receive();
  // The program of the switch, and orders for it.
  if (call.dst !== me) {
    const isProgram = call.handle === HANDLES.BOOT;
    orders.push([call.handle, call.reply, isProgram ? null : decodeValue(call.body)]);
    continue;
  }
  if (call.handle === HANDLES.PING) send({ handle: call.reply }, call.body);
  if (call.handle !== HANDLES.CALL_FUNCTION) continue;
  if (call.flags !== 0) process.exit(0);
  const [name, args] = decodeValue(call.body) as [string, never[]];
  const result = VERBS[name]?.(call, ...args);
  if (result !== answered) send({ handle: call.reply }, bytesOf(result ?? null));
}
