/**
 * The module responder of a JavaScript context: modules by name, what a specifier leads to that only running code knows, and the second
 * tier. Remembers what the context has.
 *
 * Spec: docs/protocol.md, "Module records". Twin: stage1/javascript/tier2/importer.js.
 */

import { ProtocolError } from "../../errors.ts";
import { JS_TIER2 } from "../../interpreters/embedded.ts";
import { decodeValue, encodeValue } from "../../protocol/value.ts";
import { outermost, PackageFiles } from "../package-files.ts";
import { type Packed, PackedText } from "../packed.ts";
import { MAX_NAME, type ModuleAnswer, type ModuleResponder, OWN } from "../responder.ts";
import type { Unpacking } from "../unpack-list.ts";
import type { FoundScript, JavaScriptFinder } from "./finder.ts";
import { JavaScriptUnpack, unpackedRecord } from "./unpack.ts";

/** `[NAME, HASH, FORMAT, DEPS, SOURCE]`, or `[NAME]`: there is none. */
type ModuleRecord =
  | readonly [string]
  | readonly [string, string, string, Readonly<Record<string, string>>, string | Packed];

/** Modules sent for one request, at most: packages here are of many small ones. */
const MAX_BURST = 2000;
/** Bytes of source sent for one request, at most: compressed it must fit one message. */
const MAX_BURST_BYTES = 32 * 1024 * 1024;
/** Bytes of modules sent for one request that only functions require, which may never run: what is more is asked for when it is needed. */
const MAX_LATER_BYTES = 64 * 1024;
/** Names of data that a context may have, beyond which what it asks for by itself is not there. */
const MAX_DATA = 32_768;
/** Sent along with the first modules: what importing, logging and most results need. */
const IMPORT_TIER = ["importer", "linker", "console", "values"] as const;
/** What a forwarded module's `node:fs` is over there. */
const FILES_TIER = ["roots", "package-files", "packaged-handles", "packaged-fs"] as const;
/** By the builtins that look at files: what stands for them. */
const READERS: Readonly<Record<string, readonly string[]>> = {
  "node:fs": FILES_TIER,
  "node:fs/promises": FILES_TIER,
  "node:module": ["roots", "package-files", "packaged-module"],
  "node:worker_threads": ["roots", "package-files", "packaged-processes"],
  "node:child_process": ["roots", "package-files", "packaged-processes"],
};
/** What these take in their turn. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  channels: ["values"],
  commands: ["values", "channels", "gather", "launch", "kernel", "command_sockets"],
  files: ["values", "channels"],
};

export interface JavaScriptOptions {
  /** Whether the far side sees the same files as we do. */
  readonly sharesDisk?: boolean;
  readonly unpacking?: Unpacking;
  readonly tier2?: Readonly<Record<string, string>>;
}

const NOTHING: Unpacking = { names: [], into: undefined };

export class JavaScriptResponder implements ModuleResponder {
  readonly #finder: JavaScriptFinder;
  readonly #tier2: Readonly<Record<string, string>>;
  readonly #sent = new Set<string>();
  /** Data that something sent imports: no other is to be had by its name alone. */
  readonly #data = new Set<string>();
  /** Names whose imports were followed: a call to the same module again costs a look-up. */
  readonly #offered = new Set<string>();

  readonly #files: PackageFiles;
  readonly #unpack: JavaScriptUnpack;

  /** One for each context. */
  constructor(finder: JavaScriptFinder, options: JavaScriptOptions = {}) {
    const { sharesDisk = false, unpacking = NOTHING, tier2 = JS_TIER2 } = options;
    const { roots, packages } = finder;
    this.#finder = finder;
    this.#files = new PackageFiles(roots, (file) => packages.nearest(file)?.folder);
    this.#unpack = new JavaScriptUnpack(roots, packages, unpacking.names);
    const told = {
      folders: outermost(roots.folders),
      sharesDisk,
      unpack: unpacking.names,
      unpackInto: unpacking.into,
    };
    this.#tier2 = { ...tier2, roots: `Object.assign(exports,${JSON.stringify(told)})` };
  }

  offer(names: readonly string[], needs: readonly string[]): PackedText | undefined {
    const records: ModuleRecord[] = [];
    for (const name of names) {
      if (this.#offered.has(name)) continue;
      this.#offered.add(name);
      this.#finder.allow(name);
      this.#follow(name, records);
    }
    const isImporting = records.length > 0 || needs.includes("importer");
    const more = needs.flatMap((need) => [...(NEEDED[need] ?? []), need]);
    const own = isImporting ? [...IMPORT_TIER, ...more] : more;
    const all = [...records, ...this.#tiers([...own, ...records.flatMap(readers)])];
    return all.length === 0 ? undefined : packed(all);
  }

  /** Those of the second tier that were not sent. */
  #tiers(names: readonly string[]): ModuleRecord[] {
    const fresh = [...new Set(names)].filter(
      (name) => !this.#sent.has(OWN + name) && Object.hasOwn(this.#tier2, name),
    );
    return fresh.map((name) => this.#own(OWN + name));
  }

  answer(body: Uint8Array): ModuleAnswer {
    const request = decodeValue(body);
    const file = Array.isArray(request) && request.length === 2 ? this.#file(request) : undefined;
    if (file === undefined) return { body: packed(this.#records(request)), isText: true };
    return { body: Buffer.concat(encodeValue(file).chunks), isText: true };
  }

  /** What lies beside the modules that were sent. */
  #file([path, what]: readonly unknown[]): unknown {
    if (typeof path !== "string") return undefined;
    if (path.length > MAX_NAME) return null;
    if (what === "file" || what === "folder") return this.#files[what](path);
    return Number.isSafeInteger(what) ? this.#unpack.piece(path, Number(what)) : undefined;
  }

  #records(request: unknown): ModuleRecord[] {
    if (typeof request === "string") return this.#module(request);
    if (Array.isArray(request) && request.length === 3) {
      const [parent, specifier, kind] = request as unknown[];
      if (typeof parent === "string" && typeof specifier === "string") {
        if (kind === "import" || kind === "require") return this.#resolved(parent, specifier, kind);
      }
    }
    throw new ProtocolError(
      "ERR_PROTOCOL_VALUE",
      "malformed request for a module: expected a name, [parent, specifier, kind] or [path, what]",
    );
  }

  /** Asked for by name: what was sent is sent again, its dependencies are not. */
  #module(name: string): ModuleRecord[] {
    if (name.length > MAX_NAME) return [[name]];
    if (name.startsWith(OWN)) return [this.#own(name)];
    const found = this.#find(name);
    if (found === undefined || (found.format === "json" && !this.#data.has(name))) return [[name]];
    const records: ModuleRecord[] = [];
    this.#follow(name, records);
    const asked = records.find((record) => record[0] === name) ?? this.#record(found);
    const others = records.filter((record) => record !== asked);
    return [asked, ...others, ...this.#tiers(records.flatMap(readers))];
  }

  /** A context may ask where specifiers lead only for a parent that it was sent, or that is in a package of which it was sent a module. */
  #resolved(parent: string, specifier: string, kind: "import" | "require"): ModuleRecord[] {
    // Of a package that was sent, any path may be where somebody asks from (`createRequire`).
    const isKnown =
      (this.#sent.has(parent) || this.#files.has(parent)) && specifier.length <= MAX_NAME;
    const name = isKnown ? this.#finder.resolve(specifier, parent, kind) : "";
    if (name === "") return [[specifier]];
    if (this.#data.size < MAX_DATA) this.#data.add(name);
    // What the far side has itself goes by its own name, and has no source.
    if (!name.startsWith("/")) return [[name, "", "builtin", {}, ""]];
    const records = this.#module(name);
    if (records[0]?.length !== 1 || !this.#finder.roots.contain(name)) return records;
    // A file that is no module has a place all the same (`require.resolve`), where it can be read.
    this.#files.add(name);
    return [[name, "", "error", {}, `${name} is no module`]];
  }

  /** Of a package that shall be real files, that folder's path stands for its modules. */
  #find(name: string): FoundScript | undefined {
    const folder = this.#unpack.folderOf(name);
    return folder === undefined ? this.#finder.find(name) : unpackedRecord(name, folder);
  }

  #own(name: string): ModuleRecord {
    const stem = name.slice(OWN.length);
    const source = Object.hasOwn(this.#tier2, stem) ? this.#tier2[stem] : undefined;
    if (source === undefined) return [name];
    this.#sent.add(name);
    return [name, "", "tier", {}, source];
  }

  #record(found: FoundScript): ModuleRecord {
    // What is only a refusal is told again: nobody fills memory by asking.
    if (found.format !== "error") {
      this.#sent.add(found.name);
      this.#files.add(found.name);
      for (const target of Object.values(found.dependencies)) this.#data.add(target);
    }
    return [found.name, found.hash, found.format, found.dependencies, found.source];
  }

  /** Add the module and all that it needs and was not sent: breadth first; behind it, what it may need later, as far as that is little. */
  #follow(name: string, records: ModuleRecord[]): void {
    const room = { modules: MAX_BURST, bytes: MAX_BURST_BYTES };
    let later = this.#add(this.#needed(name, room) ?? [], records);
    const spare = { modules: MAX_BURST, bytes: MAX_LATER_BYTES };
    for (let next = later.shift(); next !== undefined; next = later.shift()) {
      if (this.#sent.has(next)) continue;
      const needed = this.#needed(next, spare, true);
      if (needed === undefined) return;
      later = [...later, ...this.#add(needed, records)];
    }
  }

  /** @returns what functions of these require */
  #add(needed: readonly FoundScript[], records: ModuleRecord[]): string[] {
    records.push(...needed.map((found) => this.#record(found)));
    return needed.flatMap((found) => found.later);
  }

  /** What running a module needs and was not sent, taken from the room that there is. @param whole all, or undefined */
  #needed(name: string, room: Room, whole = false): FoundScript[] | undefined {
    const needed: FoundScript[] = [];
    const queue = new Set([name]);
    let { modules, bytes } = room;
    for (const next of queue) {
      if (this.#sent.has(next)) continue;
      // What is too large to go along is not even read.
      if (whole && Bun.file(next).size > bytes) return undefined;
      const found = this.#find(next);
      if (found === undefined) continue;
      modules--;
      bytes -= found.source.length;
      if ((modules < 0 || bytes < 0) && (whole || needed.length > 0)) {
        return whole ? undefined : needed;
      }
      needed.push(found);
      for (const one of found.follows) queue.add(one);
    }
    room.modules = modules;
    room.bytes = bytes;
    return needed;
  }
}

/** What may still be sent for one request. */
interface Room {
  modules: number;
  bytes: number;
}

function readers(record: ModuleRecord): readonly string[] {
  return Object.values(record[3] ?? {}).flatMap((target) => READERS[target] ?? []);
}

/** As plain JSON: what was compressed before stays so. */
function packed(records: readonly ModuleRecord[]): PackedText {
  const parts: (string | Packed)[] = [];
  let text = "[";
  for (const [i, record] of records.entries()) {
    const source = record[4];
    const isPacked = typeof source === "object";
    const own = JSON.stringify(isPacked ? record.slice(0, 4) : record);
    text += i === 0 ? own : `,${own}`;
    if (!isPacked) continue;
    parts.push(`${text.slice(0, -1)},`, source);
    text = "]";
  }
  return new PackedText([...parts, `${text}]`]);
}
