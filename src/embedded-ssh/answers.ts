/** Questions whose answers are text, as ssh2 takes them. */
import type { Asker } from "../launch/child.ts";

/**
 * The answer cannot be overwritten: it stays in memory until it is collected.
 *
 * @returns undefined: nothing answers
 */
export async function answerTo(
  asker: Asker | undefined,
  question: string,
): Promise<string | undefined> {
  const secret = await asker?.ask(question);
  if (secret === undefined) return undefined;
  const line = secret.line();
  secret.wipe();
  const text = new TextDecoder().decode(line.subarray(0, -1));
  line.fill(0);
  return text;
}
