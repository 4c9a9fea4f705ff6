/**
 * A master that does nothing by itself but serve modules. It starts one hop, gives orders to the
 * hop's switch, and keeps what comes to each handle for a test to look at. So a test sees every
 * event and every frame, and can say what no master of ours would.
 *
 * A hop is any interpreter (`Plan`), and so is each of its children.
 */
import { join } from "node:path";
import { JS_TIER2, PYTHON_TIER2 } from "../../src/interpreters/embedded.ts";
import { firstStage } from "../../src/interpreters/first-stage.ts";
import { languageOfPlan, type Plan } from "../../src/interpreters/plan.ts";
import { preamble } from "../../src/interpreters/preamble.ts";
import { switchPrograms } from "../../src/launch/hop.ts";
import { encodeMessage, FLAGS, HEADER_BYTES, type Message } from "../../src/protocol/frame.ts";
import { FrameReader } from "../../src/protocol/frame-reader.ts";
import { HANDLES, SWITCH, SWITCH_BIT } from "../../src/protocol/handles.ts";
import { decodeValue, encodeValue } from "../../src/protocol/value.ts";
import { Mailbox } from "../stage1/raw-slave.ts";
import { packedRecords } from "./module-messages.ts";

export { SWITCH, SWITCH_BIT };

export const HOP = 1;
const PUPPET = join(import.meta.dir, "../fixtures/faults/puppet_child.py");
const FIRST_HANDLE = 1000;

/** An event of a switch, such as `["wrote", 70000]`. */
export type RawEvent = readonly [kind: string, ...words: unknown[]];

export interface StartOptions {
  readonly hold?: string;
  readonly deaf?: boolean;
  readonly pty?: boolean;
}

/** A frame with any header; `length` may lie. */
export function rawFrame(
  header: Partial<Message> & { readonly length?: number },
  body: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const { dst = 0, src = 0, auth = src, handle = 0, reply = 0, flags = 0 } = header;
  const bytes = Buffer.alloc(HEADER_BYTES + body.length);
  [dst, src, auth, handle, reply].forEach((field, i) => {
    bytes.writeUInt32BE(field, 4 * i);
  });
  bytes.writeUInt32BE(((flags << 24) | (header.length ?? body.length)) >>> 0, 20);
  bytes.set(body, HEADER_BYTES);
  return bytes;
}

/** @returns 22 characters, different each time */
export function newNonce(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url");
}

export class RawMaster implements AsyncDisposable {
  readonly logs: string[] = [];
  /** Messages for handles that no mailbox has. */
  readonly strays = new Mailbox(0);
  readonly #process;
  readonly #mailboxes = new Map<number, Mailbox>();
  readonly #reader = new FrameReader();
  readonly #languages = new Map<number, "python" | "javascript">();
  readonly #plan: Plan;
  #next = FIRST_HANDLE;
  /** While it is set, nothing is read from the hop. */
  #paused: PromiseWithResolvers<void> | undefined;
  #nextContext = HOP;
  /** Whether the hop can make connections. */
  #connects = false;

  /** @param first what a shell does before it starts the hop */
  constructor(plan: Plan, env: Record<string, string | undefined> = process.env, first = ":") {
    this.#plan = plan;
    const argv = firstStage(plan);
    this.#process = Bun.spawn(["sh", "-c", `${first}; cat | "$@" | cat`, "sh", ...argv], {
      stdio: ["pipe", "pipe", "inherit"],
      detached: true,
      env,
    });
  }

  /** Starts the hop, and installs its switch. @param programs how many programs of the switch */
  async open(lease = 0, programs = 2): Promise<this> {
    const ready = this.mailbox();
    const nonce = newNonce();
    const boot = this.#boot(this.newContext(this.#plan), nonce, lease);
    this.write(preamble(boot, this.#plan, ready.handle));
    void this.#read(`econtext/1 ${nonce}\n`);
    await ready.next();
    this.install(HOP, this.#plan, 0, programs);
    return this;
  }

  /** Sends the programs of the switch, or those from `begin` to before `end`. */
  install(hop: number, plan: Plan, begin = 0, end = 2): void {
    for (const program of switchPrograms(languageOfPlan(plan) ?? "python").slice(begin, end)) {
      this.message({ dst: hop + SWITCH_BIT, handle: HANDLES.BOOT }, [program]);
    }
  }

  /** @returns the id of a context that is not started yet */
  newContext(plan: Plan): number {
    const id = this.#nextContext++;
    this.#languages.set(id, languageOfPlan(plan) ?? "python");
    return id;
  }

  mailbox(): Mailbox {
    const mailbox = new Mailbox(this.#next++);
    this.#mailboxes.set(mailbox.handle, mailbox);
    return mailbox;
  }

  /** Sends one message: `body` as it is. */
  message(envelope: Partial<Message>, body: readonly Uint8Array[]): void {
    const whole = { dst: HOP, src: 0, auth: 0, handle: 0, reply: 0, flags: 0, ...envelope };
    for (const frame of encodeMessage(whole, body)) {
      for (const chunk of frame) this.write(chunk);
    }
  }

  send(dst: number, handle: number, value: unknown, reply = 0, flags = 0): void {
    this.message({ dst, handle, reply, flags }, encodeValue(value).chunks);
  }

  /** Gives an order to the switch of a hop. */
  order(operation: number, value: unknown, reply = 0, hop = HOP): void {
    this.send(hop + SWITCH_BIT, operation, value, reply);
  }

  write(bytes: Uint8Array): void {
    this.#process.stdin.write(bytes.slice());
    void this.#process.stdin.flush();
  }

  /** Has a hop start an interpreter. */
  child(plan: Plan, options: StartOptions = {}, hop = HOP): RawChild {
    const id = this.newContext(plan);
    const nonce = newNonce();
    const events = this.mailbox();
    const ready = this.mailbox();
    const bytes = preamble(this.#boot(id, nonce, 0), plan, ready.handle);
    this.order(SWITCH.START, [id, firstStage(plan), bytes, nonce, options], events.handle, hop);
    return new RawChild(this, id, nonce, events, ready);
  }

  /** Has the hop start any program, which gets `input` as its preamble. */
  program(argv: readonly string[], input: unknown, options: StartOptions = {}): RawChild {
    const nonce = newNonce();
    return this.#program(argv, input, options, nonce);
  }

  /** Has the hop start a child that says the marker, and then just these bytes. */
  speaker(speech: (id: number) => readonly Uint8Array[]): RawChild {
    const nonce = newNonce();
    const marker = new TextEncoder().encode(`econtext/1 ${nonce}\n`);
    return this.#program(["cat"], [marker, ...speech(this.#nextContext)], {}, nonce);
  }

  /** Has the hop start a child that the test moves: see puppet_child.py. */
  async puppet(): Promise<RawPuppet> {
    const nonce = newNonce();
    const inbox = this.mailbox();
    const id = this.#nextContext;
    const argv = ["python3", "-SE", PUPPET, nonce, String(id), String(inbox.handle)];
    const puppet = new RawPuppet(this, this.#program(argv, [], {}, nonce), inbox);
    await puppet.child.event("marked");
    return puppet;
  }

  #program(
    argv: readonly string[],
    input: unknown,
    options: StartOptions,
    nonce: string,
  ): RawChild {
    const id = this.newContext({ wants: "python" });
    const events = this.mailbox();
    this.order(SWITCH.START, [id, argv, input, nonce, options], events.handle);
    return new RawChild(this, id, nonce, events, this.mailbox());
  }

  /** Has the hop make a TCP connection. */
  connection(host: string, port: number, id = this.newContext(this.#plan)): RawConnection {
    const events = this.mailbox();
    const inbox = this.mailbox();
    if (!this.#connects) this.install(HOP, this.#plan, 2, 3);
    this.#connects = true;
    this.order(SWITCH.CONNECT, [id, inbox.handle, host, port], events.handle);
    return new RawConnection(new RawChild(this, id, newNonce(), events, this.mailbox()), inbox);
  }

  call(context: number, name: unknown, ...args: unknown[]): Promise<unknown> {
    return this.result(this.startCall(context, name, ...args));
  }

  /** @returns where the answer comes */
  startCall(context: number, name: unknown, ...args: unknown[]): Mailbox {
    const reply = this.mailbox();
    this.send(context, HANDLES.CALL_FUNCTION, [name, args], reply.handle);
    return reply;
  }

  async result(reply: Mailbox): Promise<unknown> {
    const { flags, body } = await reply.next();
    const value = decodeValue(body);
    if (flags & FLAGS.ERROR) throw new Error((value as string[]).slice(0, 2).join(": "));
    return value;
  }

  async ping(context: number): Promise<void> {
    const reply = this.mailbox();
    this.send(context, HANDLES.PING, "ping", reply.handle);
    await reply.next();
  }

  pause(): void {
    this.#paused ??= Promise.withResolvers();
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  /** Ends the stream to the hop, and waits until its process has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.resume();
    await this.#process.stdin.end();
    await this.#process.exited;
  }

  #boot(id: number, nonce: string, lease: number) {
    return { id, nonce, name: `c${id}`, argv0: "econtext:raw", level: 20, lease, rate: 0 };
  }

  async #read(marker: string): Promise<void> {
    let noise: Buffer | undefined = Buffer.alloc(0);
    for await (const chunk of this.#process.stdout) {
      await this.#paused?.promise;
      let data: Uint8Array = chunk;
      if (noise !== undefined) {
        noise = Buffer.concat([noise, chunk]);
        const at = noise.indexOf(marker);
        if (at < 0) continue;
        data = noise.subarray(at + marker.length);
        noise = undefined;
      }
      for (const message of this.#reader.push(data)) this.#hear(message);
    }
  }

  #hear(message: Message): void {
    const { src, handle, reply, body } = message;
    if (handle === HANDLES.GET_MODULE) {
      const records = packedRecords([this.#module(src, decodeValue(body))]);
      this.message({ dst: src, handle: reply, reply: 0, flags: FLAGS.DEFLATE }, [records]);
    } else if (handle === HANDLES.FORWARD_LOG) {
      this.logs.push(String((decodeValue(body) as string[])[2]));
    } else (this.#mailboxes.get(handle) ?? this.strays).put(message);
  }

  #module(context: number, wanted: unknown): unknown {
    const name = String(wanted);
    if (name === "") return ["", "", true, [], ""];
    const isPython = this.#languages.get(context) === "python";
    const source = (isPython ? PYTHON_TIER2 : JS_TIER2)[name.replace("econtext.", "")];
    if (source === undefined) return [name];
    return isPython ? [name, "", false, null, source] : [name, "", "tier", {}, source];
  }
}

/** A child of a hop: its events, and the context in it. */
export class RawChild {
  readonly id: number;
  readonly nonce: string;
  readonly events: Mailbox;
  /** Where the answer to BOOT comes. */
  readonly ready: Mailbox;
  readonly #master: RawMaster;

  constructor(master: RawMaster, id: number, nonce: string, events: Mailbox, ready: Mailbox) {
    this.#master = master;
    this.id = id;
    this.nonce = nonce;
    this.events = events;
    this.ready = ready;
  }

  /** All events so far. */
  get told(): RawEvent[] {
    return this.events.messages.map(({ body }) => decodeValue(body) as RawEvent);
  }

  /** Resolves with the first event of that kind. */
  event(kind: string, matches: (event: RawEvent) => boolean = () => true): Promise<RawEvent> {
    return this.events.until(() => this.told.find((one) => one[0] === kind && matches(one)));
  }

  /** The text of all events of that kind, joined. */
  text(kind: "noise" | "stderr"): string {
    return this.told.map(([one, text]) => (one === kind ? String(text) : "")).join("");
  }

  /** How many bytes were written to it, as the hop says. */
  get wrote(): number {
    return this.told.reduce(
      (sum, [kind, bytes]) => sum + (kind === "wrote" ? Number(bytes) : 0),
      0,
    );
  }

  /** Waits until the context has answered BOOT. */
  async opened(): Promise<this> {
    await this.ready.next();
    return this;
  }

  call(name: string, ...args: unknown[]): Promise<unknown> {
    return this.#master.call(this.id, name, ...args);
  }

  ping(): Promise<void> {
    return this.#master.ping(this.id);
  }

  order(operation: number, ...words: unknown[]): void {
    this.#master.order(operation, [this.id, ...words]);
  }

  /** Closes its input, and waits for its end. */
  async close(signal: string | null = null): Promise<RawEvent> {
    this.order(SWITCH.CLOSE, signal);
    return await this.event("ended");
  }
}

/** A connection of a hop: its events, and what came from the server. */
export class RawConnection {
  readonly child: RawChild;
  readonly #inbox: Mailbox;

  constructor(child: RawChild, inbox: Mailbox) {
    this.child = child;
    this.#inbox = inbox;
  }

  /** Bytes that have come so far. */
  get length(): number {
    return this.#inbox.messages.reduce((sum, { body }) => sum + body.length, 0);
  }

  bytes(): Buffer {
    return Buffer.concat(this.#inbox.messages.map(({ body }) => body));
  }
}

/** A child that says what the test wants, and shows what it is sent. */
export class RawPuppet {
  readonly child: RawChild;
  readonly #master: RawMaster;
  readonly #inbox: Mailbox;

  constructor(master: RawMaster, child: RawChild, inbox: Mailbox) {
    this.#master = master;
    this.child = child;
    this.#inbox = inbox;
  }

  get id(): number {
    return this.child.id;
  }

  /** Has it say a frame, as the context that it is. */
  say(handle: number, body: Uint8Array | string, flags = 0): void {
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    this.sayRaw(rawFrame({ src: this.id, handle, flags }, bytes));
  }

  sayRaw(bytes: Uint8Array): void {
    this.#master.message({ dst: this.id, handle: 7 }, [bytes]);
  }

  /** The next frame that it was sent. */
  async received(): Promise<Message> {
    const { body: frame } = await this.#inbox.next();
    const { buffer, byteOffset } = frame;
    const view = new DataView(buffer, byteOffset, frame.length);
    const [dst, src, auth, handle, reply] = [0, 4, 8, 12, 16].map((at) => view.getUint32(at));
    const body = frame.subarray(HEADER_BYTES);
    return { dst, src, auth, handle, reply, flags: frame[20], body } as Message;
  }

  /** Its handle, flags and body, as text. */
  async heard(): Promise<[handle: number, flags: number, body: string]> {
    const { handle, flags, body } = await this.received();
    return [handle, flags, Buffer.from(body).toString()];
  }
}
