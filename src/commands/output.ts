/**
 * CommandOutput: what a command prints, as a web stream of bytes that can also be read by lines.
 * Bun's streams can be read whole, too: `text()`, `bytes()`, `json()`.
 */
import { inboxOf, type Receiver } from "../channels/channel.ts";
import type { Inbox } from "../channels/inbox.ts";
import { ProtocolError } from "../errors.ts";
import { releaseBuffer } from "../io/buffer-pool.ts";
import type { SpliceSink } from "../io/splice-pipe.ts";

/** @returns what the error that ends an output means to its reader */
type Explain = (error: unknown) => Promise<unknown>;

/** A web stream of bytes, which can also be read by lines. Made by `Context.exec`. */
export class CommandOutput extends ReadableStream<Uint8Array> {
  /** @internal @param chunks undefined: the output is empty. Nothing else may receive from it */
  constructor(chunks: Receiver<Uint8Array> | undefined, explain: Explain = async (error) => error) {
    const inbox = chunks === undefined ? undefined : inboxOf(chunks);
    super(
      {
        async pull(controller) {
          const chunk = await nextChunk(inbox, explain);
          if (chunk === undefined) controller.close();
          else controller.enqueue(chunk);
        },
        cancel: () => inbox?.close(),
      },
      // Nothing is taken before it is asked for: bytes that wait slow the command down.
      { highWaterMark: 0 },
    );
    if (inbox !== undefined) sources.set(this, { inbox, explain });
  }

  /**
   * The lines without their ends; also the last one if it has no end. Bytes that are not UTF-8 are
   * replaced. Leaving the loop closes the output.
   */
  async *lines(): AsyncGenerator<string, void, undefined> {
    const decoder = new TextDecoder();
    // Of the line that has no end yet: joined once, however many pieces there are.
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

interface Source {
  readonly inbox: Inbox;
  readonly explain: Explain;
}

const sources = new WeakMap<CommandOutput, Source>();
/** Chunks of so many bytes cost more to copy than to use by themselves. */
const LARGE_BYTES = 16384;
const MOST_BYTES = 1 << 18;

/**
 * Fast path: bytes of `output` may go straight to `sink`, without being read. Its caller must
 * write every chunk that it does read to the same place, before it reads the next one.
 */
export function spliceTo(output: CommandOutput, sink: SpliceSink): void {
  const source = sources.get(output);
  if (source !== undefined) source.inbox.sink = sink;
}

/**
 * The chunks of an output; small ones that have come already are joined. It waits for no chunk that
 * could be joined. To be used in place of reading the stream. Leaving the loop closes the output.
 */
export async function* joinedChunks(
  output: CommandOutput,
): AsyncGenerator<Uint8Array, void, undefined> {
  const source = sources.get(output);
  if (source === undefined) return;
  const { inbox, explain } = source;
  try {
    for (;;) {
      const first = await nextChunk(inbox, explain);
      if (first === undefined) return;
      const joined = first.length < LARGE_BYTES && inbox.waiting > 0;
      yield joined ? await joinWaiting(first, source) : first;
    }
  } finally {
    inbox.close();
  }
}

async function joinWaiting(first: Uint8Array, { inbox, explain }: Source): Promise<Uint8Array> {
  const chunks = [first];
  for (let size = first.length; inbox.waiting > 0 && size < MOST_BYTES; ) {
    const chunk = await take(inbox, explain);
    chunks.push(chunk);
    size += chunk.length;
  }
  const joined = Buffer.concat(chunks);
  for (const chunk of chunks) releaseBuffer(chunk);
  return joined;
}

/** @returns the next chunk that is not empty; undefined at the end */
async function nextChunk(
  inbox: Inbox | undefined,
  explain: Explain,
): Promise<Uint8Array | undefined> {
  for (;;) {
    if (inbox?.isReady === true) {
      const chunk = await take(inbox, explain);
      if (chunk.length > 0) return chunk;
      continue;
    }
    if (inbox === undefined || inbox.isEnded) return undefined;
    await inbox.change();
  }
}

async function take(inbox: Inbox, explain: Explain): Promise<Uint8Array> {
  let chunk: unknown;
  try {
    chunk = inbox.take();
  } catch (error) {
    throw await explain(error);
  }
  if (chunk instanceof Uint8Array) return chunk;
  throw new ProtocolError("ERR_PROTOCOL_VALUE", "a command's output that is not bytes");
}
