/**
 * Collects the garbage of connections. A connection outlives the runtime's quick collections, which
 * look only at new objects. After that, only a full collection frees what it has left, and the
 * runtime does that late: a hundred connections leave 30 MB.
 */

/** Logins from one full collection to the next. One takes 50 ms of processor time, on all cores. */
const LOGINS = 64;

let logins = 0;

/** To be called for each login. */
export function countLogin(): void {
  logins += 1;
  if (logins % LOGINS === 0) Bun.gc(true);
}
