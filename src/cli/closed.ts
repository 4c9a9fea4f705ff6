/** Finds standard descriptors that were closed when this process began. Imports no file of src/. */
import { readFileSync } from "node:fs";

const O_CLOEXEC = 0o2000000;

/**
 * The runtime opens /dev/null in place of a closed descriptor, so that no file gets its number.
 * It opens it with close-on-exec, which a descriptor that came through an exec cannot have.
 *
 * @returns false on systems without /proc
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
