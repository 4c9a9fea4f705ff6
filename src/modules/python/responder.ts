/**
 * The module responder of a Python context. Remembers which modules the context has.
 *
 * Spec: docs/protocol.md, "Module records". Twin: stage1/python/tier2/records.py.
 */
import { basename, dirname } from "node:path";
import { ProtocolError } from "../../errors.ts";
import { PYTHON_AT_ONCE, PYTHON_DEPENDENCIES, PYTHON_TIER2 } from "../../interpreters/embedded.ts";
import { HANDLES } from "../../protocol/handles.ts";
import { decodeValue, encodeValue } from "../../protocol/value.ts";
import {
  compressed,
  compressedOnce,
  MAX_NAME,
  type ModuleAnswer,
  type ModuleMessage,
  type ModuleResponder,
  OWN,
  uncompressed,
} from "../responder.ts";
import type { Unpacking } from "../unpack-list.ts";
import { PythonFiles } from "./files.ts";
import type { FoundModule, PythonFinder } from "./finder.ts";
import { ReadAhead } from "./read-ahead.ts";
import { PythonUnpack } from "./unpack.ts";

/**
 * `[NAME, PATH, IS_PACKAGE, CHILDREN, SOURCE]`, or `[NAME]` if no such module exists. PATH is a
 * list for a module without a file. SOURCE is a list, of the bytes as latin-1, for a file that is
 * not UTF-8.
 */
type ModuleRecord =
  | readonly [string]
  | readonly [
      string,
      string | readonly string[],
      boolean,
      readonly string[] | null,
      string | readonly [string],
    ];

/** The most modules sent for one request. The slave asks for the others when it imports them. */
const MAX_BURST = 500;
/**
 * The most characters of source sent for imports in functions and branches, which may never run.
 */
const MAX_LAZY = 65_536;
/** The most names at the top that are sent along with what may not need them. */
const MAX_UNASKED = 64;
/** The prefix of a file's path in the slave: an absolute path that no remote file has. */
export const FORWARDED = "/econtext-master";
/** A module may be named by its absolute path without `.py`, in place of its dotted name. */
const PLACE = /^\//;
/**
 * Sent with the first modules: what importing, logging and failing need. It travels with the first
 * call, and TCP sends some 14 KB before the first acknowledgement.
 */
const IMPORT_TIER = ["importer", "logs", "failures"] as const;

const NOTHING: readonly ModuleMessage[] = [];

export class PythonResponder implements ModuleResponder {
  readonly #finder: PythonFinder;
  readonly #files: PythonFiles;
  readonly #unpack: PythonUnpack;
  readonly #unpacking: Unpacking;
  readonly #sent = new Set<string>();
  /** The files of modules that were sent. */
  readonly #paths = new Set<string>();
  /**
   * Names whose imports were followed, so that a later call to the same module needs only a
   * look-up.
   */
  readonly #offered = new Set<string>();
  readonly #readAhead = new ReadAhead();

  /** Each context has a responder of its own. */
  constructor(finder: PythonFinder, unpacking: Unpacking = { names: [], into: undefined }) {
    this.#finder = finder;
    this.#unpack = new PythonUnpack(finder);
    this.#unpacking = unpacking;
    this.#files = new PythonFiles(finder);
  }

  prepare(names: readonly string[]): readonly ModuleMessage[] {
    if (this.#sent.has(`${OWN}importer`)) return NOTHING;
    const unknown = names.find((name) => !this.#finder.isKnown(name));
    if (unknown === undefined) return NOTHING;
    const name = this.#byName(unknown);
    const [top = ""] = name.split(".");
    if (PLACE.test(name) || this.#find(top) === undefined) return NOTHING;
    const records = [...this.#tiers(IMPORT_TIER), this.#root()];
    const call = ["econtext.importer:prepare", [top]];
    return [loading(records), { handle: HANDLES.CALL_FUNCTION, ...uncompressed(bytesOf(call)) }];
  }

  offer(names: readonly string[], needs: readonly string[]): readonly ModuleMessage[] {
    // Most calls need what calls before them needed.
    if (needs.length === 0 && names.every((name) => this.#offered.has(name))) return NOTHING;
    const records: ModuleRecord[] = [];
    for (const name of names) {
      if (this.#offered.has(name)) continue;
      this.#offered.add(name);
      this.#follow(name, records);
    }
    const hasModules = records.length > 0;
    // The slave begins with what the function is in. It may never read the rest.
    const urgent = hasModules ? [] : this.#tiers(needs.slice(0, 1), PYTHON_AT_ONCE);
    const tier = hasModules ? [...IMPORT_TIER, ...needs] : [...needs];
    if (names.some((name) => PLACE.test(name))) tier.push("own");
    records.push(...this.#tiers(tier));
    // In Python 2, the importer is asked for modules of its own, too, and wants these names first.
    const isShort = (this.#finder.top()?.length ?? 0) <= MAX_UNASKED;
    const isWanted = hasModules || (this.#sent.has(`${OWN}importer`) && isShort);
    if (isWanted && !this.#sent.has("")) records.push(this.#root());
    const full = [urgent, records].filter(({ length }) => length > 0);
    return full.map(hasModules ? loading : loadingOwn);
  }

  answer(body: Uint8Array): ModuleAnswer {
    const request = decodeValue(body);
    if (typeof request === "string") {
      return compressed(bytesOf(this.#module(request)));
    }
    if (Array.isArray(request) && request.length === 2) {
      const [name, path] = request as unknown[];
      if (typeof name === "string" && typeof path === "string") {
        return uncompressed(bytesOf(this.#resource(name, path)));
      }
    }
    throw new ProtocolError(
      "ERR_PROTOCOL_VALUE",
      "malformed request for a module: expected a name or [name, path]",
    );
  }

  #module(name: string): ModuleRecord[] {
    if (name === "") return [this.#root()];
    if (name.length > MAX_NAME) return [[name]];
    if (name.startsWith(OWN)) {
      const own = this.#own(name);
      if (own.length === 1) return [own];
      // It has come with every call that needs it, so that a result is to be encoded now.
      const more = name === `${OWN}values` ? ["value_encode"] : [];
      return [own, ...this.#tiers([name.slice(OWN.length), ...more])];
    }
    const records = this.#withNeighbours(name);
    // A module that was offered may be asked for all the same: then it is sent again.
    const asked = records.find((record) => record[0] === name) ?? this.#record(name);
    const rest = records.filter((record) => record !== asked);
    if (!this.#sent.has("")) rest.push(this.#root());
    return [asked, ...rest];
  }

  /** The records of a module that was asked for, and of some that may be asked for next. */
  #withNeighbours(name: string): ModuleRecord[] {
    const records: ModuleRecord[] = [];
    this.#follow(name, records);
    if (PLACE.test(name) || !this.#sent.has(name)) return records;
    const { names, characters } = this.#readAhead.after(name, (parent) => {
      return this.#sent.has(parent) ? this.#find(parent)?.children : undefined;
    });
    this.#followPerhaps([...names], characters, records);
    this.#readAhead.answered(name, sourceLength(records));
    return records;
  }

  /** Package data: of packages that were sent, by an absolute path, or of all distributions. */
  #resource(name: string, path: string): unknown {
    if (path.length > MAX_NAME) return null;
    const isSent = (file: string): boolean => this.#paths.has(file);
    const isFolder = path.endsWith("/") || path === "";
    const [, done] = /^\*\*(\d+)$/.exec(name) ?? [];
    if (done !== undefined) {
      return this.#isUnpacked(path) ? (this.#unpack.piece(path, Number(done)) ?? null) : null;
    }
    if (name === "*") return this.#files.metadata(dirname(path), basename(path));
    if (name === "" && isFolder) {
      const entries = this.#files.folder(path.slice(0, -1), isSent);
      return entries?.map((entry) => [entry.name, entry.size, entry.modified]) ?? null;
    }
    if (name === "") return this.#files.file(path, isSent) ?? null;
    if (!this.#sent.has(name)) return null;
    const found = this.#find(name);
    if (found === undefined) return null;
    return this.#files[isFolder ? "resources" : "resource"](found, path) ?? null;
  }

  /** The modules of the second tier, and those that go with them, that were not sent yet. */
  #tiers(names: readonly string[], along = PYTHON_DEPENDENCIES): ModuleRecord[] {
    const all = names.flatMap((name) => [...(along[name] ?? []), name]);
    const fresh = [...new Set(all)].filter((name) => !this.#sent.has(OWN + name));
    return fresh.map((name) => this.#own(OWN + name));
  }

  #own(name: string): ModuleRecord {
    const stem = name.slice(OWN.length);
    const source = Object.hasOwn(PYTHON_TIER2, stem) ? PYTHON_TIER2[stem] : undefined;
    if (source === undefined) return [name];
    this.#sent.add(name);
    return [name, `${name.replace(".", "/")}.py`, false, null, source];
  }

  #root(): ModuleRecord {
    this.#sent.add("");
    return ["", this.#finder.trees.roots, true, this.#finder.top() ?? null, ""];
  }

  /** The dotted name of a place if it leads to the same file, else the place itself. */
  #byName(place: string): string {
    const { module = place, path } = (PLACE.test(place) && this.#finder.at(place)) || {};
    return path !== undefined && this.#finder.find(module)?.path === path ? module : place;
  }

  #find(name: string): FoundModule | undefined {
    return PLACE.test(name) ? this.#finder.at(name) : this.#finder.find(name);
  }

  /** Whether a module is to be unpacked as real files. @param place of a module */
  #isUnpacked(place: string): boolean {
    const { names } = this.#unpacking;
    if (names.length === 0 || !names.includes(basename(place))) return false;
    return this.#finder.trees.roots.includes(dirname(place));
  }

  #record(name: string): ModuleRecord {
    const found = this.#find(name);
    if (found === undefined) return [name];
    this.#sent.add(name);
    const place = this.#finder.placeOf(found);
    if (this.#isUnpacked(place)) {
      // The module is replaced by one that fetches its files.
      const source = `from econtext import tier\ntier("unpacking").take(__name__, ${python(place)}, ${python(this.#unpacking.into ?? "")})\n`;
      return [name, `${place}.py`, false, null, source];
    }
    const { path, folders, isPackage, children, source } = found;
    if (folders === undefined) this.#paths.add(path);
    const text =
      typeof source === "string" ? source : ([Buffer.from(source).toString("latin1")] as const);
    return [name, folders ?? path, isPackage, children ?? null, text];
  }

  /**
   * Adds records of a module, its packages and all that they import, if the roots have them and
   * they were not sent. Breadth first; imports that surely run come before those that may.
   */
  #follow(name: string, records: ModuleRecord[]): void {
    const queue = [this.#byName(name)];
    const perhaps: string[] = [];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      this.#take(next, records, (module, isLazy) => (isLazy ? perhaps : queue).push(module));
    }
    this.#followPerhaps(perhaps, MAX_LAZY, records);
  }

  /**
   * Adds records of modules that may be imported, and of all that these import.
   *
   * @param queue is emptied
   * @param characters of source at most
   */
  #followPerhaps(queue: string[], characters: number, records: ModuleRecord[]): void {
    let left = characters;
    for (let next = queue.shift(); next !== undefined && left > 0; next = queue.shift()) {
      left -= this.#take(next, records, (module) => queue.push(module), left);
    }
  }

  /**
   * Adds the record of a module, and of the packages that it is in.
   *
   * @param imported is given each module that they import
   * @param limit a source with more characters is left out
   * @returns the characters of the sources that were added
   */
  #take(
    name: string,
    records: ModuleRecord[],
    imported: (name: string, isLazy: boolean) => void,
    limit = Number.POSITIVE_INFINITY,
  ): number {
    let taken = 0;
    for (const part of withParents(name)) {
      if (this.#sent.has(part)) continue;
      const found = records.length < MAX_BURST ? this.#find(part) : undefined;
      if (found === undefined || taken + found.source.length > limit) break;
      taken += found.source.length;
      records.push(this.#record(part));
      if (this.#isUnpacked(this.#finder.placeOf(found))) break;
      for (const { name, implicitRelative, isLazy = false } of this.#finder.imports(found)) {
        imported(name, isLazy);
        if (implicitRelative !== undefined) imported(implicitRelative, isLazy);
      }
    }
    return taken;
  }
}

function loading(records: readonly ModuleRecord[]): ModuleMessage {
  return { handle: HANDLES.LOAD_MODULE, ...compressed(bytesOf(records)) };
}

/** The same, of modules of the second tier, and maybe the root. Many contexts are sent it. */
function loadingOwn(records: readonly ModuleRecord[]): ModuleMessage {
  const names = records.map((record) => (record[0] === "" ? record : record[0]));
  const body = compressedOnce(JSON.stringify(names), () => bytesOf(records));
  return { handle: HANDLES.LOAD_MODULE, ...body };
}

function bytesOf(value: unknown): Uint8Array {
  return Buffer.concat(encodeValue(value).chunks);
}

/** Characters of source. */
function sourceLength(records: readonly ModuleRecord[]): number {
  return records.reduce((sum, [, , , , source = ""]) => sum + source.length, 0);
}

/** Text in Python's notation. JSON in ASCII is valid in every version. */
function python(text: string): string {
  return JSON.stringify(text).replace(/[^ -~]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** For `a.b.c`: `a`, `a.b` and `a.b.c`. */
function withParents(name: string): string[] {
  if (PLACE.test(name)) return [name];
  const parts = name.split(".");
  return parts.map((_, i) => parts.slice(0, i + 1).join("."));
}
