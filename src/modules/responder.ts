/**
 * Module responders answer `GET_MODULE`, and send what a call will import before the slave asks for
 * it. Each context has one responder, and each language its own class. A responder makes message
 * bodies and knows no stream.
 *
 * Spec: docs/protocol.md, "Module records".
 */
import { deflated, PackedText } from "./packed.ts";

export interface ModuleResponder {
  /**
   * Makes a `LOAD_MODULE` body, not yet compressed: what importing one of `names` needs and the
   * context does not have yet.
   *
   * @param needs modules of the second tier that the call itself uses
   * @returns undefined if nothing is missing
   */
  offer(names: readonly string[], needs: readonly string[]): Uint8Array | PackedText | undefined;
  /**
   * Answers a `GET_MODULE` body. The answer is not yet compressed.
   *
   * @throws {ProtocolError} if the body is no valid request
   */
  answer(body: Uint8Array): ModuleAnswer;
}

export interface ModuleAnswer {
  readonly body: Uint8Array | PackedText;
  /** Whether the body is text, which is worth compressing; package data is not. */
  readonly isText: boolean;
}

/**
 * The most characters of a module's name or a resource's path: more than any file system allows.
 */
export const MAX_NAME = 4096;
/** The prefix of names of second-tier modules. */
export const OWN = "econtext.";

/** Compresses a body, for a message with the flag `DEFLATE`. */
export function deflate(body: Uint8Array | PackedText): Uint8Array {
  return body instanceof PackedText ? body.deflated() : deflated(body);
}

/** The bytes of a body without compression. */
export function plain(body: Uint8Array | PackedText): Uint8Array {
  return body instanceof PackedText ? new TextEncoder().encode(body.text()) : body;
}
