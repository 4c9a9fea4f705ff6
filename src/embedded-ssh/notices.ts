/** What the log says of the embedded ssh. */

/** What a user should know of the embedded ssh, in one line. */
export const DIFFERENCES =
  "the embedded ssh has no post-quantum key exchange, no chacha20-poly1305 and no umac " +
  "(docs/embedded-ssh.md; --log-level warning hides this line)";

/** The same of `auto`, when it starts the ssh program for the first time. */
export function fallbackNotice(reason: string): string {
  return `your ssh is started for this host, and for others that are refused here: ${reason.trim()}`;
}
