/** What is done when this process exits. A signal that it does not hear ends it without that. */

/** @param work runs at the exit, and cannot wait for anything. @returns what calls it off */
export function atExit(work: () => void): () => void {
  process.on("exit", work);
  return () => void process.off("exit", work);
}
