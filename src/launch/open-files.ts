/**
 * The limit of open files that this process was started with. Bun raises its own limit at its
 * start, and the old value cannot be asked for afterwards. The parent process still has it. Twin:
 * stage1/javascript/tier2/launch.js.
 */
import { readFileSync } from "node:fs";

let found: string | undefined;

/** @returns the soft limit, as `ulimit -Sn` takes it; "" if it was not raised, or is not known */
export function originalLimit(): string {
  found ??= find();
  return found;
}

function find(): string {
  try {
    const [own, parent] = [limits("self"), limits(String(process.ppid))];
    // If the hard limits differ, the parent has set other limits for this process than it has.
    return own.hard === parent.hard && own.soft !== parent.soft ? parent.soft : "";
  } catch {
    return "";
  }
}

function limits(pid: string): { readonly soft: string; readonly hard: string } {
  const text = readFileSync(`/proc/${pid}/limits`, "latin1");
  const [, soft = "", hard = ""] = /^Max open files +(\S+) +(\S+)/m.exec(text) ?? [];
  return { soft, hard };
}
