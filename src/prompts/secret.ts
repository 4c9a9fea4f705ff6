/**
 * Secret: a password, a passphrase or a one-time code. Its bytes are overwritten after use, and it
 * shows nothing of them in an error, a log or an inspector. Core dumps of this process stop with
 * the first secret.
 */
import { forbidCoreDumps } from "../io/libc.ts";

/** `inspect.custom` of node:util, which takes long to load. */
const INSPECT = Symbol.for("nodejs.util.inspect.custom");
const SHOWN = "[secret]";
const NEWLINE = 10;
const RETURN = 13;

export class Secret {
  readonly #bytes: Uint8Array;

  /** @param bytes taken over: they are overwritten with the secret */
  constructor(bytes: Uint8Array) {
    forbidCoreDumps();
    this.#bytes = bytes;
  }

  /**
   * @param value a text cannot be overwritten, and stays in memory for a while; bytes are copied,
   *   and stay the caller's
   */
  static of(value: string | Uint8Array): Secret {
    return new Secret(typeof value === "string" ? Buffer.from(value) : Uint8Array.from(value));
  }

  /**
   * @param bytes the output of a program or a descriptor, taken over
   * @returns the first line
   */
  static ofFirstLine(bytes: Uint8Array): Secret {
    const at = bytes.indexOf(NEWLINE);
    const end = at < 0 ? bytes.length : at;
    // `slice` of a Buffer would share the memory that is overwritten here.
    const line = bytes.subarray(0, bytes[end - 1] === RETURN ? end - 1 : end);
    const secret = new Secret(Uint8Array.from(line));
    bytes.fill(0);
    return secret;
  }

  get isEmpty(): boolean {
    return this.#bytes.length === 0;
  }

  copy(): Secret {
    return new Secret(Uint8Array.from(this.#bytes));
  }

  /** @returns the bytes and a newline; the caller overwrites them after use */
  line(): Uint8Array {
    const line = new Uint8Array(this.#bytes.length + 1);
    line.set(this.#bytes);
    line[this.#bytes.length] = NEWLINE;
    return line;
  }

  equals(other: Secret): boolean {
    return Buffer.compare(this.#bytes, other.#bytes) === 0;
  }

  wipe(): void {
    this.#bytes.fill(0);
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [INSPECT](): string {
    return SHOWN;
  }
}
