/** The greeting of this command: what it tells of its process to the one that keeps connections. */
import { hasTerminal } from "../../io/quick-calls.ts";
import { type Greeting, identity, ownGroups } from "../../up/greeting.ts";
import type { Host } from "../host.ts";
import type { Streams } from "./streams.ts";

/** @returns the payload of the first frame */
export function greetingOf(
  args: readonly string[],
  { stdin, stdout, stderr }: Streams,
  terminal: Host["terminal"],
): string {
  const greeting: Greeting = {
    identity: identity(),
    sentAt: Date.now(),
    args,
    env: process.env,
    folder: process.cwd(),
    umask: process.umask(),
    groups: ownGroups(),
    parent: process.ppid,
    stdin,
    stdout,
    stderr,
    ...(terminal && { terminal: { ...terminal.size(), modes: terminal.modes() } }),
    hasPerson: hasTerminal(),
  };
  return JSON.stringify(greeting);
}
