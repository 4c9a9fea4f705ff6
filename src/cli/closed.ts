/** Finds standard descriptors that were closed when this process began. */
import { closesAtExec } from "../io/quick-calls.ts";

/**
 * The runtime opens /dev/null in place of a closed descriptor, so that no file gets its number.
 * It opens it with close-on-exec, which a descriptor that came through an exec cannot have.
 *
 * @returns false where the system cannot be asked
 */
export function wasClosed(fd: number): boolean {
  return closesAtExec(fd);
}
