/**
 * A command of a context as a real `RemoteProcess`, over a pipe in memory, and the slave's side of
 * it: the test says what a slave would say, or something else.
 */
import { SenderTable } from "../../src/channels/sender-table.ts";
import { type ExecOptions, RemoteProcess } from "../../src/commands/remote-process.ts";
import { FLAGS } from "../../src/protocol/frame.ts";
import { HANDLES } from "../../src/protocol/handles.ts";
import { decodeValue, SenderReference } from "../../src/protocol/value.ts";
import { type FakeSlave, type Near, openNear, until } from "./fake-slave.ts";

export const ID = 1;
/** The slave's own handles. */
export const [STDIN, CONTROL, CREDITS] = [50_000, 50_001, 60_000];
interface Request {
  readonly stdin: boolean;
  /** Handles of the master's. */
  readonly stdout: number | null;
  readonly stderr: number | null;
  readonly events: number;
  readonly [name: string]: unknown;
}

/** The slave's side of one command. */
export class FarCommand {
  readonly slave: FakeSlave;
  readonly argv: readonly string[];
  readonly request: Request;
  readonly #reply: number;

  constructor(slave: FakeSlave) {
    const [call] = slave.heard.filter(({ handle }) => handle === HANDLES.CALL_FUNCTION);
    if (call === undefined) throw new Error("no command was called");
    const [, argv, request] = decodeValue(call.body) as [string, string[], Request];
    [this.slave, this.argv, this.request, this.#reply] = [slave, argv, request, call.reply];
    for (const one of [request.events, request.stdout, request.stderr]) {
      if (one !== null) slave.reply(one, CREDITS + one);
    }
  }

  /** @param stdin whether it has one; default: as it was asked for */
  start(stdin: boolean = this.request.stdin): void {
    const input = stdin ? new SenderReference(ID, STDIN) : null;
    this.slave.reply(this.request.events, [7, input, new SenderReference(ID, CONTROL)]);
  }

  /** Its whole output, and how it ended. */
  end(result: unknown = { status: 0 }): void {
    const { stdout, stderr, events } = this.request;
    for (const one of [stdout, stderr, events]) {
      if (one !== null) this.slave.reply(one, null, FLAGS.DEAD);
    }
    this.slave.reply(this.#reply, result);
  }

  fail(error: readonly [type: string, message: string, trace: string]): void {
    this.slave.reply(this.#reply, error, FLAGS.ERROR);
  }

  print(data: Uint8Array | string): void {
    const { stdout } = this.request;
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    this.slave.reply(stdout as number, bytes);
  }

  /** What came to one of its channels: [what, ...]; the first is the handle for its credit. */
  channel(handle: number): {
    readonly credits: number;
    readonly values: unknown[];
    readonly closing: unknown;
    readonly isClosed: boolean;
  } {
    const all = this.slave.heard.filter((one) => one.handle === handle);
    const isDead = ({ flags }: { readonly flags: number }) => (flags & FLAGS.DEAD) !== 0;
    const values = all.filter((one) => !isDead(one)).map(({ body }) => decodeValue(body));
    const [end] = all.filter(isDead);
    const closing = end === undefined ? undefined : decodeValue(end.body);
    const [credits = 0, ...rest] = values as [number, ...unknown[]];
    return { credits, values: rest, closing, isClosed: end !== undefined };
  }

  grant(handle: number, credit: number): void {
    this.slave.reply(this.channel(handle).credits, credit);
  }

  /** All that came to its stdin, and in how many messages. */
  get read(): Buffer {
    return Buffer.concat(this.channel(STDIN).values as Uint8Array[]);
  }
}

export interface Both {
  readonly process: RemoteProcess;
  readonly far: FarCommand;
  readonly near: Near;
}

/** The command `cmd x`, which has not started. */
export async function run(room: number, options: ExecOptions = {}, limits = {}): Promise<Both> {
  const near = openNear({ room, behaviour: "silent", limits });
  const table = new SenderTable(near.link, () => undefined);
  const process = new RemoteProcess("web1", ["cmd", "x"], options, (_limits, name, ...args) => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const reply = near.router.expect(ID, {
      receive: ({ flags, body }) => {
        const value = table.decode(body);
        if (flags & FLAGS.ERROR) reject(new Error(String(value)));
        else resolve(value);
      },
      dead: reject,
    });
    const body = table.encode([name, ...args]).chunks;
    near.router.send({ dst: ID, handle: HANDLES.CALL_FUNCTION, reply }, body);
    return promise;
  });
  const { slave } = near;
  await until(() => slave.heard.length > 0);
  return { process, far: new FarCommand(slave), near };
}
