/**
 * Module responders answer `GET_MODULE`, and send what a call will import before the slave asks for
 * it. Each context has one responder, and each language its own class. A responder makes message
 * bodies and knows no stream.
 *
 * Spec: docs/protocol.md, "Module records".
 */
import { FLAGS } from "../protocol/frame.ts";
import type { HANDLES } from "../protocol/handles.ts";
import { CompressedBodies } from "./compressed-bodies.ts";

export interface ModuleResponder {
  /**
   * Makes the messages that have a slave which waits get ready for an import of one of `names`,
   * while `offer` still reads files. To be sent at once.
   *
   * @returns none if the slave is ready, or if `offer` has nothing to read
   */
  prepare?(names: readonly string[]): readonly ModuleMessage[];
  /**
   * Makes the messages with what importing one of `names` needs and the context does not have yet.
   *
   * @param needs modules of the second tier that the call itself uses; first, the one that has the
   *   called function, if one does
   * @returns the messages, in the order in which they must be sent; none if nothing is missing
   */
  offer(names: readonly string[], needs: readonly string[]): readonly ModuleMessage[];
  /**
   * Answers a `GET_MODULE` body.
   *
   * @throws {ProtocolError} if the body is no valid request
   */
  answer(body: Uint8Array): ModuleAnswer;
}

/** The body of a message, and the flags that tell how to read it. */
export interface Supplied {
  readonly body: Uint8Array;
  readonly flags: number;
}

/** A message that the slave did not ask for. */
export interface ModuleMessage extends Supplied {
  readonly handle: (typeof HANDLES)["LOAD_MODULE" | "LOAD_BUNDLE" | "CALL_FUNCTION"];
}

export interface ModuleAnswer extends Supplied {
  /** Must be sent before the answer: modules of the second tier that its modules need. */
  readonly before?: readonly ModuleMessage[];
}

/**
 * The most characters of a module's name or a resource's path: more than any file system allows.
 */
export const MAX_NAME = 4096;
/** The prefix of names of second-tier modules. */
export const OWN = "econtext.";

const bodies = new CompressedBodies();

/**
 * Compresses a body. Texts are worth that; package data is not.
 *
 * @param bytes must not change afterwards
 */
export function compressed(bytes: Uint8Array): Supplied {
  return stream(bodies.of(bytes));
}

/**
 * Compresses a body that many contexts are sent.
 *
 * @param name the body depends on nothing else
 * @param make is called if no context was sent this body lately
 */
export function compressedOnce(name: string, make: () => Uint8Array): Supplied {
  return stream(bodies.named(name, make));
}

/** A body that is a zlib stream already. */
export function stream(body: Uint8Array): Supplied {
  return { body, flags: FLAGS.DEFLATE };
}

export function uncompressed(body: Uint8Array): Supplied {
  return { body, flags: 0 };
}
