/**
 * ClientHost: the host of a command whose process is at the other end of a socket. Twin:
 * client.ts, which does there what this file asks for.
 */
import type { Greeting, InputFacts, Size, StreamFacts } from "../../up/greeting.ts";
import type { KeptContexts } from "../../up/keeper.ts";
import { FRAME, textOf, type Wire } from "../../up/wire.ts";
import { NO_CONNECTION } from "../exit-statuses.ts";
import {
  type Host,
  type HostSignals,
  type HostTerminal,
  type Input,
  InputError,
  ProcessEnding,
} from "../host.ts";
import { ClientOutput } from "./client-output.ts";
import { ClientPerson } from "./client-person.ts";

/** Signals that do not end a process that does not listen for them. */
const HARMLESS: readonly string[] = ["SIGCONT", "SIGWINCH"];
/** Milliseconds that a process takes to die, at most. */
const DYING_MS = 5000;

export class ClientHost implements Host {
  readonly env: Host["env"];
  readonly folder: string;
  readonly stdin: Input;
  readonly stdout: ClientOutput;
  readonly stderr: ClientOutput;
  readonly signals: HostSignals;
  readonly terminal: HostTerminal | undefined;
  readonly ending: ProcessEnding;
  readonly person: ClientPerson | null;
  kept: KeptContexts | undefined;
  readonly #wire: Wire;
  readonly #listeners = new Map<string, Set<() => void>>();
  /** Resolves when the process at the other end is gone. */
  readonly #gone = Promise.withResolvers<void>();
  #isGone = false;
  #size: Size;
  /** The read of the command that waits for input. */
  #reading: PromiseWithResolvers<Uint8Array | undefined> | undefined;

  constructor(greeting: Greeting, wire: Wire) {
    const { env, folder, stdin, stdout, stderr, terminal, hasPerson } = greeting;
    this.env = env;
    this.folder = folder;
    this.#wire = wire;
    this.#size = terminal ?? { columns: 80, rows: 24 };
    const output = (type: number, facts: StreamFacts): ClientOutput =>
      new ClientOutput(
        facts,
        (bytes) => wire.send(type, bytes),
        () => this.#size.columns,
      );
    this.stdout = output(FRAME.stdout, stdout);
    this.stderr = output(FRAME.stderr, stderr);
    this.stdin = this.#input(stdin);
    this.signals = this.#signals();
    this.ending = new ProcessEnding(this.signals);
    this.person = hasPerson ? new ClientPerson(wire) : null;
    this.terminal = terminal && {
      size: () => this.#size,
      modes: () => terminal.modes,
      setRaw: (isRaw) => wire.send(FRAME.raw, Uint8Array.of(isRaw ? 1 : 0)),
    };
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** As the system reads it: `FOLDER/.` and `FOLDER/../FILE` stay what they are. */
  path(relative: string): string {
    return relative.startsWith("/") ? relative : `${this.folder}/${relative}`;
  }

  /** Takes what the other end says. */
  receive(type: number, payload: Uint8Array): void {
    switch (type) {
      case FRAME.data:
        this.#read(payload);
        break;
      case FRAME.end:
        if (payload.length === 0) this.#read(undefined);
        else this.#reading?.reject(new InputError(textOf(payload)));
        break;
      case FRAME.written:
        (payload[0] === 1 ? this.stdout : this.stderr).written(
          new DataView(payload.buffer, payload.byteOffset).getUint32(1, true),
        );
        break;
      case FRAME.failed: {
        const { stream, code, message } = JSON.parse(textOf(payload));
        (stream === 1 ? this.stdout : this.stderr).failed(
          Object.assign(new Error(message), { code }),
        );
        break;
      }
      case FRAME.size:
        this.#size = JSON.parse(textOf(payload));
        break;
      case FRAME.signal:
        this.#hear(textOf(payload));
        break;
      case FRAME.answer:
        this.person?.answered(payload);
    }
  }

  /** Ends the command, with this reason. What runs for it is cancelled. */
  revoke(reason: string): void {
    if (this.#isGone) return;
    void this.stderr.write(`econtext: ${reason}\n`).catch(() => {});
    this.#wire.send(FRAME.done, Uint8Array.of(NO_CONNECTION));
    this.#wire.end();
    this.gone();
  }

  /** The process at the other end is gone: what runs for it is cancelled. */
  gone(): void {
    this.#isGone = true;
    this.#gone.resolve();
    const error = Object.assign(new Error("the command has ended"), { code: "EPIPE" });
    for (const output of [this.stdout, this.stderr]) output.failed(error);
    this.#read(undefined);
    this.person?.gone();
    // The first one is passed on to the remote command; the second ends the command here.
    for (let times = 0; times < 2; times += 1) {
      for (const listener of [...(this.#listeners.get("SIGTERM") ?? [])]) listener();
    }
  }

  #read(piece: Uint8Array | undefined): void {
    this.#reading?.resolve(piece);
    this.#reading = undefined;
  }

  #input({ isTerminal, isEmpty }: InputFacts): Input {
    const next = async (): Promise<Uint8Array | undefined> => {
      if (isEmpty) return undefined;
      this.#reading = Promise.withResolvers();
      this.#wire.send(FRAME.read);
      return this.#reading.promise;
    };
    async function* chunks(): AsyncGenerator<Uint8Array, void> {
      for (let piece = await next(); piece !== undefined; piece = await next()) yield piece;
    }
    return {
      isTerminal,
      isEmpty,
      chunks,
      bytes: async () => {
        const pieces: Uint8Array[] = [];
        for await (const piece of chunks()) pieces.push(piece);
        return new Uint8Array(Buffer.concat(pieces));
      },
      stream: () =>
        new ReadableStream({
          pull: async (controller) => {
            const piece = await next();
            if (piece === undefined) controller.close();
            else controller.enqueue(piece);
          },
        }),
    };
  }

  #signals(): HostSignals {
    return {
      on: (name, listener) => {
        const known = this.#listeners.get(name) ?? new Set();
        this.#listeners.set(name, known.add(listener));
      },
      off: (name, listener) => void this.#listeners.get(name)?.delete(listener),
      stop: () => this.#wire.send(FRAME.stop),
      die: async (name) => {
        this.#wire.send(FRAME.die, name);
        await Promise.race([this.#gone.promise, Bun.sleep(DYING_MS)]);
      },
      exit: (status) => this.#wire.send(FRAME.exit, Uint8Array.of(status)),
    };
  }

  #hear(name: string): void {
    const listeners = [...(this.#listeners.get(name) ?? [])];
    for (const listener of listeners) listener();
    if (listeners.length > 0 || HARMLESS.includes(name)) return;
    if (name === "SIGTSTP") this.signals.stop();
    else this.#wire.send(FRAME.die, name);
  }
}
