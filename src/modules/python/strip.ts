/**
 * Python source as it goes over the wire: without comments where it is UTF-8 (PEP 263), else as it is.
 *
 * Docstrings stay, because a user's module may read `__doc__`, and every statement keeps its line
 * number, because tracebacks name it. Knows nothing of files or of who asks.
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

/** The text of UTF-8; undefined for what is in another coding, or is not valid: Python knows them all, and what to say. */
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
