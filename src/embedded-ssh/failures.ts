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
