/**
 * Messages to an ssh agent, from PROTOCOL.agent and draft-ietf-sshm-ssh-agent: those that the
 * package ssh2 lacks, and the list of keys, from which it drops those that it cannot use. A message
 * is a type and fields, behind its length.
 */
import { createPrivateKey } from "node:crypto";
import type { ParsedKey } from "ssh2";
import { hostKeyOf } from "./known-hosts.ts";
import type { SessionProof } from "./ssh2-internals.ts";

const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const ADD_IDENTITY = 17;
const ADD_RESTRICTED_IDENTITY = 25;
const EXTENSION = 27;
const FOR_SECONDS = 1;
const CONFIRMED = 2;
const SESSION_BIND = "session-bind@openssh.com";

/** How the agent restricts the use of a key. */
export interface Restriction {
  /** 0: as long as the agent runs. */
  readonly seconds: number;
  /** Whether the agent asks before each use. */
  readonly isConfirmed: boolean;
}

/** A key that an agent holds, of any type. */
export interface HeldKey {
  /** `ssh-ed25519-cert-v01@openssh.com`, `sk-ssh-ed25519@openssh.com` */
  readonly type: string;
  /** The public key, or the certificate, as ssh sends it. */
  readonly blob: Buffer;
  readonly comment: string;
}

export function listMessage(): Buffer {
  return string(Buffer.of(REQUEST_IDENTITIES));
}

/**
 * @param reply the agent's answer to `listMessage`, without its length
 * @throws {RangeError} the answer is cut
 */
export function heldKeys(reply: Buffer): HeldKey[] {
  if (reply[0] !== IDENTITIES_ANSWER) return [];
  let at = 5;
  const next = (): Buffer => {
    const start = at + 4;
    at = start + reply.readUInt32BE(at);
    return reply.subarray(start, at);
  };
  const keys: HeldKey[] = [];
  for (let left = reply.readUInt32BE(1); left > 0; left--) {
    const [blob, comment] = [next(), next().toString()];
    keys.push({ type: hostKeyOf(blob).type, blob, comment });
  }
  return keys;
}

/** @param isForwarded whether the connection to the agent is one of the server's side */
export function bindMessage(proof: SessionProof, isForwarded: boolean): Buffer {
  const { hostKey, sessionId, signature } = proof;
  const parts = [Buffer.from(SESSION_BIND), hostKey, sessionId, signature].map(string);
  return string(Buffer.concat([Buffer.of(EXTENSION), ...parts, Buffer.of(Number(isForwarded))]));
}

/** @param comment what the agent calls the key */
export function addMessage(
  key: ParsedKey,
  comment: string,
  { seconds, isConfirmed }: Restriction,
): Buffer {
  const restrictions = Buffer.concat([
    ...(seconds > 0 ? [Buffer.of(FOR_SECONDS), uint32(seconds)] : []),
    ...(isConfirmed ? [Buffer.of(CONFIRMED)] : []),
  ]);
  const type = restrictions.length > 0 ? ADD_RESTRICTED_IDENTITY : ADD_IDENTITY;
  const fields = [key.type, ...privateFields(key), comment].map((field) =>
    string(Buffer.from(field)),
  );
  return string(Buffer.concat([Buffer.of(type), ...fields, restrictions]));
}

/** @returns the fields of a private key, between its type and its comment */
function privateFields(key: ParsedKey): Buffer[] {
  const parts = createPrivateKey(key.getPrivatePEM()).export({ format: "jwk" });
  const bytes = (name: "crv" | "d" | "e" | "n" | "p" | "q" | "qi" | "x" | "y"): Buffer =>
    Buffer.from(parts[name] ?? "", "base64url");
  const number = (name: Parameters<typeof bytes>[0]): Buffer => unsigned(bytes(name));
  switch (parts.kty) {
    case "RSA":
      return [number("n"), number("e"), number("d"), number("qi"), number("p"), number("q")];
    case "EC": {
      const curve = key.type.replace("ecdsa-sha2-", "");
      const point = Buffer.concat([Buffer.of(4), bytes("x"), bytes("y")]);
      return [Buffer.from(curve), point, number("d")];
    }
    default:
      return [bytes("x"), Buffer.concat([bytes("d"), bytes("x")])];
  }
}

/** A number that could be taken for a negative one gets a zero in front. */
function unsigned(bytes: Buffer): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const short = bytes.subarray(Math.max(0, first));
  return (short[0] ?? 0) < 128 ? short : Buffer.concat([Buffer.of(0), short]);
}

function string(bytes: Buffer): Buffer {
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
