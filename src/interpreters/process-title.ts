/** What `ps` shows of a slave by default: it tells whose slave that is. */
import { readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";

/** @returns `econtext:USER@HOST:PID` of this process */
export function defaultArgv0(): string {
  name ??= userName();
  return `econtext:${name}@${hostname()}:${process.pid}`;
}

let name: string | undefined;

/** Bun's `userInfo` takes the name from the environment, where it may be missing. */
function userName(): string {
  const { username, uid } = userInfo();
  if (username !== "unknown") return username;
  try {
    const lines = readFileSync("/etc/passwd", "utf8").split("\n");
    return lines.map((line) => line.split(":")).find((f) => f[2] === String(uid))?.[0] ?? `${uid}`;
  } catch {
    return `${uid}`;
  }
}
