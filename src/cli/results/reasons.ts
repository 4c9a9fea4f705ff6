/** Why targets failed, in a few words: for the closing line and for headings. */
import { oneLine } from "../../index.ts";
import { compress } from "../../sets/fold-names.ts";
import type { TargetEnd } from "./report.ts";

/** By the code of the error; the beginning of a code stands for all that have it. */
const WORDS: readonly (readonly [code: string, words: string])[] = [
  ["ERR_TRANSPORT_UNREACHABLE", "no answer"],
  ["ERR_TRANSPORT_UNKNOWN_HOST", "no such host"],
  ["ERR_TRANSPORT_HOST_KEY_CHANGED", "host key changed"],
  ["ERR_TRANSPORT_HOST_KEY_REVOKED", "host key revoked"],
  ["ERR_TRANSPORT_HOST_KEY_UNKNOWN", "host key not known"],
  ["ERR_TRANSPORT_PERMISSION_DENIED", "permission denied"],
  ["ERR_TRANSPORT_PASSWORD", "password"],
  ["ERR_TRANSPORT", "no connection"],
  ["ERR_BOOTSTRAP_NO_INTERPRETER", "no interpreter"],
  ["ERR_BOOTSTRAP_TOO_OLD", "interpreter too old"],
  ["ERR_BOOTSTRAP_NOISE", "noise at login"],
  ["ERR_BOOTSTRAP", "no interpreter came up"],
  ["ERR_DEADLINE_CONNECT", "no answer in time"],
  ["ERR_DEADLINE", "deadline"],
  ["ERR_DISCONNECT", "connection lost"],
  ["ERR_PROTOCOL", "bytes of something else"],
  ["ERR_SKIPPED", "not begun"],
  ["ERR_CANCELLED", "cancelled"],
  ["ERR_CALL", "call failed"],
  ["ERR_FILES", "copy failed"],
  ["ENOSPC", "disk full"],
  ["EDQUOT", "disk full"],
];

const REFUSED = /refuses the connection/;

/** @returns how a command ended that failed: `web1: exit status 7`, `web1: SIGKILL` */
export function statusText({ target, status, signal }: TargetEnd): string {
  return `${oneLine(target)}: ${signal ?? `exit status ${status}`}`;
}

/** @returns why a target failed, in a few words */
export function reasonOf({ status, signal, error }: TargetEnd): string {
  if (error === undefined) return signal ?? `exit ${status}`;
  const { code, type } = error as { readonly code?: unknown; readonly type?: unknown };
  // The type of a remote exception says more than that there was one.
  if (code === "ERR_CALL_FAILED" && typeof type === "string") return type;
  if (REFUSED.test(String((error as { readonly message?: unknown }).message))) return "refused";
  const found = WORDS.find(([one]) => String(code).startsWith(one));
  return found?.[1] ?? `exit ${status}`;
}

/** @returns each reason with the names of its targets: `web[3,7] (exit 7), db1 (no answer)` */
export function failuresInWords(failed: readonly TargetEnd[]): string {
  const byReason = new Map<string, string[]>();
  for (const end of failed) {
    const names = byReason.get(reasonOf(end)) ?? [];
    names.push(end.target);
    byReason.set(reasonOf(end), names);
  }
  return [...byReason].map(([reason, names]) => `${compress(names)} (${reason})`).join(", ");
}
