/**
 * A slave with a master that does nothing by itself: it answers for modules, and keeps what comes
 * to each handle for a test to look at. So a test can hold credit back, or say what no master of
 * ours would.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { JS_TIER2, PYTHON_TIER2 } from "../../src/interpreters/embedded.ts";
import { firstStage } from "../../src/interpreters/first-stage.ts";
import type { Plan } from "../../src/interpreters/plan.ts";
import {
  type Envelope,
  encodeMessage,
  FLAGS,
  HEADER_BYTES,
  type Message,
} from "../../src/protocol/frame.ts";
import { FrameReader } from "../../src/protocol/frame-reader.ts";
import { HANDLES } from "../../src/protocol/handles.ts";
import {
  decodeValue,
  encodeValue,
  GeneratorReference,
  SenderReference,
} from "../../src/protocol/value.ts";
import { packedRecords } from "../helpers/module-messages.ts";
import { preambleOf } from "./stage.ts";

export const SLAVE = 1;
export const OVERHEAD = 24;
const REPLY_READY = 1000;
const MARKER_BYTES = "econtext/1 \n".length + 22;

/** One handle of the master's: what came to it. */
export class Mailbox {
  readonly handle: number;
  readonly messages: Message[] = [];
  #changed = Promise.withResolvers<void>();

  constructor(handle: number) {
    this.handle = handle;
  }

  put(message: Message): void {
    this.messages.push(message);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Resolves with what `look` says, when that is something. */
  async until<T>(look: (messages: readonly Message[]) => T | undefined | false): Promise<T> {
    for (;;) {
      const seen = look(this.messages);
      if (seen !== undefined && seen !== false) return seen;
      await this.#changed.promise;
    }
  }

  /** The next message, taken out. */
  async next(): Promise<Message> {
    await this.until((messages) => messages.length > 0);
    return this.messages.shift() as Message;
  }

  /** The next message's value. */
  async value(): Promise<unknown> {
    return decodeValue((await this.next()).body);
  }
}

/**
 * A sender of the test's own: R is the slave's. Credit is counted, and kept to unless the test does
 * not.
 */
export class RawSender {
  readonly credits: Mailbox;
  readonly #slave: RawSlave;
  readonly #handle: number;
  #opened = false;

  constructor(slave: RawSlave, reference: unknown) {
    this.#slave = slave;
    this.#handle = (reference as SenderReference).handle;
    this.credits = slave.mailbox();
  }

  send(value: unknown): number {
    if (!this.#opened) this.#slave.send(this.#handle, this.credits.handle);
    this.#opened = true;
    return this.#slave.send(this.#handle, value) + OVERHEAD;
  }

  async sendHaltingly(value: unknown, pauseMs: number): Promise<number> {
    return (await this.#slave.sendHaltingly(this.#handle, value, pauseMs)) + OVERHEAD;
  }

  close(error: unknown = null): void {
    this.#slave.send(this.#handle, error, FLAGS.DEAD);
  }
}

/** Modules beside this file. In JavaScript they are modules of the second tier. */
const FIXTURES = ["channels_fixture"];

export class RawSlave implements AsyncDisposable {
  readonly #child;
  readonly #mailboxes = new Map<number, Mailbox>();
  readonly #reader = new FrameReader();
  readonly logs: string[] = [];
  readonly #module: (name: string) => unknown;
  #reading = Promise.resolve();
  #next = REPLY_READY;

  /**
   * @param piped through pipes, as sshd does it, and not through the sockets that Bun gives a child
   */
  constructor(plan: Plan, piped = false) {
    this.#module = plan.wants === "python" ? pythonModule : javascriptModule;
    const argv = firstStage(plan);
    this.#child = Bun.spawn(piped ? ["sh", "-c", 'cat | "$@" | cat', "sh", ...argv] : argv, {
      stdio: ["pipe", "pipe", "inherit"],
      detached: true,
    });
    this.#child.stdin.write(preambleOf(plan, "test"));
    void this.#read();
  }

  async ready(): Promise<this> {
    await this.mailbox().next();
    return this;
  }

  mailbox(): Mailbox {
    const mailbox = new Mailbox(this.#next++);
    this.#mailboxes.set(mailbox.handle, mailbox);
    return mailbox;
  }

  /** What tells the slave to send there. */
  given(mailbox: Mailbox): SenderReference {
    return new SenderReference(0, mailbox.handle);
  }

  /**
   * @param dst the context that the message is for: another one is behind the slave
   * @returns how long its body is
   */
  send(handle: number, value: unknown, flags = 0, reply = 0, dst = SLAVE): number {
    const { chunks, length } = encodeValue(value);
    this.#write({ dst, src: 0, auth: 0, handle, reply, flags }, chunks);
    return length;
  }

  #write(envelope: Envelope, chunks: readonly Uint8Array[]): void {
    for (const frame of encodeMessage(envelope, chunks)) {
      for (const chunk of frame) this.#child.stdin.write(chunk.slice());
    }
    void this.#child.stdin.flush();
  }

  /** Sends the program for the frames for other contexts. */
  install(program: string): void {
    const body = new TextEncoder().encode(program);
    this.#write({ dst: SLAVE + 1, src: 0, auth: 0, handle: 0, reply: 0, flags: 0 }, [body]);
  }

  /** Like `send`, but nothing comes for so long behind each frame's header. */
  async sendHaltingly(handle: number, value: unknown, pauseMs: number): Promise<number> {
    const { chunks, length } = encodeValue(value);
    const envelope = { dst: SLAVE, src: 0, auth: 0, handle, reply: 0, flags: 0 };
    for (const frame of encodeMessage(envelope, chunks)) {
      const bytes = Buffer.concat(frame as Uint8Array[]);
      this.#child.stdin.write(bytes.subarray(0, HEADER_BYTES));
      await this.#child.stdin.flush();
      await Bun.sleep(pauseMs);
      this.#child.stdin.write(bytes.subarray(HEADER_BYTES));
    }
    void this.#child.stdin.flush();
    return length;
  }

  /** Starts a call. @returns where its answer comes */
  start(name: string | readonly string[], ...args: unknown[]): Mailbox {
    const reply = this.mailbox();
    this.send(HANDLES.CALL_FUNCTION, [name, args], 0, reply.handle);
    return reply;
  }

  async call(name: string, ...args: unknown[]): Promise<unknown> {
    const { flags, body } = await this.start(name, ...args).next();
    const value = decodeValue(body);
    if (flags & FLAGS.ERROR) throw new Error((value as string[]).slice(0, 2).join(": "));
    return value;
  }

  cancel(reply: Mailbox): void {
    this.send(HANDLES.CANCEL, [reply.handle, "cancelled"]);
  }

  /** From now on, what the slave sends fills its pipe. @returns what reads on */
  pause(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reading = promise;
    return resolve;
  }

  /** Closes CALL_FUNCTION. @returns the slave's status, when it has ended */
  close(): Promise<number> {
    this.send(HANDLES.CALL_FUNCTION, null, FLAGS.DEAD);
    return this.#child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.end();
    await this.#child.exited;
  }

  async #read(): Promise<void> {
    let skip = MARKER_BYTES;
    for await (const chunk of this.#child.stdout) {
      const skipped = Math.min(skip, chunk.length);
      skip -= skipped;
      for (const message of this.#reader.push(chunk.subarray(skipped))) this.#hear(message);
      await this.#reading;
    }
  }

  #answer(reply: number, name: string): void {
    const records = packedRecords([this.#module(name)]);
    const flags = FLAGS.DEFLATE;
    this.#write({ dst: SLAVE, src: 0, auth: 0, handle: reply, reply: 0, flags }, [records]);
  }

  #hear(message: Message): void {
    const { handle, reply, body } = message;
    if (handle === HANDLES.GET_MODULE) this.#answer(reply, String(decodeValue(body)));
    else if (handle === HANDLES.FORWARD_LOG)
      this.logs.push(String((decodeValue(body) as string[])[2]));
    else this.#mailboxes.get(handle)?.put(message);
  }
}

function pythonModule(name: string): unknown {
  if (name === "") return ["", "", true, FIXTURES, ""];
  const own = PYTHON_TIER2[name.replace("econtext.", "")];
  const source = FIXTURES.includes(name) ? fixture(`${name}.py`) : own;
  return source === undefined ? [name] : [name, `${name}.py`, false, null, source];
}

function javascriptModule(name: string): unknown {
  const stem = name.replace("econtext.", "");
  const source = FIXTURES.includes(stem) ? fixture(`${stem}.js`) : JS_TIER2[stem];
  return source === undefined ? [name] : [name, "", "tier", {}, source];
}

const fixture = (file: string): string => readFileSync(join(import.meta.dir, file), "utf8");

export { FLAGS, GeneratorReference, SenderReference };
