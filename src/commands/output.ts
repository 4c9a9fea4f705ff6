/** What a command prints, as a web stream of bytes that can also be read by lines; Bun's streams can be read whole: `text`, `bytes`, `json`. */
import type { Receiver } from "../channels/channel.ts";
import { ProtocolError } from "../errors.ts";
import { releaseBuffer } from "../io/buffer-pool.ts";
import type { SpliceTarget } from "../io/splice-pipe.ts";

export class Output extends ReadableStream<Uint8Array> {
  readonly #chunks: Receiver<Uint8Array> | undefined;

  /**
   * @param chunks absent: it is empty. Nobody else may receive from it
   * @param explain what an error that ends it means
   */
  constructor(
    chunks: Receiver<Uint8Array> | undefined,
    explain: (error: unknown) => Promise<unknown> = async (error) => error,
  ) {
    super(
      {
        async pull(controller) {
          if (chunks === undefined) {
            controller.close();
            return;
          }
          for (;;) {
            if (chunks.isReady) {
              const chunk = await next(chunks, explain);
              // An empty one is none.
              if (chunk.length === 0) continue;
              controller.enqueue(chunk);
              return;
            }
            if (chunks.isEnded) {
              controller.close();
              return;
            }
            await new Promise<void>((resolve) => chunks.onReady(resolve));
          }
        },
        cancel: () => chunks?.close(),
      },
      // Nothing is taken that nobody asks for: what waits is to slow the command.
      { highWaterMark: 0 },
    );
    this.#chunks = chunks;
  }

  /** What is read from it is written to this one, and to nothing else, before the next is read: then bytes may go there at once, too. */
  passTo(sink: SpliceTarget): void {
    if (this.#chunks !== undefined) this.#chunks.sink = sink;
  }

  /** Nobody uses this chunk of it any more, nor a view of it: its memory may serve for the next. Left out, nothing is lost but speed. */
  recycle(chunk: Uint8Array): void {
    releaseBuffer(chunk);
  }

  /** Without their ends; the last one, too, when it has none. Bytes that are not UTF-8 are replaced. Leaving the loop closes it. */
  async *lines(): AsyncGenerator<string, void, undefined> {
    const decoder = new TextDecoder();
    // Of the line that has no end yet: put together once, however many there are.
    let pieces: string[] = [];
    for await (const chunk of this) {
      const text = decoder.decode(chunk, { stream: true });
      const end = text.indexOf("\n");
      if (end < 0) {
        pieces.push(text);
        continue;
      }
      const lines = text.slice(end + 1).split("\n");
      lines.unshift(pieces.join("") + text.slice(0, end));
      pieces = [lines.pop() ?? ""];
      for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line;
    }
    const rest = pieces.join("") + decoder.decode();
    if (rest !== "") yield rest;
  }
}

async function next(
  chunks: Receiver<Uint8Array>,
  explain: (error: unknown) => Promise<unknown>,
): Promise<Uint8Array> {
  let chunk: unknown;
  try {
    chunk = chunks.take();
  } catch (error) {
    throw await explain(error);
  }
  if (chunk instanceof Uint8Array) return chunk;
  throw new ProtocolError("ERR_PROTOCOL_VALUE", "a command's output that is not bytes");
}
