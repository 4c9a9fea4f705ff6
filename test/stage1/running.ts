/**
 * A command under way in a raw slave, and the test's ends of its channels. Output is given all the
 * credit that it wants.
 */
import { decodeValue } from "../../src/protocol/value.ts";
import { FLAGS, type Mailbox, OVERHEAD, RawSender, type RawSlave } from "./raw-slave.ts";

const WINDOW = 262144;

export const text = (bytes: Uint8Array | string): string =>
  typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes);
export const bytes = (string: string): Uint8Array => new TextEncoder().encode(string);

export class Running {
  readonly reply: Mailbox;
  readonly stdout: Mailbox;
  readonly stderr: Mailbox;
  readonly events: Mailbox;
  readonly #slave: RawSlave;
  #credits = 0;
  #taken = 0;
  #granted = WINDOW;
  said = "";

  constructor(slave: RawSlave, argv: string[], options: object = {}) {
    this.#slave = slave;
    [this.stdout, this.stderr, this.events] = [slave.mailbox(), slave.mailbox(), slave.mailbox()];
    const [stdout, stderr, events] = [this.stdout, this.stderr, this.events].map(
      (box) => slave.given(box).handle,
    );
    this.reply = slave.start("econtext.commands:run", argv, { stdout, stderr, events, ...options });
  }

  async started(): Promise<{ pid: number; stdin: RawSender; control: RawSender }> {
    await this.events.value();
    const [pid, stdin, control] = (await this.events.value()) as [number, unknown, unknown];
    return {
      pid,
      stdin: new RawSender(this.#slave, stdin ?? { handle: 1 }),
      control: new RawSender(this.#slave, control),
    };
  }

  /** The next of its output; undefined at the end. */
  async chunk(): Promise<Uint8Array | undefined> {
    if (this.#credits === 0) {
      const first = await this.stdout.next();
      if (first.flags & FLAGS.DEAD) return undefined;
      this.#credits = Number(decodeValue(first.body));
    }
    const { flags, body } = await this.stdout.next();
    if (flags & FLAGS.DEAD) return undefined;
    this.#taken += body.length + OVERHEAD;
    if (this.#granted - this.#taken < WINDOW / 2) {
      const credit = this.#taken + 16 * WINDOW - this.#granted;
      this.#granted += credit;
      this.#slave.send(this.#credits, credit);
    }
    return decodeValue(body) as Uint8Array;
  }

  async until(what: string): Promise<void> {
    while (!this.said.includes(what)) {
      const chunk = await this.chunk();
      if (chunk === undefined) throw new Error(`it ended, and only said ${this.said}`);
      this.said += text(chunk);
    }
  }

  async rest(): Promise<string> {
    for (let chunk = await this.chunk(); chunk; chunk = await this.chunk())
      this.said += text(chunk);
    return this.said;
  }

  refuse(): void {
    this.#slave.send(this.#credits, null, FLAGS.DEAD);
  }

  async result(): Promise<unknown> {
    const { flags, body } = await this.reply.next();
    const value = decodeValue(body);
    return flags & FLAGS.ERROR ? (value as string[])[0] : value;
  }
}

/** Resolves when it has read so much, and ended. */
export async function writeMuch(one: Running, mebibytes: number): Promise<void> {
  const { stdin, control } = await one.started();
  control.close();
  const chunk = new Uint8Array(131_072);
  let credit = WINDOW;
  for (let sent = 0; sent < mebibytes << 20; sent += chunk.length) {
    if (credit <= 0) credit += Number(await stdin.credits.value());
    credit -= stdin.send(chunk);
  }
  stdin.close();
  const result = await one.result();
  if (!Bun.deepEquals(result, { status: 0 })) throw new Error(JSON.stringify(result));
}
