/**
 * The module responder: answers `GET_MODULE`, and sends along, unasked and before it is asked for, what a call will import. One for each
 * context; a language has its own. Knows no stream: it makes bodies, its user sends them.
 *
 * Spec: docs/protocol.md, "Module records".
 */
import { deflateSync } from "node:zlib";
import { PackedText } from "./packed.ts";

export interface ModuleResponder {
  /**
   * A `LOAD_MODULE` body, not yet compressed, with what importing one of `names` takes and the context does not have yet; undefined when
   * that is nothing. `needs` are modules of the second tier that the call itself wants.
   */
  offer(names: readonly string[], needs: readonly string[]): Uint8Array | PackedText | undefined;
  /**
   * The answer to a `GET_MODULE` body, not yet compressed: text, or package data.
   *
   * @throws {ProtocolError} when it is no request
   */
  answer(body: Uint8Array): ModuleAnswer;
}

export interface ModuleAnswer {
  readonly body: Uint8Array | PackedText;
  /** Whether it is worth compressing. */
  readonly isText: boolean;
}

/** Characters of a module's name or a resource's path: more than any file system has. */
export const MAX_NAME = 4096;
/** In front of a name: a module of the second tier. */
export const OWN = "econtext.";

/** For the `DEFLATE` flag. */
export function deflate(body: Uint8Array | PackedText): Uint8Array {
  return body instanceof PackedText ? body.deflated() : deflateSync(body, { level: 6 });
}

/** As it is. */
export function plain(body: Uint8Array | PackedText): Uint8Array {
  return body instanceof PackedText ? new TextEncoder().encode(body.text()) : body;
}
