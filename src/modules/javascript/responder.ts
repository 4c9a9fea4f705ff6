/**
 * The module responder of a JavaScript context. It answers with modules by name, targets of
 * specifiers that only running code knows, and the second tier. Remembers what the context has.
 *
 * Spec: docs/protocol.md, "Module records". Twin: stage1/javascript/tier2/importer.js.
 */

import { ProtocolError } from "../../errors.ts";
import { JS_DEPENDENCIES, JS_TIER2 } from "../../interpreters/embedded.ts";
import { decodeValue, encodeValue } from "../../protocol/value.ts";
import { outermost, PackageFiles } from "../package-files.ts";
import { pack } from "../packed.ts";
import {
  compressed,
  MAX_NAME,
  type ModuleAnswer,
  type ModuleMessage,
  type ModuleResponder,
  OWN,
  stream,
} from "../responder.ts";
import type { Unpacking } from "../unpack-list.ts";
import type { FoundScript, JavaScriptFinder } from "./finder.ts";
import type { Part, Recording } from "./recording.ts";
import { bundleMessage, bundleOf, type ModuleRecord, readers, tierMessage } from "./records.ts";
import { JavaScriptUnpack, unpackedRecord } from "./unpack.ts";

/** The most modules sent for one request; JavaScript packages have many small ones. */
const MAX_BURST = 2000;
/** The most bytes of source sent for one request: compressed, they must fit into one message. */
const MAX_BURST_BYTES = 32 * 1024 * 1024;
/**
 * The most bytes of modules sent for one request that only functions require. Such functions may
 * never run; other modules are sent when they are needed.
 */
const MAX_LATER_BYTES = 64 * 1024;
/**
 * The most names of data modules that a context may have. Beyond it, data that it asks for is
 * missing.
 */
const MAX_DATA = 32_768;
/** Sent with the first modules: what importing, logging and most results need. */
const IMPORT_TIER = ["importer", "console", "values", "failures"] as const;

interface JavaScriptOptions {
  /** Whether the slave sees the same files as this process. */
  readonly sharesDisk?: boolean;
  readonly unpacking?: Unpacking;
  readonly tier2?: Readonly<Record<string, string>>;
}

const NOTHING: Unpacking = { names: [], into: undefined };

export class JavaScriptResponder implements ModuleResponder {
  readonly #finder: JavaScriptFinder;
  readonly #tier2: Readonly<Record<string, string>>;
  readonly #sent = new Set<string>();
  /** Data that a sent module imports. No other data can be had by its name alone. */
  readonly #data = new Set<string>();
  /**
   * Names whose imports were followed, so that a later call to the same module needs only a
   * look-up.
   */
  readonly #offered = new Set<string>();

  /** Whether a module of the user's was sent. */
  #hasModules = false;
  /** Gets what this context asks for. */
  #recording: Recording | undefined;
  readonly #files: PackageFiles;
  readonly #unpack: JavaScriptUnpack;

  /** Each context has a responder of its own. */
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

  offer(names: readonly string[], needs: readonly string[]): readonly ModuleMessage[] {
    const parts: Part[] = [];
    for (const name of names) {
      if (this.#offered.has(name)) continue;
      this.#offered.add(name);
      this.#finder.allow(name);
      parts.push(...this.#partsOf(name));
    }
    const isImporting = parts.length > 0 || needs.includes("importer");
    const tier = isImporting ? [...IMPORT_TIER, ...needs] : needs;
    const own = this.#tiers([...tier, ...parts.flatMap(({ tiers }) => tiers)]);
    return [...own, ...parts.map(({ bundle }) => bundleMessage(bundle))];
  }

  /** What a module needs and the context does not have yet. */
  #partsOf(name: string): readonly Part[] {
    const isFirst = this.#offered.size === 1 && !this.#hasModules;
    // What is unpacked differs from context to context.
    const isSame = isFirst && !this.#unpack.isUsed;
    const recording = isSame ? this.#finder.recording(name) : undefined;
    if (recording?.take() === true) this.#recording = recording;
    if (recording !== undefined && recording.parts.length > 0) {
      for (const part of recording.parts) this.#recall(part);
      return recording.parts;
    }
    const records: ModuleRecord[] = [];
    this.#follow(name, records);
    if (records.length === 0) return [];
    const part = this.#part(records);
    this.#recording?.add(part);
    return [part];
  }

  #part(records: readonly ModuleRecord[]): Part {
    const sendable = records.filter((record) => record[2] !== "error");
    const names = sendable.map(([name]) => name);
    return {
      modules: names.map((name) => [name, this.#finder.keyOf(name)]),
      texts: sendable.filter((record) => record[2] === "text").map(([name]) => name),
      targets: [...new Set(sendable.flatMap((record) => Object.values(record[3] ?? {})))],
      tiers: [...new Set(records.flatMap(readers))],
      bundle: bundleOf(records),
    };
  }

  /** The context is sent what another one was sent before. */
  #recall(part: Part): void {
    this.#hasModules = true;
    this.#finder.recall(part);
    for (const [name] of part.modules) {
      this.#sent.add(name);
      this.#files.add(name);
    }
    for (const target of part.targets) this.#data.add(target);
  }

  /**
   * Makes the message with those modules of the second tier, and the ones that go along with them,
   * that were not sent yet. @returns none if all were sent
   */
  #tiers(names: readonly string[]): readonly ModuleMessage[] {
    const all = names.flatMap((name) => [...(JS_DEPENDENCIES[name] ?? []), name]);
    const fresh = [...new Set(all)].flatMap((name): [string, string][] => {
      const source = this.#sent.has(OWN + name) ? undefined : this.#own(OWN + name);
      return source === undefined ? [] : [[OWN + name, source]];
    });
    return fresh.length === 0 ? [] : [tierMessage(fresh)];
  }

  answer(body: Uint8Array): ModuleAnswer {
    const request = decodeValue(body);
    if (typeof request === "string" && request.startsWith(OWN) && request.length <= MAX_NAME) {
      const source = this.#own(request);
      // All modules that have a source have an entry there, and no other name does.
      const needs = source === undefined ? [] : JS_DEPENDENCIES[request.slice(OWN.length)];
      return { before: this.#tiers(needs ?? []), ...tierMessage([[request, source]]) };
    }
    const file = Array.isArray(request) && request.length === 2 ? this.#file(request) : undefined;
    if (file !== undefined) return compressed(Buffer.concat(encodeValue(file).chunks));
    const records = this.#records(request);
    const before = this.#tiers(records.flatMap(readers));
    return { before, ...stream(bundleOf(records).bytes) };
  }

  /** The files beside modules that were sent. */
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

  /** Answers a request by name: a module that was sent is sent again, its dependencies are not. */
  #module(name: string): ModuleRecord[] {
    if (name.length > MAX_NAME) return [[name]];
    const found = this.#find(name);
    if (found === undefined || (found.format === "json" && !this.#data.has(name))) return [[name]];
    const records: ModuleRecord[] = [];
    this.#follow(name, records);
    const sendable = records.filter((record) => record[2] !== "error");
    if (sendable.length > 0) this.#recording?.add(this.#part(sendable));
    const asked = records.find((record) => record[0] === name) ?? this.#record(found);
    return [asked, ...records.filter((record) => record !== asked)];
  }

  /**
   * Answers where a specifier leads. The parent must be a module that was sent, or be in a package
   * of which a module was sent.
   */
  #resolved(parent: string, specifier: string, kind: "import" | "require"): ModuleRecord[] {
    // In such a package, any path may be the parent (`createRequire`).
    const isKnown =
      (this.#sent.has(parent) || this.#files.has(parent)) && specifier.length <= MAX_NAME;
    const name = isKnown ? this.#finder.resolve(specifier, parent, kind) : "";
    if (name === "") return [[specifier]];
    if (this.#data.size < MAX_DATA) this.#data.add(name);
    // A builtin of the slave has its own name and no source.
    if (!name.startsWith("/")) return [[name, "", "builtin", {}, pack("")]];
    const records = this.#module(name);
    if (records[0]?.length !== 1 || !this.#finder.roots.contain(name)) return records;
    // A file that is no module still has a path (`require.resolve`), and may be read.
    this.#files.add(name);
    return [[name, "", "error", {}, pack(`${name} is no module`)]];
  }

  /** The record of a module; for a package that is unpacked, one that names its folder. */
  #find(name: string): FoundScript | undefined {
    const folder = this.#unpack.folderOf(name);
    return folder === undefined ? this.#finder.find(name) : unpackedRecord(name, folder);
  }

  /** @returns the source of a module of the second tier, which is going to be sent */
  #own(name: string): string | undefined {
    const stem = name.slice(OWN.length);
    const source = Object.hasOwn(this.#tier2, stem) ? this.#tier2[stem] : undefined;
    if (source !== undefined) this.#sent.add(name);
    return source;
  }

  #record(found: FoundScript): ModuleRecord {
    // A refusal is sent again each time, and uses no memory.
    if (found.format !== "error") {
      this.#hasModules = true;
      this.#sent.add(found.name);
      this.#files.add(found.name);
      for (const target of Object.values(found.dependencies)) this.#data.add(target);
    }
    return [found.name, found.hash, found.format, found.dependencies, found.source];
  }

  /**
   * Adds the module and all that it needs and that was not sent, breadth first. Modules that it may
   * need later follow, as long as they are small.
   */
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

  /** Adds records. @returns the names of modules that functions of these require */
  #add(needed: readonly FoundScript[], records: ModuleRecord[]): string[] {
    records.push(...needed.map((found) => this.#record(found)));
    return needed.flatMap((found) => found.later);
  }

  /**
   * The modules that a module needs to run and that were not sent. Takes them from `room`.
   *
   * @param whole whether the result is all of them, or undefined if there is no room
   */
  #needed(name: string, room: Room, whole = false): FoundScript[] | undefined {
    const needed: FoundScript[] = [];
    const queue = new Set([name]);
    let { modules, bytes } = room;
    for (const next of queue) {
      if (this.#sent.has(next)) continue;
      // A file that is too large to be sent is not even read.
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

/** The room left for one request. */
interface Room {
  modules: number;
  bytes: number;
}
