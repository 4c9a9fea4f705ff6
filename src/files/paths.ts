/**
 * Paths of files whose names may be any bytes: within this folder a path is a text of one character a byte, and on the wire the text that
 * these are in UTF-8, or bytes. Knows what a name may be and what a pattern matches; touches no disk.
 *
 * Runs in this process and, by scripts/stage1.ts, in JavaScript contexts.
 * Twin: stage1/python/tier2/files.py.
 */

/** As it is sent. */
export type WirePath = string | Uint8Array;

/** A path as it is sent. */
export function told(path: string): WirePath {
  if (isAscii(path)) return path;
  const bytes = Buffer.from(path, "latin1");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return new Uint8Array(bytes);
  }
}

/** @throws {Error} what is no path at all */
export function heard(path: unknown): string {
  if (typeof path === "string") {
    return isAscii(path) ? path : Buffer.from(path, "utf8").toString("latin1");
  }
  if (path instanceof Uint8Array) return Buffer.from(path).toString("latin1");
  throw new Error("a path that is none");
}

/** As functions of the system take it. */
export function onDisk(path: string): string | Buffer {
  return isAscii(path) ? path : Buffer.from(path, "latin1");
}

/** What it is called in messages. */
export function shown(path: string): string {
  return Buffer.from(path, "latin1").toString("utf8");
}

function isAscii(path: string): boolean {
  return /^[\0-\x7f]*$/.test(path);
}

/** The name that a source has at its destination: "." where only what is in it has. */
export function nameOf(path: string): string {
  const name = /([^/]*)\/*$/.exec(path)?.[1] ?? "";
  return name === "" || name === ".." ? "." : name;
}

export function join(folder: string, name: string): string {
  return folder.endsWith("/") ? folder + name : `${folder}/${name}`;
}

/** The folder of a path of a record; "" for what was named itself. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

export function isPattern(path: string): boolean {
  return /[*?[]/.test(path);
}

/** Whether a name is what a shell's pattern means. */
export function matches(name: string, pattern: string): boolean {
  if (name.startsWith(".") && !pattern.startsWith(".") && isPattern(pattern)) return false;
  return name === pattern || regexOf(pattern).test(name);
}

function regexOf(pattern: string): RegExp {
  const source = pattern.replace(
    /\[(!|\^)?(\]?[^\]]*)\]|[\s\S]/g,
    (part: string, not: string | undefined, set: string | undefined) => {
      if (set !== undefined && set !== "") {
        return `[${not === undefined ? "" : "^"}${set.replace(/[\\\]^[]/g, "\\$&")}]`;
      }
      if (part === "*") return "[^]*";
      if (part === "?") return "[^]";
      return part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
    },
  );
  try {
    return new RegExp(`^${source}$`);
  } catch {
    return /^[^\s\S]/; // a range that is none matches nothing
  }
}
