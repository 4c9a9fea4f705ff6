/** The progress of several copies, added up in one line. */
import type { CopyProgress } from "../../index.ts";
import type { ProgressLine } from "./copy-progress.ts";

export class ProgressSum {
  readonly #line: Pick<ProgressLine, "show">;
  readonly #copies = new Map<unknown, CopyProgress>();

  constructor(line: Pick<ProgressLine, "show">) {
    this.#line = line;
  }

  /** @param copy identifies the copy that has come so far */
  show(copy: unknown, progress: CopyProgress): void {
    this.#copies.set(copy, progress);
    const sum = (key: "files" | "totalFiles" | "bytes" | "totalBytes") =>
      [...this.#copies.values()].reduce((all, one) => all + one[key], 0);
    this.#line.show({
      ...progress,
      files: sum("files"),
      totalFiles: sum("totalFiles"),
      bytes: sum("bytes"),
      totalBytes: sum("totalBytes"),
    });
  }
}
