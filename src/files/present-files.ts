/**
 * Runs in the master and, joined by scripts/shared-modules.ts, in JavaScript slaves.
 *
 * PresentFiles: what the disk of the writer has already of the files that a reader asks for. Of an
 * unfinished file, the writer continues what is there. Twin: stage1/python/tier2/files_writer.py.
 */
import { closeSync, constants, fstatSync } from "node:fs";
import { closeQuietly, digest, isSystemError, openPlain } from "./disk.ts";
import type { WirePath } from "./paths.ts";
import { BATCH, type ValueSender } from "./records.ts";
import { resumableOf } from "./stale-files.ts";

/** The most unfinished files of one copy that are continued. */
const MAX_UNFINISHED = 64;

export class PresentFiles {
  readonly #resumes: boolean;
  readonly #answers: (readonly [name: WirePath, bytes: number, digest: string])[] = [];
  /**
   * Unfinished files that the reader was told of, by target. They stay open, because another copy
   * of the same file may rename or replace them.
   */
  readonly #unfinished = new Map<string, number>();

  /** @param resumes whether unfinished files are continued */
  constructor(resumes: boolean) {
    this.#resumes = resumes;
  }

  /** Notes for the answer what this disk has of a file: all of it, or an unfinished part. */
  async ask(name: WirePath, target: string, size: number): Promise<void> {
    const there = await this.#look(name, target, (bytes) => (bytes === size ? size : 0));
    if (there !== undefined) return closeSync(there);
    if (!this.#resumes || this.#unfinished.size >= MAX_UNFINISHED) return;
    // One that is whole lacks a byte: the reader takes all of a file for the file itself.
    const usable = (bytes: number): number => (bytes <= size ? Math.min(bytes, size - 1) : 0);
    const fd = await this.#look(name, resumableOf(target), usable, constants.O_RDWR);
    if (fd === undefined) return;
    this.#close(target);
    this.#unfinished.set(target, fd);
  }

  /** Sends what was noted, and closes the sender. */
  async answer(sender: ValueSender): Promise<void> {
    for (let at = 0; at < this.#answers.length; at += BATCH) {
      await sender.send(this.#answers.slice(at, at + BATCH));
    }
    sender.close();
  }

  /** @returns the descriptor of an unfinished file that the reader was told of, now the caller's */
  take(target: string): number | undefined {
    const fd = this.#unfinished.get(target);
    this.#unfinished.delete(target);
    return fd;
  }

  /** Closes the unfinished files that were not taken. */
  close(): void {
    for (const target of this.#unfinished.keys()) this.#close(target);
  }

  #close(target: string): void {
    const fd = this.take(target);
    if (fd !== undefined) closeQuietly(fd);
  }

  /**
   * Notes for the answer how many bytes of a file can be used, and their hash.
   *
   * @param usable from the size of the file; 0: none
   * @returns the open file, if it can be used
   */
  async #look(
    name: WirePath,
    path: string,
    usable: (bytes: number) => number,
    flags?: number,
  ): Promise<number | undefined> {
    let fd: number | undefined;
    try {
      fd = openPlain(path, flags);
      const found = fstatSync(fd);
      const bytes = found.isFile() ? usable(found.size) : 0;
      if (bytes > 0) {
        this.#answers.push([name, bytes, await digest(fd, bytes)]);
        return fd;
      }
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
    if (fd !== undefined) closeQuietly(fd);
    return undefined;
  }
}
