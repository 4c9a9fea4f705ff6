/**
 * Module records, and the messages that they are sent in. Spec: docs/protocol.md, "Module records"
 * and "Bundles".
 */
import { HANDLES } from "../../protocol/handles.ts";
import { join, type Packed, pack } from "../packed.ts";
import { compressed, type ModuleMessage, stream } from "../responder.ts";

/** `[NAME, HASH, FORMAT, DEPS, SOURCE]`, or `[NAME]` if no such module exists. */
export type ModuleRecord =
  | readonly [string]
  | readonly [string, string, string, Readonly<Record<string, string>>, Packed];

/** Modules of the user's, in the form in which they are sent. */
export interface Bundle {
  /** A zlib stream: the records without their sources as JSON, a line feed, the sources. */
  readonly bytes: Uint8Array;
  /** The number of bytes before compression. */
  readonly length: number;
}

/** By the builtins that look at files: what stands for them in a forwarded module. */
const READERS: Readonly<Record<string, string>> = {
  "node:fs": "packaged-fs",
  "node:fs/promises": "packaged-fs",
  "node:module": "packaged-module",
  "node:worker_threads": "packaged-processes",
  "node:child_process": "packaged-processes",
};

/** The modules of the second tier that a module needs. */
export function readers(record: ModuleRecord): readonly string[] {
  return Object.values(record[3] ?? {}).flatMap((target) => READERS[target] ?? []);
}

/**
 * The sources stay outside of the JSON: a slave makes strings of them ten times faster than of
 * JSON. Each source was compressed when its module was transformed, and is not compressed again.
 */
export function bundleOf(records: readonly ModuleRecord[]): Bundle {
  const heads = records.map((record) => {
    const [name, hash, format, dependencies, source] = record;
    return source === undefined ? [name] : [name, hash, format, dependencies, source.length];
  });
  const sources = records.flatMap(([, , , , source]) => source ?? []);
  const pieces = [pack(`${JSON.stringify(heads)}\n`), ...sources];
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return { bytes: join(pieces), length };
}

export function bundleMessage({ bytes }: Bundle): ModuleMessage {
  return { handle: HANDLES.LOAD_BUNDLE, ...stream(bytes) };
}

/**
 * Makes the message with modules of the second tier: their names, and their sources. Without a
 * source, there is no such module.
 */
export function tierMessage(
  modules: readonly (readonly [name: string, source: string | undefined])[],
): ModuleMessage {
  const records = modules.map(([name, source]) => {
    return source === undefined ? [name] : [name, "", "tier", {}, source];
  });
  return { handle: HANDLES.LOAD_MODULE, ...compressed(Buffer.from(JSON.stringify(records))) };
}
