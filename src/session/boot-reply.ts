/**
 * The slave's answer to BOOT: `[kind, version, pid, executable]`. Spec: docs/protocol.md,
 * "Bootstrap".
 */
import type { SlaveInfo } from "../context/session.ts";
import { ProtocolError } from "../errors.ts";
import { isKind, KINDS, type Language, languageOf } from "../interpreters/kind.ts";
import { decodeValue } from "../protocol/value.ts";
import { neutralise } from "../text.ts";

/** Characters of a wrong kind that an error shows. */
const SHOWN = 40;

/**
 * @param expected the only language that the plan allows, if there is only one
 * @throws {ProtocolError} `ERR_PROTOCOL_VALUE`
 */
export function readBootReply(body: Uint8Array, expected: Language | undefined): SlaveInfo {
  const reply = decodeValue(body);
  if (!Array.isArray(reply) || reply.length !== 4 || typeof reply[2] !== "number") {
    throw refused("malformed reply to BOOT: expected [kind, version, pid, executable]");
  }
  const [kind, version, , executable] = reply.map(String) as [string, string, string, string];
  if (!isKind(kind)) {
    const got = JSON.stringify(neutralise(kind.slice(0, SHOWN)));
    throw refused(`malformed reply to BOOT: expected a kind of ${KINDS.join(", ")}, got ${got}`);
  }
  if (expected !== undefined && languageOf(kind) !== expected) {
    throw refused(`wrong reply to BOOT: expected an interpreter of ${expected}, got ${kind}`);
  }
  return { kind, version, pid: reply[2], executable };
}

function refused(problem: string): ProtocolError {
  return new ProtocolError("ERR_PROTOCOL_VALUE", problem);
}
