/**
 * ChannelChild: a command on an ssh connection of this process, as a child that carries bytes. It
 * ends as a spawned ssh does: with the command's status, or with 255 and ssh's words.
 */
import type { ClientChannel } from "ssh2";
import type { DuplexListener } from "../io/duplex.ts";
import { type Chunk, PipedBytes } from "../io/splice-pipe.ts";
import {
  type ByteChild,
  type Ending,
  REAP_MS,
  type SpawnOptions,
  TAIL_CHARACTERS,
} from "../launch/child.ts";
import { readCommandLine } from "./command-line.ts";
import type { ConnectionPool, Running } from "./connection-pool.ts";
import { Refusal } from "./failures.ts";

/** ssh's status for each of its own failures. */
const FAILED: Ending = { status: 255 };

/** Each state follows the one before it. The first may be followed by the last. */
type State =
  | { readonly is: "opening"; readonly waiting: Chunk[]; readonly abort: AbortController }
  | { readonly is: "open"; readonly running: Running }
  /** The command has got the end of its input. Its output is dropped. */
  | { readonly is: "closing"; readonly running: Running; readonly reaper: NodeJS.Timeout }
  | { readonly is: "ended" };

/** Gets the reason why a host is refused, and the chunks that were written so far. */
type Refused = (reason: string, waiting: readonly Chunk[]) => void;

export class ChannelChild implements ByteChild {
  readonly argv: readonly string[];
  readonly ended: Promise<Ending>;
  readonly gone: Promise<void>;
  readonly #options: SpawnOptions;
  readonly #ended = Promise.withResolvers<Ending>();
  readonly #refused: Refused | undefined;
  #state: State = { is: "opening", waiting: [], abort: new AbortController() };
  #stderr = "";
  #hear: ((text: string) => void) | undefined;
  #listener: DuplexListener | undefined;

  /**
   * @param refused is called if the embedded ssh refuses the host. The child then never ends.
   *   Absent: it ends with an error.
   */
  constructor(
    argv: readonly string[],
    options: SpawnOptions,
    pool: Promise<ConnectionPool>,
    refused?: Refused,
  ) {
    this.argv = argv;
    this.#options = options;
    this.#refused = refused;
    this.ended = this.#ended.promise;
    this.gone = this.ended.then(async () => (await pool).left());
    void this.#start(pool);
  }

  async #start(loading: Promise<ConnectionPool>): Promise<void> {
    if (this.#state.is !== "opening") return;
    const { waiting, abort } = this.#state;
    const { asker, chosen } = this.#options;
    const begin = (): void => chosen?.(undefined);
    try {
      const line = readCommandLine(this.argv);
      const pool = await loading;
      const say = (text: string): void => this.#said(text);
      const running = await pool.run(line, { asker, say, begin }, abort.signal);
      if (abort.signal.aborted) this.#giveUp(running);
      else this.#opened(running, waiting);
    } catch (error) {
      if (abort.signal.aborted) this.#finish(FAILED);
      else if (error instanceof Refusal && this.#refused !== undefined) {
        this.#refused(error.message, waiting);
      } else this.#failed(error as Error);
    }
  }

  #opened(running: Running, waiting: Chunk[]): void {
    const { session, connection } = running;
    const { channel } = session;
    this.#state = { is: "open", running };
    channel.on("data", (chunk: Buffer) => {
      if (this.#state.is === "open") this.#listener?.data(chunk);
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
    // The array is emptied: it lives as long as the connection, and holds a preamble of 10 KB.
    const sent = waiting.splice(0).map((chunk) => send(channel, chunk));
    if (sent.every(Boolean)) this.#listener?.drained();
  }

  #failed(error: Error): void {
    const { message } = error;
    const text = error instanceof Refusal ? `The embedded ssh refuses it: ${message}` : message;
    if (text !== "") this.#said(text.endsWith("\n") ? text : `${text}\r\n`);
    this.#finish(FAILED);
  }

  #finish(ending: Ending): void {
    if (this.#state.is === "closing") clearTimeout(this.#state.reaper);
    this.#state = { is: "ended" };
    this.#tellClosed();
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
  }

  write(chunk: Chunk): boolean {
    const state = this.#state;
    if (state.is === "open") return send(state.running.session.channel, chunk);
    if (state.is !== "opening" || state.abort.signal.aborted) return true;
    state.waiting.push(chunk);
    return false;
  }

  writeSecret(bytes: Uint8Array): void {
    this.write(Uint8Array.from(bytes));
    bytes.fill(0);
  }

  settle(): void {}

  adopt(): void {}

  /** The command gets the end of its input, as from an ssh whose input ends. */
  close(): void {
    const state = this.#state;
    if (state.is === "opening") state.abort.abort();
    if (state.is === "open") {
      const { running } = state;
      const reaper = setTimeout(() => this.#giveUp(running), REAP_MS);
      this.#state = { is: "closing", running, reaper };
      running.session.channel.end();
      running.session.channel.resume();
    }
    this.#tellClosed();
  }

  kill(): void {
    const state = this.#state;
    if (state.is === "opening") state.abort.abort();
    else if (state.is !== "ended") this.#giveUp(state.running);
  }

  /** A server closes the channel only when the command has closed its output. */
  #giveUp(running: Running): void {
    running.session.channel.close();
    running.release();
    this.#finish(FAILED);
  }

  #tellClosed(): void {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.closed();
  }
}

function send(channel: ClientChannel, chunk: Chunk): boolean {
  if (!channel.writable) return true;
  return channel.write(chunk instanceof PipedBytes ? chunk.read(chunk.left) : chunk);
}
