/**
 * Runs in the master and, joined by scripts/shared-modules.ts, in JavaScript slaves.
 *
 * Paths of files, whose names may be any bytes. Within this folder, a path is a text of one
 * character per byte. On the wire it is that text in UTF-8, or bytes where it is not UTF-8.
 * Knows names and patterns; touches no disk. Twin: stage1/python/tier2/files.py.
 */

/** A path as it is sent. */
export type WirePath = string | Uint8Array;

/** Encodes a path to be sent. */
export function toWire(path: string): WirePath {
  if (isAscii(path)) return path;
  const bytes = Buffer.from(path, "latin1");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return new Uint8Array(bytes);
  }
}

/** Decodes a path that was sent. @throws {Error} if it is neither text nor bytes */
export function fromWire(path: unknown): string {
  if (typeof path === "string") {
    return isAscii(path) ? path : Buffer.from(path, "utf8").toString("latin1");
  }
  if (path instanceof Uint8Array) return Buffer.from(path).toString("latin1");
  throw new Error(`malformed path: expected text or bytes, got ${typeof path}`);
}

/** A path as node:fs takes it. */
export function onDisk(path: string): string | Buffer {
  return isAscii(path) ? path : Buffer.from(path, "latin1");
}

/** A path as messages show it. */
export function display(path: string): string {
  return Buffer.from(path, "latin1").toString("utf8");
}

function isAscii(path: string): boolean {
  return /^[\0-\x7f]*$/.test(path);
}

/** The name of a source at its destination; "." if only the content of the source goes there. */
export function nameOf(path: string): string {
  const name = /([^/]*)\/*$/.exec(path)?.[1] ?? "";
  return name === "" || name === ".." ? "." : name;
}

export function join(folder: string, name: string): string {
  return folder.endsWith("/") ? folder + name : `${folder}/${name}`;
}

/** The folder of a path in a record; "" for a source itself. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

export function isPattern(path: string): boolean {
  return /[*?[]/.test(path);
}

/** Whether a shell's pattern matches a name. */
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
    return /^[^\s\S]/; // An invalid range, such as [z-a], matches nothing.
  }
}
