/**
 * Private members of ssh2's clients, for tasks that have no public method. If a version of the
 * package renames them, the tests of rekeying and of agents fail.
 */
import type { Client } from "ssh2";

interface KeyExchange {
  readonly sessionID?: Buffer;
  /** The signature of the exchange by the host key. */
  readonly _sig?: Buffer;
}

interface Internals {
  readonly _protocol?: { rekey(): void; readonly _kex?: KeyExchange };
}

/** Proves to an agent which server a session leads to. */
export interface SessionProof {
  /** A public key, as ssh sends it. */
  readonly hostKey: Buffer;
  readonly sessionId: Buffer;
  readonly signature: Buffer;
}

/** Asks the server for new keys. */
export function rekey(client: Client): void {
  (client as unknown as Internals)._protocol?.rekey();
}

/**
 * To be called while the host key is verified: the package drops the signature afterwards.
 *
 * @returns the proof, when the key exchange is over; undefined before
 */
export function sessionProof(client: Client, hostKey: Buffer): () => SessionProof | undefined {
  const exchange = (client as unknown as Internals)._protocol?._kex;
  const signature = exchange?._sig && Buffer.from(exchange._sig);
  return () => {
    const { sessionID: sessionId } = exchange ?? {};
    if (sessionId === undefined || signature === undefined) return undefined;
    return { hostKey, sessionId, signature };
  };
}
