/**
 * The answer to a question of the process that keeps connections, as it goes over the socket: the
 * number of the question (u32), a byte that says what it is, and the bytes of what was typed. The
 * number tells apart an answer to a question that was withdrawn meanwhile.
 */
const HEAD = 5;

export const ANSWER = { none: 0, given: 1, cancelled: 2 } as const;

/** @param typed is copied. @returns the frame, which the caller overwrites */
export function answerOf(
  question: number,
  kind: (typeof ANSWER)[keyof typeof ANSWER],
  typed: Uint8Array = new Uint8Array(),
): Uint8Array {
  const frame = new Uint8Array(HEAD + typed.length);
  new DataView(frame.buffer).setUint32(0, question, true);
  frame[HEAD - 1] = kind;
  frame.set(typed, HEAD);
  return frame;
}

/** @returns its parts; `typed` is a copy, which the caller overwrites */
export function readAnswer(frame: Uint8Array) {
  const question = new DataView(frame.buffer, frame.byteOffset).getUint32(0, true);
  // `slice` of a Buffer would share its memory.
  return { question, kind: frame[HEAD - 1], typed: Uint8Array.from(frame.subarray(HEAD)) };
}
