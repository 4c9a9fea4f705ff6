/** RemoteFiles: the files of one context, as a user asks for them. */
import type { TierCall } from "../calls/tier-call.ts";
import type { CopyOptions, ReadFileOptions, WriteFileOptions } from "./copy.ts";
import type { CopyEnd, Data } from "./ends.ts";
import type { CopyResult } from "./report.ts";

export type { CopyOptions, CopyResult, ReadFileOptions, WriteFileOptions };

type Paths = string | readonly string[];

/**
 * Loads what copies files at its first use. It needs node:crypto and others, which would delay the
 * start of every command.
 */
const load = async () => ({ ...(await import("./copy.ts")), ...(await import("./ends.ts")) });

/** Sources of this machine that several contexts get: they are read once. */
export class CommonSources {
  readonly #paths: Paths;
  readonly #folder: string | undefined;
  #end: Promise<CopyEnd> | undefined;

  /** @param folder where relative paths begin; default: the working folder of this process */
  constructor(paths: Paths, folder?: string) {
    this.#paths = paths;
    this.#folder = folder;
  }

  get paths(): readonly string[] {
    return [this.#paths].flat();
  }

  end(): Promise<CopyEnd> {
    this.#end ??= load().then(({ endForMany }) => endForMany(this.#folder));
    return this.#end;
  }
}

export class RemoteFiles {
  readonly #name: string;
  readonly #call: TierCall;
  /** One object for both sides of a copy within this context. */
  #end: CopyEnd | undefined;

  constructor(name: string, call: TierCall) {
    this.#name = name;
    this.#call = call;
  }

  async put(local: Paths, remote: string, options: CopyOptions): Promise<CopyResult> {
    const { copy, here } = await load();
    return await copy(here(options.folder), [local].flat(), await this.#own(), remote, options);
  }

  async putCommon(
    sources: CommonSources,
    remote: string,
    options: CopyOptions,
  ): Promise<CopyResult> {
    const { copy } = await load();
    return await copy(await sources.end(), sources.paths, await this.#own(), remote, options);
  }

  async get(remote: Paths, local: string, options: CopyOptions): Promise<CopyResult> {
    const { copy, here } = await load();
    const end = here(options.folder);
    return await copy(await this.#own(), [remote].flat(), end, local, options);
  }

  async copy(
    path: Paths,
    to: RemoteFiles,
    toPath: string,
    options: CopyOptions,
  ): Promise<CopyResult> {
    const { copy } = await load();
    return await copy(await this.#own(), [path].flat(), await to.#own(), toPath, options);
  }

  async *read(path: string, options: ReadFileOptions): AsyncGenerator<Uint8Array, void, undefined> {
    const { readBytes } = await load();
    yield* readBytes(this.#name, this.#call, path, options);
  }

  async write(path: string, data: Data, options: WriteFileOptions): Promise<CopyResult> {
    const { copy, endOfBytes } = await load();
    const end = endOfBytes(data, options.mode);
    return await copy(end, [path], await this.#own(), path, { ...options, exact: true });
  }

  async #own(): Promise<CopyEnd> {
    const { endOf } = await load();
    this.#end ??= endOf(this.#name, this.#call);
    return this.#end;
  }
}
