/**
 * What the value codec hands around: the encoded body, and the classes of what JavaScript has no type for.
 * The wire form of each is drawn in value.ts.
 */
import { neutralise } from "../text.ts";

/** An encoded value: the body of a message, not yet cut into frames. */
export interface Body {
  /** Their concatenation is the body. Parts are the caller's own arrays: they must stay unchanged until sent. */
  readonly chunks: readonly Uint8Array[];
  /** Bytes in all chunks together. */
  readonly length: number;
  /** A `!` member is used: a core needs its values module to read this. */
  readonly extended: boolean;
}

/** An exception of the far side that was sent as a value: it is handed over, not thrown. */
export class RemoteError extends Error {
  override name = "RemoteError";
  /** The exception's type over there, such as `ValueError`. */
  readonly type: string;
  /** As the far side's language prints it; empty when it has none. */
  readonly traceback: string;

  constructor(type: string, message: string, traceback: string) {
    super(message);
    this.type = type;
    this.traceback = traceback;
  }

  /** As `console.log` shows it: without where it was decoded. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return neutralise(this.traceback || `${this.type}: ${this.message}`);
  }
}

/** Names a handle in a context, to send to. */
export class SenderReference {
  readonly id: number;
  readonly handle: number;

  constructor(id: number, handle: number) {
    this.id = id;
    this.handle = handle;
  }
}

/** Names a generator that is kept in a context until it is iterated. */
export class GeneratorReference {
  readonly id: number;
  readonly handle: number;

  constructor(id: number, handle: number) {
    this.id = id;
    this.handle = handle;
  }
}
