/**
 * A command that another process runs for this one: the process that `econtext up` has started. The
 * streams, the terminal and the signals stay here. The other process asks by frames for bytes, and
 * sends bytes by frames. So this process alone reads its input and is stopped by its terminal, and
 * no read and no write goes on when this process ends.
 *
 * The time of a script of short commands is the start of this file: it must load little.
 */
import {
  closeNow,
  connectTo,
  isOwn,
  lookAt,
  peerOf,
  readNow,
  sendAll,
  unblock,
} from "../../io/quick-calls.ts";
import { OTHER_VERSION, PATIENCE_S } from "../../up/greeting.ts";
import { distrust, socketIn } from "../../up/place.ts";
import { FRAME, frameOf, textOf, Wire, WireReader } from "../../up/wire.ts";
import { NO_CONNECTION } from "../exit-statuses.ts";
import type { Host } from "../host.ts";
import { PROCESS_SIGNALS } from "../process-signals.ts";
import type { Asked } from "./ask.ts";
import { hasListener, NOT_OURS, type Served, silentProcess } from "./listener.ts";
import { Outputs } from "./outputs.ts";
import { greetingOf } from "./own-greeting.ts";
import { Streams } from "./streams.ts";

const FORWARDED = [
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
  "SIGQUIT",
  "SIGTSTP",
  "SIGCONT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGWINCH",
] as const;
/** Frames that need no event loop. */
const QUICK: readonly number[] = [
  FRAME.accept,
  FRAME.refuse,
  FRAME.stdout,
  FRAME.stderr,
  FRAME.done,
  FRAME.exit,
];
/** Those that no other frame follows. */
const ENDS: readonly number[] = [FRAME.refuse, FRAME.done, FRAME.exit];
/** Bytes of one read, before the event loop is started. */
const READ_BYTES = 1 << 12;

/**
 * @param load makes the host of this process
 * @returns the answer; undefined if no process listens at the socket
 */
export async function serveCommand(
  args: readonly string[],
  load: () => Promise<Host>,
  path: string,
): Promise<Served | undefined> {
  const service = new Service(new Streams(load));
  const fd = service.isOnTerminal ? undefined : connectTo(path, PATIENCE_S);
  if (fd === -1) return undefined;
  if (fd !== undefined) {
    const served = await service.serveQuickly(fd, args);
    // A process that is killed may take one more connection, and closes it.
    const isEnd = "refused" in served && served.refused === "" && !hasListener(path);
    return isEnd ? undefined : served;
  }
  try {
    await Bun.connect<Wire>({
      unix: path,
      socket: Wire.handlers((wire, fd) => service.open(wire, fd, args)),
    });
  } catch {
    return undefined;
  }
  return service.served;
}

/**
 * Runs the command by the process that listens in the folder, if it keeps what the command needs.
 *
 * @returns the exit status; undefined: this process has to run the command
 */
export async function tryUp(
  args: readonly string[],
  load: () => Promise<Host>,
  folder: string,
): Promise<number | undefined> {
  const problem = distrust(folder);
  if (problem !== undefined) {
    await tell(`not used: ${problem}`, load);
    return undefined;
  }
  const path = socketIn(folder);
  const changed = lookAt(path)?.changed;
  const served = await serveCommand(args, load, path);
  if (served === undefined) {
    const { forgetSocket } = await import("./dead-socket.ts");
    await forgetSocket(path, changed, await load());
    return undefined;
  }
  if ("status" in served) return served.status;
  const { refused } = served;
  // What another version keeps is not for this one: `up` and `ps` say so, not each command.
  if (refused !== "" && !refused.startsWith(OTHER_VERSION)) {
    await tell(`not used: ${refused}`, load);
  }
  return undefined;
}

async function tell(text: string, load: () => Promise<Host>): Promise<void> {
  const { stderr } = await load();
  await stderr.write(`econtext: ${text}\n`);
}

class Service {
  readonly served: Promise<Served>;
  readonly #streams: Streams;
  readonly #done = Promise.withResolvers<Served>();
  readonly #outputs: Outputs;
  #wire: Wire | undefined;
  /** What is sent as soon as there is a wire. */
  readonly #unsent: (readonly [type: number, payload: Uint8Array | string])[] = [];
  #terminal: Host["terminal"];
  #isAccepted = false;
  #isSettled = false;
  #isRaw = false;

  constructor(streams: Streams) {
    this.#streams = streams;
    this.#outputs = new Outputs(streams, (type, payload) => this.#send(type, payload));
    this.served = this.#done.promise;
  }

  /** Whether input and output are the terminal: the command may set it, and ask for its size. */
  get isOnTerminal(): boolean {
    const { stdin, stdout } = this.#streams;
    return stdin.isTerminal && stdout.isTerminal;
  }

  /**
   * Greets, and waits for the answer without an event loop, which takes as long to start as all the
   * rest. A short command has ended with the first bytes of the answer. Until the command is
   * accepted, this process has no handlers of signals: it ends by them, also while it waits here.
   *
   * @param fd of a socket that blocks
   */
  serveQuickly(fd: number, args: readonly string[]): Promise<Served> {
    if (!isOwn(peerOf(fd))) {
      closeNow(fd);
      return Promise.resolve(NOT_OURS);
    }
    const reader = new WireReader();
    const began = performance.now();
    const greeting = greetingOf(args, this.#streams, undefined);
    if (sendAll(fd, frameOf(FRAME.hello, greeting)) && this.#answerQuickly(fd, reader)) {
      void this.served.then(() => closeNow(fd));
      return this.served;
    }
    if (!this.#isAccepted && performance.now() - began > 1000 * PATIENCE_S) {
      const served = silentProcess(fd);
      closeNow(fd);
      return Promise.resolve(served);
    }
    unblock(fd);
    const socket = Wire.handlers((wire) => this.#use(wire, fd), reader);
    // Other types than Bun's own know no `fd`.
    Bun.connect({ fd, socket } as unknown as Bun.UnixSocketOptions<Wire>).catch(() => this.#lost());
    return this.served;
  }

  /** @returns whether the command has ended, or was refused: no frame will follow */
  #answerQuickly(fd: number, reader: WireReader): boolean {
    const buffer = new Uint8Array(READ_BYTES);
    for (;;) {
      // Signals are for the command as soon as it runs.
      if (this.#isAccepted) return false;
      let size = readNow(fd, buffer);
      if (size < 0) {
        // The time is over, or this process was stopped meanwhile: the answer may be there.
        unblock(fd);
        size = readNow(fd, buffer);
      }
      if (size <= 0) return false;
      reader.push(buffer.slice(0, size));
      for (let type = reader.peek(); type !== undefined; type = reader.peek()) {
        if (!QUICK.includes(type)) return false;
        const payload = reader.next()?.payload as Uint8Array;
        this.#receive(type, payload);
        if (ENDS.includes(type)) return true;
      }
    }
  }

  open(wire: Wire, fd: number, args: readonly string[]): void {
    if (!isOwn(peerOf(fd))) {
      this.#settle(NOT_OURS);
      wire.end();
      return;
    }
    this.#use(wire, fd);
    if (this.isOnTerminal) void this.#greetFromTerminal(wire, args);
    else wire.send(FRAME.hello, greetingOf(args, this.#streams, this.#terminal));
  }

  #use(wire: Wire, fd: number): void {
    this.#wire = wire;
    const giveUp = (): void => {
      if (this.#isAccepted || this.#isSettled) return;
      this.#settle(silentProcess(fd));
      wire.end();
    };
    setTimeout(giveUp, 1000 * PATIENCE_S);
    if (this.#isAccepted) this.#hearSignals();
    for (const frame of this.#unsent.splice(0)) wire.send(...frame);
    wire.listen({
      frame: (type, payload) => this.#receive(type, payload),
      closed: () => this.#lost(),
    });
  }

  async #greetFromTerminal(wire: Wire, args: readonly string[]): Promise<void> {
    this.#terminal = (await this.#streams.host()).terminal;
    wire.send(FRAME.hello, greetingOf(args, this.#streams, this.#terminal));
  }

  #send(type: number, payload: Uint8Array | string = ""): void {
    if (this.#wire === undefined) this.#unsent.push([type, payload]);
    else this.#wire.send(type, payload);
  }

  #receive(type: number, payload: Uint8Array): void {
    switch (type) {
      case FRAME.accept:
        this.#accept();
        break;
      case FRAME.refuse:
        this.#settle({ refused: textOf(payload) });
        break;
      case FRAME.stdout:
        this.#outputs.write(1, payload);
        break;
      case FRAME.stderr:
        this.#outputs.write(2, payload);
        break;
      case FRAME.read:
        void this.#read();
        break;
      case FRAME.raw:
        this.#setRaw(payload[0] === 1);
        break;
      case FRAME.stop:
        PROCESS_SIGNALS.stop();
        break;
      case FRAME.die:
        void this.#die(textOf(payload) as NodeJS.Signals);
        break;
      case FRAME.exit:
        this.#settle({ status: payload[0] ?? NO_CONNECTION });
        break;
      case FRAME.done:
        void this.#finish(payload[0] ?? NO_CONNECTION);
        break;
      case FRAME.ask:
        void this.#ask(JSON.parse(textOf(payload)));
        break;
      case FRAME.withdraw:
        this.#withdraw(JSON.parse(textOf(payload)).number);
        break;
      case FRAME.notice:
        void import("./ask.ts").then(({ notice }) => notice(textOf(payload)));
    }
  }

  #accept(): void {
    this.#isAccepted = true;
    if (this.#wire !== undefined) this.#hearSignals();
  }

  #hearSignals(): void {
    for (const name of FORWARDED) {
      const listener = (): void => {
        if (name === "SIGWINCH") this.#resize();
        this.#send(FRAME.signal, name);
      };
      PROCESS_SIGNALS.on(name, listener);
    }
  }

  #resize(): void {
    const size = this.#terminal?.size();
    if (size !== undefined) this.#send(FRAME.size, JSON.stringify(size));
  }

  /** Reads when the other process asks: no byte is read that the command does not want. */
  async #read(): Promise<void> {
    try {
      const bytes = await this.#streams.read();
      if (bytes === undefined) this.#send(FRAME.end);
      else this.#send(FRAME.data, bytes);
    } catch (error) {
      this.#send(FRAME.end, error instanceof Error ? error.message : String(error));
    }
  }

  async #ask(question: Asked): Promise<void> {
    const { ask } = await import("./ask.ts");
    const answer = await ask(question, this.#streams.host());
    this.#send(FRAME.answer, answer);
    answer.fill(0);
  }

  /** Ends a question: what is written from now on stands below it. */
  #withdraw(question: number): void {
    this.#outputs.waitFor(import("./ask.ts").then(({ withdraw }) => withdraw(question)));
  }

  #setRaw(isRaw: boolean): void {
    if (this.#isRaw === isRaw) return;
    this.#isRaw = isRaw;
    this.#terminal?.setRaw(isRaw);
  }

  async #die(name: NodeJS.Signals): Promise<void> {
    this.#isSettled = true;
    this.#setRaw(false);
    await PROCESS_SIGNALS.die(name);
    this.#settle({ status: NO_CONNECTION });
  }

  /** All that came before is written first, unless the command was ended early. */
  async #finish(status: number): Promise<void> {
    this.#isSettled = true;
    this.#settle({ status: await this.#outputs.finished(status) });
  }

  #settle(served: Served): void {
    this.#isSettled = true;
    this.#setRaw(false);
    this.#done.resolve(served);
  }

  /** The other process has ended, or has closed the connection. */
  #lost(): void {
    if (this.#isSettled) return;
    if (!this.#isAccepted) {
      this.#settle({ refused: "" });
      return;
    }
    this.#setRaw(false);
    const text = "the process that keeps the connections has ended (econtext up starts another)";
    const told = this.#streams.host().then(({ stderr }) => stderr.write(`econtext: ${text}\n`));
    void told.catch(() => {}).then(() => this.#done.resolve({ status: NO_CONNECTION }));
  }
}
