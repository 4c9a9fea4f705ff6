/** Whether a standard descriptor was closed when this process began. Leaf: imports nothing of ours. */
import { readFileSync } from "node:fs";

const O_CLOEXEC = 0o2000000;

/**
 * The runtime opens /dev/null in the place of a closed descriptor, so that no other file takes its number; it does so with
 * close-on-exec, which no descriptor can have that came through an exec. False where there is no /proc.
 */
export function wasClosed(fd: number): boolean {
  try {
    const [, flags = "0"] =
      /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8")) ?? [];
    return (Number.parseInt(flags, 8) & O_CLOEXEC) !== 0;
  } catch {
    return false;
  }
}
