/** Why a command could not be run over the embedded ssh. */

/**
 * A host or its configuration demands something that the embedded ssh lacks, and the system's ssh
 * may have.
 */
export class Refusal extends Error {}

/** The connection could not be made, or is lost. The message is ssh's, and ends with a newline. */
export class ConnectionFailure extends Error {}

/** The server opens no session, or no further one. */
export class NoSession extends ConnectionFailure {}

/** A host on the way to the server has failed. The message names it. */
export class JumpFailure extends ConnectionFailure {}

/** Reasons of SSH_MSG_CHANNEL_OPEN_FAILURE (RFC 4254, section 5.1), as ssh prints them. */
const OPEN_FAILURES: readonly string[] = [
  "unknown reason",
  "administratively prohibited",
  "connect failed",
  "unknown channel type",
  "resource shortage",
];
/** What ssh2 writes before the server's own words. */
const OPEN_FAILURE = "(SSH) Channel open failure: ";

export function isOpenFailure({ message }: Error): boolean {
  return message.startsWith(OPEN_FAILURE);
}

/** @param error of ssh2, of a channel that the server does not open @returns what ssh prints */
export function openFailed(error: Error & { reason?: number | string }): string {
  const { reason, message } = error;
  const why = OPEN_FAILURES[Number(reason)] ?? "unknown reason";
  return `channel 0: open failed: ${why}: ${message.replace(OPEN_FAILURE, "")}\r\n`;
}
