/**
 * Joins what is written to a stream in one turn of the event loop. ssh2 writes a packet in up to
 * three pieces, and several packets in one turn. Each piece would be a packet of the network.
 * Behind a jump host, it would be three packets of that host's connection.
 */
import type { Duplex } from "node:stream";

/** The stream's `write` does not tell any more whether the stream is full: ssh2 does not ask. */
export function joinWrites(stream: Duplex): void {
  const write = stream.write.bind(stream) as (bytes: Uint8Array) => boolean;
  const end = stream.end.bind(stream) as (...more: unknown[]) => Duplex;
  let waiting: Uint8Array[] = [];
  const flush = (): void => {
    const [first, ...others] = waiting;
    waiting = [];
    if (first === undefined || !stream.writable) return;
    write(others.length === 0 ? first : Buffer.concat([first, ...others]));
  };
  stream.write = ((chunk: Uint8Array | string): boolean => {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk, "latin1") : chunk;
    if (waiting.push(bytes) === 1) process.nextTick(flush);
    return true;
  }) as Duplex["write"];
  stream.end = ((...more: unknown[]): Duplex => {
    flush();
    return end(...more);
  }) as Duplex["end"];
}
