/** What a context and its connection are like: round trip, bandwidth, clock, and the disk there. */
import type { Context } from "../context/context.ts";

/** Round trips that are measured. */
const PINGS = 10;
/** Bytes each way, at first. A fast link is measured again with more. */
const FIRST_BYTES = 256 * 1024;
const MOST_BYTES = 32 * 1024 * 1024;
/** A measurement that takes this long is good enough. */
const ENOUGH_MS = 250;

/** @returns the median of some round trips, in milliseconds */
export async function roundTrip(context: Context): Promise<{ median: number; worst: number }> {
  const all: number[] = [];
  for (let i = 0; i < PINGS; i++) all.push(await context.ping());
  all.sort((a, b) => a - b);
  return { median: all[PINGS >> 1] ?? 0, worst: all[PINGS - 1] ?? 0 };
}

export interface Bandwidth {
  /** Bytes per second to the context, and from it. */
  readonly up: number;
  readonly down: number;
}

export async function bandwidth(context: Context): Promise<Bandwidth> {
  const up = await rate(async (bytes) => {
    const { exited } = context.exec(["sh", "-c", "cat >/dev/null"], { stdin: zeros(bytes) });
    await exited;
  });
  const down = await rate(async (bytes) => {
    const process = context.exec(["head", "-c", String(bytes), "/dev/zero"]);
    for await (const _ of process.stdout);
    await process.exited;
  });
  return { up, down };
}

/** Starts small: a slow link must not take minutes. */
async function rate(move: (bytes: number) => Promise<void>): Promise<number> {
  for (let bytes = FIRST_BYTES; ; ) {
    const started = performance.now();
    await move(bytes);
    const ms = performance.now() - started;
    if (ms >= ENOUGH_MS || bytes >= MOST_BYTES) return (bytes * 1000) / ms;
    bytes = Math.min(MOST_BYTES, bytes * 8);
  }
}

async function* zeros(bytes: number): AsyncGenerator<Uint8Array, void> {
  const chunk = new Uint8Array(64 * 1024);
  for (let left = bytes; left > 0; left -= chunk.length) yield chunk.subarray(0, left);
}

/**
 * @returns milliseconds that the clock there is ahead, and by how much that may be wrong: half of
 *   the time that the question took, the millisecond that our clock is rounded to, and half of the
 *   second that `date` rounds to where it knows no fractions
 */
export async function clockDifference(
  context: Context,
): Promise<{ ahead: number; within: number } | undefined> {
  const asked = Date.now();
  const text = await context.exec(["date", "+%s.%N"]).stdout.text();
  const answered = Date.now();
  const [, seconds, nanos] = /^(\d+)\.(\d{9})?/.exec(text) ?? [];
  if (seconds === undefined) return undefined;
  const isFine = nanos !== undefined;
  const there = Number(seconds) * 1000 + (isFine ? Number(nanos) / 1e6 : 500);
  const within = (answered - asked) / 2 + 1 + (isFine ? 0 : 500);
  return { ahead: there - (asked + answered) / 2, within };
}

/**
 * The threads count, and not the process as a whole: the system adds to that what its children have
 * written, which are commands.
 *
 * @param pid of the slave
 * @returns bytes that the slave has had written to a disk; undefined where the system does not tell
 */
export async function writtenBytes(context: Context, pid: number): Promise<number | undefined> {
  const process = context.exec(["sh", "-c", 'cat "/proc/$0/task/"*/io', String(pid)]);
  const [text, { status }] = await Promise.all([process.stdout.text(), process.exited]);
  const threads = [...text.matchAll(/^write_bytes: (\d+)$/gm)].map(([, bytes]) => Number(bytes));
  if (status !== 0 || threads.length === 0) return undefined;
  return threads.reduce((sum, bytes) => sum + bytes, 0);
}
