/** Why a command could not be run over the embedded ssh. */

/**
 * The embedded ssh lacks what a host or its configuration demands. The system's ssh may have it.
 */
export class Refusal extends Error {}

/** The connection could not be made, or is lost. The message is ssh's, and ends with a newline. */
export class ConnectionFailure extends Error {}
