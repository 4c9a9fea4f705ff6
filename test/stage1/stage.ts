/**
 * A first stage as its tests start it, whatever its language: by hand, with a marker that is known.
 */
import { expect } from "bun:test";
import { join } from "node:path";
import { firstStage } from "../../src/interpreters/first-stage.ts";
import type { Plan } from "../../src/interpreters/plan.ts";
import { preamble } from "../../src/interpreters/preamble.ts";

export const DESCRIPTORS = join(import.meta.dir, "../fixtures/faults/descriptors.py");
/** How long what was cut short may take to be gone, on a machine that is busy. */
export const GONE_MS = 15_000;
export const CUT_SHORT = 99;

const NONCE = "n".repeat(22);
const MARKER = `econtext/1 ${NONCE}\n`;

export function preambleOf(plan: Plan, argv0: string): Uint8Array {
  const boot = { id: 1, nonce: NONCE, name: "x", argv0, level: 20, lease: 0, rate: 0 };
  return preamble(boot, plan);
}

export function start(plan: Plan, env: Record<string, string | undefined> = process.env) {
  // A guard speaks to its process group: that has to be its own, as it is behind sshd.
  return Bun.spawn(firstStage(plan), { stdio: ["pipe", "pipe", "pipe"], env, detached: true });
}

/** Waits until it has started: its first output is the marker. Then ends it. */
export async function hasStarted(child: ReturnType<typeof start>): Promise<void> {
  const said = await child.stdout.getReader().read();
  expect(new TextDecoder().decode(said.value).startsWith(MARKER)).toBe(true);
  await child.stdin.end();
  await child.exited;
}

export async function writeByteByByte(
  child: ReturnType<typeof start>,
  bytes: Uint8Array,
): Promise<void> {
  for (const byte of bytes) {
    child.stdin.write(Uint8Array.of(byte));
    await child.stdin.flush();
  }
}
