/**
 * Runs only in JavaScript slaves, joined by scripts/shared-modules.ts.
 *
 * A copy whose reader and writer are in the same context. Each message is written before the next
 * one is read, so nothing queues up between the two.
 * Twin: stage1/python/tier2/files_intake.py, `copy`.
 */
import type { WirePath } from "./paths.ts";
import { read } from "./reader.ts";
import type { MakeChannel, ReadOptions, Totals, ValueSender, WriteOptions } from "./records.ts";
import { TreeWriter } from "./writer.ts";

/** Copies `paths` to `destination`. @throws an error that ends the copy as a whole */
export async function copyWithin(
  makeChannel: MakeChannel,
  paths: readonly WirePath[],
  reading: ReadOptions,
  destination: WirePath,
  writing: WriteOptions,
  events: ValueSender,
  signal?: AbortSignal,
): Promise<Totals> {
  let writer: TreeWriter | undefined;
  try {
    let isStopped = false;
    writer = new TreeWriter(destination, writing, events, () => {
      isStopped = true;
    });
    const taker = writer;
    const sender: ValueSender = {
      get closed() {
        return isStopped;
      },
      async send(message) {
        if (isStopped) throw new Error("the writer takes no more");
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
