/**
 * Python source as it goes over the wire: decoded as Python would (PEP 263), without comments.
 *
 * Docstrings stay, because a user's module may read `__doc__`, and every statement keeps its line
 * number, because tracebacks name it. The coding line goes with the comments: what is sent is
 * UTF-8. Knows nothing of files or of who asks.
 */
import { tokenize } from "./python-lexer.ts";

const COMMENT_ONLY = /^[ \t\f]*(?:#.*)?$/;
const CODING = /^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)/;
const ALIASES: Readonly<Record<string, string>> = {
  utf8: "utf-8",
  "utf-8-sig": "utf-8",
  latin1: "latin-1",
  "iso-8859-1": "latin-1",
  "iso8859-1": "latin-1",
  "iso-latin-1": "latin-1",
  "iso8859-15": "iso-8859-15",
  latin9: "iso-8859-15",
  "latin-9": "iso-8859-15",
  "windows-1252": "cp1252",
  "us-ascii": "ascii",
};
/** cp1252 as Python has it leaves these undefined; TextDecoder would let them through. */
const CP1252_HOLES = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d]);

/** Removes comments and trailing white space. The result compiles to the same code. */
export function stripComments(source: string): string {
  let out = "";
  let end = 0;
  for (const token of tokenize(source)) {
    const closes = token.kind === "comment" || token.kind === "newline" || token.kind === "nl";
    const gap = source.slice(end, token.start);
    // A gap may hold a backslash that continues the line: only what follows it is trailing.
    const trimmed = gap.replace(/[ \t\f]+$/, "");
    // One that does not is no Python, and must not come to continue the line by what is taken away behind it.
    const isStray = (trimmed === "" ? source[end - 1] : trimmed.at(-1)) === "\\";
    out += closes && !isStray ? trimmed : gap;
    if (token.kind !== "comment" || isStray) out += source.slice(token.start, token.end);
    end = token.end;
  }
  return out.replace(/(\r\n|\n|\r)[\r\n]*$/, "$1");
}

/** @throws {Error} naming the coding, where it is unknown or the bytes are not in it. */
export function decodeSource(bytes: Uint8Array): string {
  const coding = declaredCoding(bytes);
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const name = normalized(coding ?? "utf-8");
  if (marked && name !== "utf-8") {
    throw new Error(`python source: coding ${coding} contradicts its UTF-8 byte order mark`);
  }
  const text = decode(bytes, name);
  if (text === undefined) throw new Error(`python source: unknown coding: ${coding}`);
  return text;
}

function decode(bytes: Uint8Array, name: string): string | undefined {
  const invalid = () => new Error(`python source: not valid ${name}`);
  switch (name) {
    case "utf-8":
    case "iso-8859-15":
      try {
        return new TextDecoder(name, { fatal: true }).decode(bytes);
      } catch {
        throw invalid();
      }
    case "cp1252":
      if (bytes.some((byte) => CP1252_HOLES.has(byte))) throw invalid();
      return new TextDecoder("windows-1252").decode(bytes);
    case "ascii":
      if (bytes.some((byte) => byte > 0x7f)) throw invalid();
      return latin1(bytes);
    case "latin-1":
      return latin1(bytes);
    default:
      return undefined;
  }
}

/** TextDecoder's `latin1` is cp1252, and Python's is not. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** The coding named in the first line, or in the second if the first holds no statement. */
function declaredCoding(bytes: Uint8Array): string | undefined {
  const lines = latin1(bytes.subarray(0, 4096))
    .replace(/^\xef\xbb\xbf/, "")
    .split(/\r\n|\n|\r/, 2);
  for (const line of lines) {
    const coding = CODING.exec(line)?.[1];
    if (coding !== undefined) return coding;
    if (!COMMENT_ONLY.test(line)) return undefined;
  }
  return undefined;
}

/** Python ignores case, `_` for `-`, and the line end that Emacs adds (`utf-8-unix`). */
function normalized(coding: string): string {
  const plain = coding
    .toLowerCase()
    .replaceAll("_", "-")
    .replace(/-(?:unix|dos|mac)$/, "");
  return ALIASES[plain] ?? plain;
}
