/**
 * ChannelChild: a command on an ssh connection of this process, as a child that carries bytes. It
 * ends as a spawned ssh does: with the command's status, or with 255 and ssh's words.
 */
import type { ClientChannel } from "ssh2";
import type { DuplexListener } from "../io/duplex.ts";
import { type Chunk, PipedBytes } from "../io/splice-pipe.ts";
import type { ByteChild, Ending, Spawner, SpawnOptions } from "../launch/child.ts";
import { readCommandLine } from "./command-line.ts";
import type { ConnectionPool, Running } from "./connection-pool.ts";
import { Refusal } from "./failures.ts";

const TAIL_CHARACTERS = 32768;
/** How long a command may go on after `close`; a slave's guard needs three quarters of a second. */
const REAP_MS = 3000;
/** ssh's status for each of its own failures. */
const FAILED: Ending = { status: 255 };

export class ChannelChild implements ByteChild {
  readonly argv: readonly string[];
  readonly ended: Promise<Ending>;
  readonly gone: Promise<void>;
  readonly #options: SpawnOptions;
  readonly #ended = Promise.withResolvers<Ending>();
  readonly #abort = new AbortController();
  /** The spawned ssh that has taken this one's place. */
  #instead: ByteChild | undefined;
  #running: Running | undefined;
  /** Chunks that wait for the channel. */
  #waiting: Chunk[] = [];
  #stderr = "";
  #hear: ((text: string) => void) | undefined;
  #listener: DuplexListener | undefined;
  #isClosed = false;
  #reaper: ReturnType<typeof setTimeout> | undefined;

  /** @param fallback starts an ssh where the embedded one refuses a host; undefined: none does */
  constructor(
    argv: readonly string[],
    options: SpawnOptions,
    pool: Promise<ConnectionPool>,
    fallback: Spawner | undefined,
  ) {
    this.argv = argv;
    this.#options = options;
    this.ended = this.#ended.promise;
    this.gone = this.ended.then(() => this.#instead?.gone);
    void this.#start(pool, fallback);
  }

  async #start(pool: Promise<ConnectionPool>, fallback: Spawner | undefined): Promise<void> {
    const say = (text: string): void => this.#said(text);
    const { asker } = this.#options;
    try {
      const line = readCommandLine(this.argv);
      const running = await (await pool).run(line, { asker, say }, this.#abort.signal);
      this.#opened(running);
    } catch (error) {
      if (error instanceof Refusal && fallback !== undefined) this.#replace(fallback);
      else if (this.#abort.signal.aborted) this.#finish(FAILED);
      else this.#failed(error as Error);
    }
  }

  #opened(running: Running): void {
    const { session, connection } = running;
    const { channel } = session;
    if (this.#abort.signal.aborted) {
      channel.close();
      running.release();
      this.#finish(FAILED);
      return;
    }
    this.#running = running;
    channel.on("data", (chunk: Buffer) => {
      if (!this.#isClosed) this.#listener?.data(chunk);
    });
    channel.stderr.setEncoding("utf8").on("data", (text: string) => this.#said(text));
    channel.on("drain", () => this.#listener?.drained());
    channel.on("error", () => {}); // `close` follows
    channel.on("close", () => {
      running.release();
      const ending = session.ending();
      if (ending !== undefined || !connection.isClosed) this.#finish(ending ?? FAILED);
      else void connection.closed.then((reason) => this.#failed(reason));
    });
    const waiting = this.#waiting.splice(0);
    if (waiting.map((chunk) => this.#send(running, chunk)).every(Boolean)) {
      this.#listener?.drained();
    }
    if (this.#isClosed) this.#end(channel);
  }

  #replace(fallback: Spawner): void {
    if (this.#abort.signal.aborted) {
      this.#finish(FAILED);
      return;
    }
    const child = fallback.spawn(this.argv, this.#options);
    const listener = this.#listener;
    this.#instead = child;
    this.#listener = undefined;
    child.hear((text) => this.#said(text));
    if (listener !== undefined) child.listen(listener);
    const waiting = this.#waiting.splice(0);
    // The writer was told to wait. A child that has taken all at once never says `drained`.
    if (waiting.map((chunk) => child.write(chunk)).every(Boolean)) listener?.drained();
    void child.ended.then((ending) => this.#ended.resolve(ending));
  }

  #failed(error: Error): void {
    const { message } = error;
    const text = error instanceof Refusal ? `The embedded ssh refuses it: ${message}` : message;
    if (text !== "") this.#said(text.endsWith("\n") ? text : `${text}\r\n`);
    this.#finish(FAILED);
  }

  #finish(ending: Ending): void {
    clearTimeout(this.#reaper);
    this.#waiting = [];
    this.#tell();
    this.#ended.resolve(ending);
  }

  #said(text: string): void {
    this.#stderr = (this.#stderr + text).slice(-TAIL_CHARACTERS);
    this.#hear?.(text);
  }

  get stderr(): string {
    return this.#stderr;
  }

  hear(listener: ((text: string) => void) | undefined): void {
    this.#hear = listener;
  }

  listen(listener: DuplexListener): void {
    this.#listener = listener;
    this.#instead?.listen(listener);
  }

  write(chunk: Chunk): boolean {
    if (this.#instead !== undefined) return this.#instead.write(chunk);
    if (this.#isClosed) return true;
    if (this.#running !== undefined) return this.#send(this.#running, chunk);
    this.#waiting.push(chunk);
    return false;
  }

  #send({ session: { channel } }: Running, chunk: Chunk): boolean {
    if (!channel.writable) return true;
    return channel.write(chunk instanceof PipedBytes ? chunk.read(chunk.left) : chunk);
  }

  writeSecret(bytes: Uint8Array): void {
    this.write(Uint8Array.from(bytes));
    bytes.fill(0);
  }

  settle(): void {
    this.#instead?.settle();
  }

  adopt(): void {}

  /** The command gets the end of its input, as from an ssh whose input ends. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#instead !== undefined) {
      this.#instead.close();
      return;
    }
    if (this.#running === undefined) this.#abort.abort();
    else this.#end(this.#running.session.channel);
    this.#tell();
  }

  kill(): void {
    this.#instead?.kill();
    this.#abort.abort();
    this.#giveUp();
  }

  /** A server closes the channel only when the command has closed its output. */
  #giveUp(): void {
    if (this.#running === undefined) return;
    this.#running.session.channel.close();
    this.#running.release();
    this.#finish(FAILED);
  }

  #end(channel: ClientChannel): void {
    channel.end();
    channel.resume();
    this.#reaper ??= setTimeout(() => this.#giveUp(), REAP_MS);
  }

  #tell(): void {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.closed();
  }
}
