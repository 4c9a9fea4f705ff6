/**
 * A copy of which both ends are in one place: each message is written before the next is read, so that nothing piles up between them.
 *
 * Runs, by scripts/stage1.ts, in JavaScript contexts.
 * Twin: stage1/python/tier2/files_writer.py, `copy`.
 */
import type { WirePath } from "./paths.ts";
import { read } from "./reader.ts";
import type { MakeChannel, ReadOptions, Sends, Totals, WriteOptions } from "./records.ts";
import { Writer } from "./writer.ts";

/** @throws what keeps all of it from being written */
export async function copyWithin(
  makeChannel: MakeChannel,
  paths: readonly WirePath[],
  reading: ReadOptions,
  destination: WirePath,
  writing: WriteOptions,
  events: Sends,
  signal?: AbortSignal,
): Promise<Totals> {
  let writer: Writer | undefined;
  try {
    let isEnough = false;
    writer = new Writer(destination, writing, events, () => {
      isEnough = true;
    });
    const taker = writer;
    const sender: Sends = {
      get closed() {
        return isEnough;
      },
      async send(message) {
        if (isEnough) throw new Error("the writer takes no more");
        await taker.take(message);
      },
      close() {},
    };
    await read(makeChannel, paths, reading, sender, signal);
    signal?.throwIfAborted();
    const totals = await writer.finish();
    events.close();
    return totals;
  } catch (error) {
    events.close(error);
    throw error;
  } finally {
    writer?.abandon();
  }
}
