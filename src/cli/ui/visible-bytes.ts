/** Output of commands as text for a terminal. Bytes that are no UTF-8 stay visible. */
import { neutralise } from "../../index.ts";

/** Well-formed sequences of UTF-8, where each character of Latin-1 stands for a byte. */
const UTF8 =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: bytes below a space are UTF-8, too
  /((?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})+)|[\x80-\xff]/g;

/** @returns the text of the bytes; undefined if they are no UTF-8 */
export function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** @returns text that is harmless for a terminal; a byte that is no UTF-8 becomes `\xff` */
export function visible(bytes: Uint8Array): string {
  return neutralise(utf8(bytes) ?? escaped(bytes, (text) => text));
}

/**
 * As `visible`, for texts that are compared: different bytes never look the same. Where an escape
 * is needed, a backslash of the text itself is doubled.
 */
export function distinct(bytes: Uint8Array): string {
  const text = utf8(bytes);
  if (text !== undefined && neutralise(text) === text) return text;
  return neutralise(
    escaped(bytes, (valid) =>
      valid
        .replaceAll("\\", "\\\\")
        // `\x85` stands for a byte that is no UTF-8.
        .replace(/[\u0080-\u009f]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`),
    ),
  );
}

/** @param show is given the parts that are UTF-8 */
function escaped(bytes: Uint8Array, show: (text: string) => string): string {
  const latin1 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  return latin1.replace(UTF8, (piece, valid?: string) =>
    valid === undefined
      ? `\\x${piece.charCodeAt(0).toString(16)}`
      : show(Buffer.from(valid, "latin1").toString("utf8")),
  );
}
