/**
 * Children in memory: a spawner whose children are the far ends of memory pipes. A test plays the
 * slave, step by step: it prints, answers BOOT, sends messages and ends.
 */

import { firstStage, program } from "../../src/interpreters/first-stage.ts";
import type { DuplexListener } from "../../src/io/duplex.ts";
import type { Chunk } from "../../src/io/splice-pipe.ts";
import type {
  ByteChild,
  Ending,
  SlaveProcess,
  Spawner,
  SpawnOptions,
} from "../../src/launch/child.ts";
import { type Envelope, encodeMessage, type Message } from "../../src/protocol/frame.ts";
import { FrameReader } from "../../src/protocol/frame-reader.ts";
import { decodeValue, encodeValue } from "../../src/protocol/value.ts";
import { MemoryPipe } from "./memory-pipe.ts";

export class MemorySpawner implements Spawner {
  readonly children: MemoryChild[] = [];
  /** Told of each child. */
  onSpawn: (child: MemoryChild) => void = () => {};
  readonly #room: number;

  /** @param room as of `MemoryPipe` */
  constructor(room = 1) {
    this.#room = room;
  }

  spawn(argv: readonly string[], options: SpawnOptions): MemoryChild {
    const child = new MemoryChild(argv, options, this.#room);
    this.children.push(child);
    this.onSpawn(child);
    return child;
  }

  /** The child that was started last. */
  get last(): MemoryChild {
    const child = this.children.at(-1);
    if (child === undefined) throw new Error("no child was started");
    return child;
  }
}

export class MemoryChild implements ByteChild {
  readonly argv: readonly string[];
  readonly options: SpawnOptions;
  readonly ended: Promise<Ending>;
  readonly gone: Promise<void>;
  stderr = "";
  /** Secrets that were written to it, as text. */
  readonly secrets: string[] = [];
  #hear: ((text: string) => void) | undefined;
  /** What the child was told besides bytes. */
  readonly kills: string[] = [];
  readonly adopted: SlaveProcess[] = [];
  /** Messages that came after BOOT. */
  readonly messages: Message[] = [];
  /** Bytes of cores that have not come yet. */
  #coreBytes: number;
  readonly #near: MemoryPipe;
  readonly #far: MemoryPipe;
  readonly #ended = Promise.withResolvers<Ending>();
  readonly #gone = Promise.withResolvers<void>();
  #boot = Promise.withResolvers<Message>();
  #isBooted = false;
  #reader = new FrameReader();
  #waiting: (() => void)[] = [];
  readonly #output: Uint8Array[] = [];
  #isFull = false;
  #isEnded = false;
  /** The context that BOOT was for. */
  #id = 0;

  constructor(argv: readonly string[], options: SpawnOptions, room: number) {
    this.argv = argv;
    this.options = options;
    this.ended = this.#ended.promise;
    this.gone = this.#gone.promise;
    this.#coreBytes = coreBytes(argv);
    [this.#near, this.#far] = MemoryPipe.pair(room);
    this.#far.listen({
      data: (chunk) => this.#take(chunk),
      drained: () => {
        this.#isFull = false;
        this.#flush();
      },
      closed: () => {
        if (!this.#isEnded) this.end({ status: 0 });
      },
    });
  }

  /** BOOT, once it has come. */
  get boot(): Promise<Message> {
    return this.#boot.promise;
  }

  /** The child runs this first stage from now on. */
  restart(argv: readonly string[]): void {
    this.#coreBytes = coreBytes(argv);
    this.#isBooted = false;
    this.#boot = Promise.withResolvers();
    this.#reader = new FrameReader();
  }

  print(text: string): void {
    this.printBytes(new TextEncoder().encode(text));
  }

  /** The marker and the answer to BOOT, in one chunk with whatever else is sent then. */
  async answer(
    kind = "python",
    pid: unknown = 17,
    more: readonly Uint8Array[] = [],
  ): Promise<void> {
    const { dst, reply } = await this.boot;
    const value = encodeValue([kind, "3.1", pid, "/bin/it"]).chunks;
    const body = Buffer.concat([...(value as Uint8Array[])]);
    const frame = this.frame({ src: dst, auth: dst, handle: reply }, body);
    this.printBytes(Buffer.concat([Buffer.from(await this.marker()), frame, ...more]));
  }

  async marker(): Promise<string> {
    const [version, nonce] = decodeValue((await this.boot).body) as [number, string];
    return `econtext/${String(version)} ${nonce}\n`;
  }

  frame(envelope: Partial<Envelope>, body: Uint8Array): Uint8Array {
    const whole = {
      dst: 0,
      src: this.#id,
      auth: this.#id,
      handle: 0,
      reply: 0,
      flags: 0,
      ...envelope,
    };
    const chunks = [...encodeMessage(whole, [body])].flatMap((frame) => [...frame]);
    return Buffer.concat(chunks as Uint8Array[]);
  }

  send(envelope: Partial<Envelope>, body: Uint8Array = new Uint8Array(0)): void {
    this.printBytes(this.frame(envelope, body));
  }

  printBytes(bytes: Uint8Array): void {
    this.#output.push(bytes);
    this.#flush();
  }

  #flush(): void {
    while (!this.#isFull && this.#output.length > 0) {
      this.#isFull = !this.#far.write(this.#output.shift() as Uint8Array);
    }
  }

  /** Resolves when so many messages have come after BOOT. */
  async received(count: number): Promise<readonly Message[]> {
    while (this.messages.length < count) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.messages;
  }

  /** The child's process ends; `isGone` false: another process of its group is left. */
  end(ending: Ending, isGone = true): void {
    this.#isEnded = true;
    this.#ended.resolve(ending);
    this.#near.close();
    if (isGone) this.#gone.resolve();
  }

  /** No process of its group is left. */
  vanish(): void {
    this.#gone.resolve();
  }

  listen(listener: DuplexListener): void {
    this.#near.listen(listener);
  }

  write(chunk: Chunk): boolean {
    return this.#near.write(chunk as Uint8Array);
  }

  close(): void {
    this.#near.close();
  }

  hear(listener: ((text: string) => void) | undefined): void {
    this.#hear = listener;
  }

  settle(): void {}

  writeSecret(bytes: Uint8Array): void {
    this.secrets.push(new TextDecoder().decode(bytes));
    bytes.fill(0);
  }

  /** Prints on standard error. */
  complain(text: string): void {
    this.stderr += text;
    this.#hear?.(text);
  }

  kill(): void {
    this.kills.push("kill");
    this.end({ signal: "SIGKILL" });
  }

  adopt(slave: SlaveProcess): void {
    this.adopted.push(slave);
  }

  #take(chunk: Uint8Array): void {
    const core = Math.min(this.#coreBytes, chunk.length);
    this.#coreBytes -= core;
    for (const message of this.#reader.push(chunk.subarray(core))) {
      if (this.#isBooted) this.messages.push(message);
      else {
        this.#isBooted = true;
        this.#id = message.dst;
        this.#boot.resolve(message);
      }
    }
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** @returns how many bytes a first stage reads before BOOT */
function coreBytes(argv: readonly string[]): number {
  const any = { wants: "any" } as const;
  const isAny = argv[2] === firstStage(any)[2];
  if (!isAny) return Number(argv.at(-1));
  return program(any).reduce((sum, part) => sum + part.length, 0);
}
