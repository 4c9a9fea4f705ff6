/**
 * Frames: the unit that crosses a stream; this file writes them, frame-reader.ts reads them.
 *
 *     0        4        8        12       16       20    21       24
 *     +--------+--------+--------+--------+--------+-----+--------+========+
 *     |  dst   |  src   |  auth  | handle | reply  |flags| length |  body  |
 *     +--------+--------+--------+--------+--------+-----+--------+========+
 *
 * All integers are big-endian: five u32, u8, u24. Spec: docs/protocol.md, "Frame". Twins:
 * stage1/python/core/stream.py, `send`; stage1/javascript/core/shared.js, `frames`.
 */
import { ProtocolError } from "../errors.ts";
import { LIMITS, type Limits } from "./limits.ts";

export const HEADER_BYTES = 24;

export const FLAGS = { MORE: 1, CONT: 2, DEAD: 4, ERROR: 8, DEFLATE: 16 } as const;
export const ALL_FLAGS = 31;

/** The context that sends a message, the one that gets it, and the reply that it asks for. */
export interface Envelope {
  readonly dst: number;
  readonly src: number;
  readonly auth: number;
  readonly handle: number;
  /** Handle in the source that awaits an answer; 0 for none. */
  readonly reply: number;
  readonly flags: number;
}

export interface Message extends Envelope {
  readonly body: Uint8Array;
}

/** A part of a body: bytes, or something that stands for so many bytes which are not in memory. */
export type BodyPart = Uint8Array | { readonly length: number };

/** From this size on, one more write costs less than a copy. */
const UNCOPIED_BYTES = 65536;

/**
 * The frames of a message, each as the chunks that make it up, made as they are taken. Large chunks
 * of the body are not copied.
 *
 * @param body its parts in order; one that is not in memory is the last, and fits into one frame
 * @throws {ProtocolError} `ERR_PROTOCOL_MESSAGE_TOO_LARGE`, before the first frame
 */
export function encodeMessage<C extends BodyPart = Uint8Array>(
  envelope: Envelope,
  body: readonly C[],
  limits: Limits = LIMITS,
): Iterable<readonly (C | Uint8Array)[]> {
  let length = 0;
  for (const chunk of body) length += chunk.length;
  if (length > limits.maxMessageBytes) {
    throw new ProtocolError(
      "ERR_PROTOCOL_MESSAGE_TOO_LARGE",
      `a message of ${length} bytes is over the limit of ${limits.maxMessageBytes}`,
    );
  }
  const { maxFrameBytes } = limits;
  const isInMemory = body.every(isRead);
  if (!isInMemory || length > Math.min(maxFrameBytes, UNCOPIED_BYTES))
    return cut(envelope, body, length, maxFrameBytes);
  // One buffer: most messages are one write.
  const frame = Buffer.allocUnsafe(HEADER_BYTES + length);
  writeHeader(frame, envelope, envelope.flags, length);
  let at = HEADER_BYTES;
  for (const chunk of body) {
    frame.set(chunk as Uint8Array, at);
    at += chunk.length;
  }
  return [[frame]];
}

function isRead(chunk: BodyPart): chunk is Uint8Array {
  return chunk instanceof Uint8Array;
}

/** By bytes: a view of a new small array costs more than all of this. */
function writeHeader(to: Uint8Array, e: Envelope, flags: number, length: number): void {
  writeWord(to, 0, e.dst);
  writeWord(to, 4, e.src);
  writeWord(to, 8, e.auth);
  writeWord(to, 12, e.handle);
  writeWord(to, 16, e.reply);
  writeWord(to, 20, (flags << 24) | length);
}

function writeWord(to: Uint8Array, at: number, word: number): void {
  to[at] = word >>> 24;
  to[at + 1] = word >>> 16;
  to[at + 2] = word >>> 8;
  to[at + 3] = word;
}

function* cut<C extends BodyPart>(
  envelope: Envelope,
  body: readonly C[],
  length: number,
  maxFrameBytes: number,
): Generator<readonly (C | Uint8Array)[]> {
  let cont = 0;
  let index = 0;
  let offset = 0;
  for (let left = length; left > 0; ) {
    const size = Math.min(left, maxFrameBytes);
    left -= size;
    const head = new Uint8Array(HEADER_BYTES);
    writeHeader(head, envelope, envelope.flags | cont | (left > 0 ? FLAGS.MORE : 0), size);
    cont = FLAGS.CONT;
    const frame: (C | Uint8Array)[] = [head];
    for (let want = size; want > 0; ) {
      const chunk = body[index] as C;
      const part = isRead(chunk) ? chunk.subarray(offset, offset + want) : chunk;
      frame.push(part);
      want -= part.length;
      offset += part.length;
      if (offset === chunk.length) {
        index++;
        offset = 0;
      }
    }
    yield frame;
  }
}
