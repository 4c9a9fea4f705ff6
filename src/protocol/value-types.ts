/**
 * Types of the value codec: the encoded body, and classes for the values that JavaScript has no
 * type for.
 */
import { neutralise } from "../text.ts";

/** An encoded value: the body of a message, not yet cut into frames. */
export interface Body {
  /**
   * Their concatenation is the body. Large ones are the caller's own arrays, which must not change
   * until they are sent.
   */
  readonly chunks: readonly Uint8Array[];
  /** The number of bytes in all chunks. */
  readonly length: number;
  /** Whether a `!` member is used: then a core needs its values module to read the body. */
  readonly extended: boolean;
}

/** An exception that a context sent as a value: it is returned, not thrown. */
export class RemoteError extends Error {
  override name = "RemoteError";
  /** The name of the exception's type in the context, such as `ValueError`. */
  readonly type: string;
  /** As the context's language prints it; empty if the exception has none. */
  readonly traceback: string;

  constructor(type: string, message: string, traceback: string) {
    super(message);
    this.type = type;
    this.traceback = traceback;
  }

  /** For `console.log`: without the lines of this process that decoded it. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return neutralise(this.traceback || `${this.type}: ${this.message}`);
  }
}

/** Names a handle of a context that values can be sent to. */
export class SenderReference {
  readonly id: number;
  readonly handle: number;

  constructor(id: number, handle: number) {
    this.id = id;
    this.handle = handle;
  }
}

/** Names a generator that a context keeps until it is iterated. */
export class GeneratorReference {
  readonly id: number;
  readonly handle: number;

  constructor(id: number, handle: number) {
    this.id = id;
    this.handle = handle;
  }
}
