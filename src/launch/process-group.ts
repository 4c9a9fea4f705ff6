/** The process group of a slave on this machine. */

/** Milliseconds that a slave without a guard has to end by itself. */
const SWEEP_MS = 800;
const POLL_MS = 20;

/** Waits until no process of the group is left. Kills those that do not end by themselves. */
export async function sweepGroup(group: number): Promise<void> {
  for (let left = SWEEP_MS; ; left -= POLL_MS) {
    try {
      process.kill(-group, left > 0 ? 0 : "SIGKILL");
    } catch {
      return; // the group is empty
    }
    if (left <= 0) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
