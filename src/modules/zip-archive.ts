/**
 * A zip file as a tree of files, as Python's zipimport reads it: wheels, eggs and zipapps, also
 * after a `#!` line. Knows no module.
 */
import { readFileSync, statSync } from "node:fs";
import type { UnzipFileInfo } from "fflate";

const END_OF_DIRECTORY = 0x06054b50;
/** The end record has 22 bytes, and a comment of up to 64 KiB may follow it. */
const MAX_END_BYTES = 22 + 0xffff;

export class ZipArchive {
  /** The modification time of the archive, in milliseconds since 1970. */
  readonly modifiedMs: number;
  readonly #file: string;
  readonly #data: Uint8Array;
  /** Sizes of files, by path. */
  readonly #sizes = new Map<string, number>();
  readonly #folders = new Map<string, Set<string>>([["", new Set()]]);

  /** @throws if the file is not a readable zip file */
  constructor(file: string) {
    this.#file = file;
    this.modifiedMs = statSync(file).mtimeMs;
    this.#data = withoutPrefix(readFileSync(file));
    this.#entries(({ name, originalSize }) => {
      const parts = partsOf(name);
      if (parts.some((part) => part === "." || part === ".." || part.includes("\0"))) return false;
      const isFolder = name.endsWith("/");
      if (!isFolder) this.#sizes.set(parts.join("/"), originalSize);
      for (let i = 0; i < parts.length; i++) {
        const folder = parts.slice(0, i).join("/");
        if (!this.#folders.has(folder)) this.#folders.set(folder, new Set());
        this.#folders.get(folder)?.add(parts[i] ?? "");
      }
      if (isFolder && !this.#folders.has(parts.join("/")))
        this.#folders.set(parts.join("/"), new Set());
      return false;
    });
  }

  /** The size of a file in bytes; -1 for a folder; undefined if neither exists. */
  size(path: string): number | undefined {
    return this.#folders.has(path) ? -1 : this.#sizes.get(path);
  }

  names(folder: string): readonly string[] {
    return [...(this.#folders.get(folder) ?? [])];
  }

  /**
   * The bytes of a file.
   *
   * @throws if they are damaged, or compressed in a way that Python cannot read
   */
  read(path: string): Uint8Array | undefined {
    if (!this.#sizes.has(path)) return undefined;
    try {
      return Object.values(this.#entries(({ name }) => partsOf(name).join("/") === path))[0];
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      throw new Error(`${path} in ${this.#file} cannot be read: ${problem}`);
    }
  }

  #entries(filter: (info: UnzipFileInfo) => boolean): Record<string, Uint8Array> {
    // Loaded on first use: loading it builds tables, and few programs have a zip file as a root.
    const { unzipSync } = require("fflate") as typeof import("fflate");
    return unzipSync(this.#data, { filter });
  }
}

/** The steps of an entry's path: `/a//b` is the file `a/b`. */
function partsOf(name: string): string[] {
  return name.split("/").filter((part) => part !== "");
}

/**
 * The archive without bytes in front of it. Positions in a zip file count from its own first byte.
 */
function withoutPrefix(data: Buffer): Uint8Array {
  const first = Math.max(0, data.length - MAX_END_BYTES);
  for (let at = data.length - 22; at >= first; at--) {
    if (data.readUInt32LE(at) !== END_OF_DIRECTORY) continue;
    const [size, start] = [data.readUInt32LE(at + 12), data.readUInt32LE(at + 16)];
    return data.subarray(Math.max(0, at - size - start));
  }
  return data;
}
