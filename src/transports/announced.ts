/**
 * A command that announces itself: for programs that may read a password from the pipe that the
 * command will use. When the line has come, the program asks nothing any more.
 */

/**
 * @param nonce new for each conversation: 16 characters
 * @returns the text by which a program's question is known
 */
export function questionMark(nonce: string): string {
  return `econtext-${nonce}:`;
}

/** @returns the text for sudo's question. sudo replaces `%p` by the account's name. */
export function questionText(nonce: string): string {
  return `${questionMark(nonce)}%p:`;
}

/** The text of a question, which says nothing to a person. */
export const QUESTION_TEXT = /econtext-[\w-]{16}:[^:\n]*:/g;

/** The line, without its newline. */
export const READY = "econtext: ready";

/** The account's home folder, as after a login; a folder that it may not enter is no error. */
const GO_HOME = "cd 2>/dev/null||cd /";

/** @returns an argument vector that goes home, prints the line and becomes `command` */
export function announced(command: readonly string[]): string[] {
  return ["sh", "-c", `${GO_HOME};echo "$0";exec "$@"`, READY, ...command];
}
