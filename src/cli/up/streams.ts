/**
 * The standard streams of a command that another process runs. Most commands read little and print
 * little: single system calls do that, and no other part of the program is loaded. The ProcessHost
 * does all the rest, and is loaded when it is needed.
 */
import {
  canBeRead,
  isNull,
  isTerminal,
  openPipe,
  readNow,
  statusOf,
  writeNow,
} from "../../io/quick-calls.ts";
import type { InputFacts, StreamFacts } from "../../up/greeting.ts";
import { wasClosed } from "../closed.ts";
import type { Host } from "../host.ts";
import { wantsColour } from "../ui/wants-colour.ts";

/** Bytes of input that are read by single calls. */
const QUICK_BYTES = 1 << 16;
/** No descriptor: the ProcessHost reads or writes. */
const NONE = -1;

export type OutputNumber = 1 | 2;

export class Streams {
  readonly stdin: InputFacts;
  readonly stdout: StreamFacts;
  readonly stderr: StreamFacts;
  readonly #load: () => Promise<Host>;
  #host: Promise<Host> | undefined;
  readonly #outputs: Readonly<Record<OutputNumber, QuickOutput>>;
  readonly #input = new QuickInput();
  /** Input that the ProcessHost reads. */
  #rest: Promise<AsyncIterator<unknown>> | undefined;

  /** @param load makes the host of this process */
  constructor(load: () => Promise<Host>) {
    this.#load = load;
    const factsOf = (fd: number): StreamFacts => {
      const isOne = isTerminal(fd) === true;
      return { isTerminal: isOne, coloured: isOne && wantsColour(process.env) };
    };
    const isEmpty = isNull(statusOf(0));
    this.stdin = {
      isTerminal: !isEmpty && isTerminal(0) === true,
      isEmpty,
      isReadable: !wasClosed(0) && canBeRead(0),
    };
    this.stdout = factsOf(1);
    this.stderr = factsOf(2);
    this.#outputs = { 1: new QuickOutput(1), 2: new QuickOutput(2) };
  }

  /** The host of this process. */
  host(): Promise<Host> {
    this.#host ??= this.#load();
    return this.#host;
  }

  /** @returns undefined: all of it is written; else what resolves or rejects when it is known */
  write(stream: OutputNumber, bytes: Uint8Array): Promise<void> | undefined {
    const output = this.#outputs[stream];
    const written = output.write(bytes);
    if (written === bytes.length) return undefined;
    // From here on, the ProcessHost writes all: it must not overtake itself.
    output.give();
    const rest = bytes.subarray(written);
    return this.host().then(({ stdout, stderr }) => (stream === 1 ? stdout : stderr).write(rest));
  }

  /** @returns the next bytes of the input; undefined: it has ended */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#rest === undefined) {
      const bytes = this.#input.read();
      if (bytes !== undefined) return bytes.length === 0 ? undefined : bytes;
      this.#rest = this.host().then(({ stdin }) => stdin.chunks(false)[Symbol.asyncIterator]());
    }
    const { done, value } = await (await this.#rest).next();
    return done === true ? undefined : (value as Uint8Array);
  }
}

/** Writes as much as the descriptor takes without waiting for its reader. */
class QuickOutput {
  readonly #fd: OutputNumber;
  #target: number | undefined;

  constructor(fd: OutputNumber) {
    this.#fd = fd;
  }

  /** @returns the number of bytes */
  write(bytes: Uint8Array): number {
    this.#target ??= wasClosed(this.#fd) ? NONE : quickly(this.#fd, "write");
    if (this.#target === NONE) return 0;
    let at = 0;
    while (at < bytes.length) {
      const written = writeNow(this.#target, bytes.subarray(at));
      if (written <= 0) break;
      at += written;
    }
    return at;
  }

  /** From now on, nothing is written here. */
  give(): void {
    this.#target = NONE;
  }
}

class QuickInput {
  #source: number | undefined;
  #left = QUICK_BYTES;

  /** @returns what is there; no bytes at the end; undefined: the ProcessHost has to read */
  read(): Uint8Array | undefined {
    this.#source ??= quickly(0, "read");
    if (this.#source === NONE || this.#left <= 0) return undefined;
    const buffer = new Uint8Array(QUICK_BYTES);
    const size = readNow(this.#source, buffer);
    if (size < 0) return undefined;
    this.#left -= size;
    return buffer.subarray(0, size);
  }
}

/** @returns a descriptor of the same stream that does not wait for another process */
function quickly(fd: number, mode: "read" | "write"): number {
  const status = statusOf(fd);
  if (status === undefined) return NONE;
  if (status.kind === "pipe") return openPipe(fd, mode);
  return status.kind === "file" || isNull(status) ? fd : NONE;
}
