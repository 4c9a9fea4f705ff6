/**
 * Python source as it is sent: without comments if it is UTF-8 (PEP 263), else unchanged.
 *
 * Docstrings stay, because a module may read `__doc__`. Every statement keeps its line number,
 * because tracebacks name it. Knows no files.
 */
import { tokenize } from "./lexer.ts";

const COMMENT_ONLY = /^[ \t\f]*(?:#.*)?$/;
const CODING = /^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)/;
/** Removes comments and trailing white space. The result compiles to the same code. */
export function stripComments(source: string): string {
  let out = "";
  let end = 0;
  for (const token of tokenize(source)) {
    const closes = token.kind === "comment" || token.kind === "newline" || token.kind === "nl";
    const gap = source.slice(end, token.start);
    // A gap may hold a backslash that continues the line: only white space after it is trailing.
    const trimmed = gap.replace(/[ \t\f]+$/, "");
    // A backslash in front of white space is not valid, and must not become a continuation by the
    // removal.
    const isStray = (trimmed === "" ? source[end - 1] : trimmed.at(-1)) === "\\";
    out += closes && !isStray ? trimmed : gap;
    if (token.kind !== "comment" || isStray) out += source.slice(token.start, token.end);
    end = token.end;
  }
  return out.replace(/(\r\n|\n|\r)[\r\n]*$/, "$1");
}

/**
 * The text of a UTF-8 file. Undefined for another or an invalid coding, which Python handles
 * itself.
 */
export function decodeSource(bytes: Uint8Array): string | undefined {
  const coding = declaredCoding(bytes) ?? "utf-8";
  // Python ignores case, `_` for `-`, and the line end that Emacs adds (`utf-8-unix`).
  if (!/^utf[-_]?8(?:[-_](?:sig|unix|dos|mac))?$/i.test(coding)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The coding named in the first line, or in the second if the first holds no statement. */
function declaredCoding(bytes: Uint8Array): string | undefined {
  const lines = Buffer.from(bytes.subarray(0, 4096))
    .toString("latin1")
    .replace(/^\xef\xbb\xbf/, "")
    .split(/\r\n|\n|\r/, 2);
  for (const line of lines) {
    const coding = CODING.exec(line)?.[1];
    if (coding !== undefined) return coding;
    if (!COMMENT_ONLY.test(line)) return undefined;
  }
  return undefined;
}
