/**
 * `--outdir DIR`: a file for each target and stream. A file without a byte is not made, and the
 * files of the same targets from an earlier run are removed first.
 */
import { closeSync, mkdirSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Report, Stream, TargetEnd, TargetOutput, TargetPlace } from "./report.ts";
import { valuesText } from "./values.ts";

export class OutDir implements Report {
  readonly #dir: string;
  readonly #tell: (end: TargetEnd) => Promise<void>;
  readonly #files = new Map<number, TargetFiles>();

  /**
   * @param tell shows a failure
   * @throws the system's error, if the folder cannot be made, or an old file cannot be removed
   */
  constructor(dir: string, targets: readonly string[], tell: (end: TargetEnd) => Promise<void>) {
    const found = statSync(dir, { throwIfNoEntry: false });
    if (found?.isDirectory() === false) throw new Error("it is no folder");
    const twice = targets.find((target, at) => targets.indexOf(target) < at);
    if (twice !== undefined) throw new Error(`${twice} is named twice, and would have one file`);
    mkdirSync(dir, { recursive: true });
    for (const target of targets) TargetFiles.clear(join(dir, fileName(target)));
    this.#dir = dir;
    this.#tell = tell;
  }

  open({ target, index }: TargetPlace): TargetOutput {
    const files = new TargetFiles(join(this.#dir, fileName(target)));
    this.#files.set(index, files);
    return files;
  }

  async ended(end: TargetEnd): Promise<void> {
    this.#files.get(end.index)?.close();
    this.#files.delete(end.index);
    await this.#tell(end);
  }

  conclude(): Promise<void> {
    for (const files of this.#files.values()) files.close();
    return Promise.resolve();
  }
}

/** A slash of a path would be one of the file's. */
function fileName(target: string): string {
  const name = target.replaceAll("%", "%25").replaceAll("/", "%2F");
  return /^\.{1,2}$/.test(name) ? name.replaceAll(".", "%2E") : name;
}

function pathOf(base: string, stream: Stream): string {
  return `${base}.${stream}`;
}

class TargetFiles implements TargetOutput {
  readonly #base: string;
  readonly #open = new Map<Stream, number>();

  constructor(base: string) {
    this.#base = base;
  }

  /** Removes the files of an earlier run, which would pass for those of this one. */
  static clear(base: string): void {
    for (const stream of ["stdout", "stderr"] as const)
      rmSync(pathOf(base, stream), { force: true });
  }

  async write(stream: Stream, chunk: Uint8Array): Promise<void> {
    if (chunk.length === 0) return;
    const path = pathOf(this.#base, stream);
    try {
      let fd = this.#open.get(stream);
      if (fd === undefined) {
        fd = openSync(path, "w");
        this.#open.set(stream, fd);
      }
      for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw Object.assign(new Error(`${path}: ${message}`), { code });
    }
  }

  value(value: unknown): Promise<void> {
    return this.write("stdout", new TextEncoder().encode(valuesText([value])));
  }

  close(): void {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }
}
