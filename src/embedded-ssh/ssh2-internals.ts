/**
 * Private members of ssh2's clients, for tasks that have no public method. If a version of the
 * package renames them, the tests of rekeying, of agents, of servers that disconnect and of those
 * that demand several methods fail.
 */
import type { Client } from "ssh2";

interface KeyExchange {
  readonly sessionID?: Buffer;
  /** The signature of the exchange by the host key. */
  readonly _sig?: Buffer;
}

interface Handlers {
  DISCONNECT?(protocol: unknown, code: number, reason: string): void;
  USERAUTH_FAILURE?(protocol: unknown, left: readonly string[], isPartial: boolean): void;
}

interface Internals {
  readonly _protocol?: {
    rekey(): void;
    authPassword(user: string, password: Buffer, newPassword: Buffer): void;
    readonly _kex?: KeyExchange;
    readonly _handlers: Handlers;
  };
}

/** Of an account whose password has expired. */
export interface NewPassword {
  readonly old: string;
  readonly fresh: string;
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
 * Answers a server that demands a new password. The package would send the password of its
 * settings, which are given none.
 */
export function sendNewPassword(client: Client, user: string, { old, fresh }: NewPassword): void {
  const [password, newPassword] = [Buffer.from(old), Buffer.from(fresh)];
  (client as unknown as Internals)._protocol?.authPassword(user, password, newPassword);
  password.fill(0);
  newPassword.fill(0);
}

/** Hears why a server disconnects. The package tells nothing of a server that only says goodbye. */
export function hearDisconnect(client: Client, hear: (code: number, reason: string) => void): void {
  const handlers = (client as unknown as Internals)._protocol?._handlers;
  const own = handlers?.DISCONNECT;
  if (handlers === undefined) return;
  handlers.DISCONNECT = (protocol, code, reason) => {
    hear(code, reason);
    own?.(protocol, code, reason);
  };
}

/**
 * Hears what a server answers to a method that is not enough.
 *
 * @param hear returns whether the package must do nothing about it
 */
export function hearFailures(
  client: Client,
  hear: (left: readonly string[], isPartial: boolean) => boolean,
): void {
  const handlers = (client as unknown as Internals)._protocol?._handlers;
  const own = handlers?.USERAUTH_FAILURE;
  if (handlers === undefined) return;
  handlers.USERAUTH_FAILURE = (protocol, left, isPartial) => {
    if (!hear(left, isPartial)) own?.(protocol, left, isPartial);
  };
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
