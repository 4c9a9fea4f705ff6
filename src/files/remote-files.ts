/** RemoteFiles: the files of one context, as a user asks for them. */
import type { TierCall } from "../calls/tier-call.ts";
import {
  type CopyOptions,
  copy,
  type ReadFileOptions,
  readBytes,
  type WriteFileOptions,
} from "./copy.ts";
import { type CopyEnd, endOf, endOfBytes, HERE } from "./ends.ts";
import type { CopyResult } from "./report.ts";

export type { CopyOptions, CopyResult, ReadFileOptions, WriteFileOptions };

type Paths = string | readonly string[];

export class RemoteFiles {
  readonly #name: string;
  readonly #call: TierCall;
  /** One object for both sides of a copy within this context. */
  readonly #end: CopyEnd;

  constructor(name: string, call: TierCall) {
    this.#name = name;
    this.#call = call;
    this.#end = endOf(name, call);
  }

  put(local: Paths, remote: string, options: CopyOptions): Promise<CopyResult> {
    return copy(HERE, [local].flat(), this.#end, remote, options);
  }

  get(remote: Paths, local: string, options: CopyOptions): Promise<CopyResult> {
    return copy(this.#end, [remote].flat(), HERE, local, options);
  }

  copy(path: Paths, to: RemoteFiles, toPath: string, options: CopyOptions): Promise<CopyResult> {
    return copy(this.#end, [path].flat(), to.#end, toPath, options);
  }

  read(path: string, options: ReadFileOptions): AsyncGenerator<Uint8Array, void, undefined> {
    return readBytes(this.#name, this.#call, path, options);
  }

  write(
    path: string,
    data: Parameters<typeof endOfBytes>[0],
    options: WriteFileOptions,
  ): Promise<CopyResult> {
    const end = endOfBytes(data, options.mode);
    return copy(end, [path], this.#end, path, { ...options, exact: true });
  }
}
