/**
 * A command that another process runs for this one: the process that `econtext up` has started. The
 * streams, the terminal and the signals stay here, with the same code that serves a command of this
 * process: the other one asks for bytes, and sends bytes, by frames. So this process alone reads
 * its input and is stopped by its terminal, and nothing of that goes on when it ends.
 */
import { closeSync, constants, openSync } from "node:fs";
import { peerOf } from "../../io/peer.ts";
import { type Greeting, identity } from "../../up/greeting.ts";
import { distrust, folderOf, socketIn } from "../../up/place.ts";
import { FRAME, textOf, Wire } from "../../up/wire.ts";
import type { Host, Output } from "../host.ts";
import { HURRIED, HURRY_MS } from "../hurry.ts";
import { BROKEN_PIPE, isBrokenPipe } from "../interruption.ts";

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
const NO_CONNECTION = 255;

/** How the other process has answered. */
export type Served =
  | { readonly status: number }
  /** It does not run the command, and has consumed nothing. */
  | { readonly refused: string };

/** @returns the answer; undefined if no process listens at the socket */
export async function serveCommand(
  args: readonly string[],
  host: Host,
  path: string,
): Promise<Served | undefined> {
  const service = new Service(host);
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

/** Runs the command by the process at the socket, if it keeps what the command needs. */
export async function tryUp(
  args: readonly string[],
  host: Host,
  path: string,
): Promise<number | undefined> {
  const folder = folderOf(host.env);
  const problem = path === socketIn(folder) ? distrust(folder) : undefined;
  if (problem !== undefined) {
    await host.stderr.write(`econtext: not used: ${problem}\n`);
    return undefined;
  }
  const served = await serveCommand(args, host, path);
  if (served === undefined) {
    const { forgetSocket } = await import("./dead-socket.ts");
    await forgetSocket(path, host);
    return undefined;
  }
  if ("status" in served) return served.status;
  if (served.refused !== "") await host.stderr.write(`econtext: not used: ${served.refused}\n`);
  return undefined;
}

class Service {
  readonly served: Promise<Served>;
  readonly #host: Host;
  readonly #done = Promise.withResolvers<Served>();
  /** Writes that are under way. */
  readonly #writing = new Set<Promise<void>>();
  /** Whether the reader of the output is gone. */
  #isBroken = false;
  #wire: Wire | undefined;
  #input: AsyncIterator<unknown> | undefined;
  #isAccepted = false;
  #isSettled = false;
  #isRaw = false;

  constructor(host: Host) {
    this.#host = host;
    this.served = this.#done.promise;
  }

  open(wire: Wire, fd: number, args: readonly string[]): void {
    const peer = peerOf(fd);
    if (peer !== undefined && peer.uid !== process.getuid?.()) {
      this.#settle({ refused: "another user listens at the socket" });
      wire.end();
      return;
    }
    this.#wire = wire;
    wire.listen({
      frame: (type, payload) => this.#receive(type, payload),
      closed: () => this.#lost(),
    });
    wire.send(FRAME.hello, JSON.stringify(this.#greeting(args)));
  }

  #greeting(args: readonly string[]): Greeting {
    const { stdin, stdout, stderr, terminal, env } = this.#host;
    const factsOf = ({ isTerminal, coloured }: Output) => ({ isTerminal, coloured });
    return {
      identity: identity(),
      args,
      env,
      folder: process.cwd(),
      umask: process.umask(),
      parent: process.ppid,
      stdin: { isTerminal: stdin.isTerminal },
      stdout: factsOf(stdout),
      stderr: factsOf(stderr),
      ...(terminal && { terminal: { ...terminal.size(), modes: terminal.modes() } }),
      hasPerson: hasTerminal(),
    };
  }

  #receive(type: number, payload: Uint8Array): void {
    const { stdout, stderr, signals } = this.#host;
    switch (type) {
      case FRAME.accept:
        this.#accept();
        break;
      case FRAME.refuse:
        this.#settle({ refused: textOf(payload) });
        break;
      case FRAME.stdout:
        this.#write(stdout, 1, payload);
        break;
      case FRAME.stderr:
        this.#write(stderr, 2, payload);
        break;
      case FRAME.read:
        void this.#read();
        break;
      case FRAME.raw:
        this.#setRaw(payload[0] === 1);
        break;
      case FRAME.stop:
        signals.stop();
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
      case FRAME.notice:
        void import("./ask.ts").then(({ notice }) => notice(textOf(payload)));
    }
  }

  #accept(): void {
    this.#isAccepted = true;
    for (const name of FORWARDED) {
      const listener = (): void => {
        if (name === "SIGWINCH") this.#resize();
        this.#wire?.send(FRAME.signal, name);
      };
      this.#host.signals.on(name, listener);
    }
  }

  #resize(): void {
    const size = this.#host.terminal?.size();
    if (size !== undefined) this.#wire?.send(FRAME.size, JSON.stringify(size));
  }

  #write(output: Output, stream: number, bytes: Uint8Array): void {
    const written = output.write(bytes).then(
      () => this.#wire?.send(FRAME.written, lengthOf(stream, bytes)),
      (error: NodeJS.ErrnoException) => {
        const { code, message } = error;
        this.#isBroken ||= isBrokenPipe(error);
        this.#wire?.send(FRAME.failed, JSON.stringify({ stream, code, message }));
      },
    );
    this.#writing.add(written);
    void written.then(() => this.#writing.delete(written));
  }

  /** Reads what comes next, when the other process asks: nothing is read in vain. */
  async #read(): Promise<void> {
    try {
      this.#input ??= this.#host.stdin.chunks(false)[Symbol.asyncIterator]();
      const { done, value } = await this.#input.next();
      if (done === true) this.#wire?.send(FRAME.end);
      else this.#wire?.send(FRAME.data, value as Uint8Array);
    } catch (error) {
      this.#wire?.send(FRAME.end, error instanceof Error ? error.message : String(error));
    }
  }

  async #ask(question: { readonly prompt: string; readonly isVisible: boolean }): Promise<void> {
    const { ask } = await import("./ask.ts");
    const answer = await ask(question, this.#host);
    this.#wire?.send(FRAME.answer, answer);
    answer.fill(0);
  }

  #setRaw(isRaw: boolean): void {
    if (this.#isRaw === isRaw) return;
    this.#isRaw = isRaw;
    this.#host.terminal?.setRaw(isRaw);
  }

  async #die(name: NodeJS.Signals): Promise<void> {
    this.#isSettled = true;
    this.#setRaw(false);
    await this.#host.signals.die(name);
    this.#settle({ status: NO_CONNECTION });
  }

  /** All that came before is written first, unless the command was ended early. */
  async #finish(status: number): Promise<void> {
    this.#isSettled = true;
    const written = Promise.all(this.#writing);
    const isHurried = HURRIED.includes(status);
    await Promise.race(isHurried ? [written, Bun.sleep(HURRY_MS)] : [written]);
    this.#settle({ status: this.#isBroken && status === 0 ? BROKEN_PIPE : status });
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
    const said = this.#host.stderr.write(`econtext: ${text}\n`).catch(() => {});
    void said.then(() => this.#done.resolve({ status: NO_CONNECTION }));
  }
}

/** @returns the stream, and how many of its bytes are written */
function lengthOf(stream: number, { length }: Uint8Array): Uint8Array {
  const about = new Uint8Array(5);
  about[0] = stream;
  new DataView(about.buffer).setUint32(1, length, true);
  return about;
}

/** Whether this process has a terminal, whatever its standard input is. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", constants.O_RDWR | constants.O_NOCTTY));
    return true;
  } catch {
    return false;
  }
}
