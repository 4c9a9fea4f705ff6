/**
 * A command that announces itself: for programs that may read a password from the pipe that the
 * command will use. When the line has come, the program asks nothing any more.
 */

/** The line, without its newline. */
export const READY = "econtext: ready";

/** @returns an argument vector that prints the line and becomes `command` */
export function announced(command: readonly string[]): string[] {
  return ["sh", "-c", 'echo "$0";exec "$@"', READY, ...command];
}
