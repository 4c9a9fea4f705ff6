/**
 * Module records, and the lists of them that are sent. Spec: docs/protocol.md, "Module records".
 */
import { type Packed, PackedText, together } from "../packed.ts";

/** `[NAME, HASH, FORMAT, DEPS, SOURCE]`, or `[NAME]` if no such module exists. */
export type ModuleRecord =
  | readonly [string]
  | readonly [string, string, string, Readonly<Record<string, string>>, string | Packed];

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

/** Records without the brackets of a list, so that they can become part of several lists. */
export function groupOf(records: readonly ModuleRecord[]): Packed {
  return together(new PackedText(elements(records)).pieces());
}

/** A list of records that were put together before, and of others. */
export function listOf(
  records: readonly ModuleRecord[],
  groups: readonly Packed[] = [],
): PackedText {
  const others = records.length === 0 ? [] : [elements(records)];
  const lists = [...groups.map((group) => [group]), ...others];
  const parts = lists.flatMap((list, i) => (i === 0 ? list : [",", ...list]));
  return new PackedText(joined(["[", ...parts, "]"]));
}

/** The records as JSON. Texts that are compressed already stay so. */
function elements(records: readonly ModuleRecord[]): (string | Packed)[] {
  const parts = records.flatMap((record, i): (string | Packed)[] => {
    const comma = i === 0 ? "" : ",";
    const source = record[4];
    if (typeof source !== "object") return [`${comma}${JSON.stringify(record)}`];
    const head = JSON.stringify(record.slice(0, 4)).slice(0, -1);
    return [`${comma}${head},`, source, "]"];
  });
  return joined(parts);
}

/** Texts that follow each other become one: each piece is compressed by itself. */
function joined(parts: readonly (string | Packed)[]): (string | Packed)[] {
  const all: (string | Packed)[] = [];
  for (const part of parts) {
    const last = all.at(-1);
    if (typeof part === "string" && typeof last === "string") all[all.length - 1] = last + part;
    else all.push(part);
  }
  return all;
}
