/**
 * The limit of open files that this process was started with. Bun raises its own as far as it may at its start, and nothing tells
 * afterwards what it was; the process that started us still has it.
 * Twin: stage1/javascript/tier2/launch.js.
 */
import { readFileSync } from "node:fs";

let found: string | undefined;

/** @returns the soft limit as `ulimit -Sn` takes it; "" where it was not raised, or cannot be told */
export function originalLimit(): string {
  found ??= find();
  return found;
}

function find(): string {
  try {
    const [own, parent] = [limits("self"), limits(String(process.ppid))];
    // With another hard limit, the parent has set limits of its own for us.
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
