/**
 * The module responder of a Python context. Remembers what the context has.
 *
 * Spec: docs/protocol.md, "Module records". Twin: stage1/python/importer.py.
 */
import { PYTHON_TIER2 } from "../bootstrap/stage1.ts";
import { ProtocolError } from "../errors.ts";
import { decodeValue, encodeValue } from "../protocol/value.ts";
import type { PythonFinder } from "./python-finder.ts";
import { MAX_NAME, type ModuleAnswer, type ModuleResponder, OWN } from "./responder.ts";

/** `[NAME, PATH, IS_PACKAGE, CHILDREN, SOURCE]`, or `[NAME]`: there is none. */
type ModuleRecord =
  | readonly [string]
  | readonly [string, string, boolean, readonly string[] | null, string];

/** Modules sent for one request, at most: the rest is asked for when it is imported. */
const MAX_BURST = 500;
/** Sent along with the first modules: what importing, logging and most results need. */
const IMPORT_TIER = ["importer", "logs", "values", "failures"] as const;
const CHANNELS_TIER = ["values", "interruption", "waiting", "bulk", "channels"] as const;
/** What these import in their turn. */
const IMPORTED: Readonly<Record<string, readonly string[]>> = {
  channels: CHANNELS_TIER,
  commands: ["importer", "failures", ...CHANNELS_TIER, "splicing", "pipes"],
  files: ["importer", "failures", ...CHANNELS_TIER, "destination"],
};

export class PythonResponder implements ModuleResponder {
  readonly #finder: PythonFinder;
  readonly #sent = new Set<string>();
  /** Names whose imports were followed: a call to the same module again costs a look-up. */
  readonly #offered = new Set<string>();

  /** One for each context. */
  constructor(finder: PythonFinder) {
    this.#finder = finder;
  }

  offer(names: readonly string[], needs: readonly string[]): Uint8Array | undefined {
    const records: ModuleRecord[] = [];
    for (const name of names) {
      if (this.#offered.has(name)) continue;
      this.#offered.add(name);
      this.#follow(name, records);
    }
    const more = needs.flatMap((need) => [...(IMPORTED[need] ?? []), need]);
    const own = records.length > 0 ? [...IMPORT_TIER, ...more] : more;
    for (const name of own) {
      if (!this.#sent.has(OWN + name)) records.push(this.#own(OWN + name));
    }
    if (records.length === 0) return undefined;
    if (own !== more && !this.#sent.has("")) records.push(this.#root());
    return Buffer.concat(encodeValue(records).chunks);
  }

  answer(body: Uint8Array): ModuleAnswer {
    const request = decodeValue(body);
    if (typeof request === "string") {
      return { body: Buffer.concat(encodeValue(this.#module(request)).chunks), isText: true };
    }
    if (Array.isArray(request) && request.length === 2) {
      const [name, path] = request as unknown[];
      if (typeof name === "string" && typeof path === "string") {
        const { chunks } = encodeValue(this.#resource(name, path));
        return { body: Buffer.concat(chunks), isText: false };
      }
    }
    throw new ProtocolError("ERR_PROTOCOL_VALUE", "a request for a module that is none");
  }

  #module(name: string): ModuleRecord[] {
    if (name === "") return [this.#root()];
    if (name.length > MAX_NAME) return [[name]];
    if (name.startsWith(OWN)) return [this.#own(name)];
    const records: ModuleRecord[] = [];
    this.#follow(name, records);
    // Asked again (it was offered, and is asked for all the same): answer again.
    const asked = records.find((record) => record[0] === name) ?? this.#record(name);
    const rest = records.filter((record) => record !== asked);
    if (!this.#sent.has("")) rest.push(this.#root());
    return [asked, ...rest];
  }

  /** Package data, of packages that this context was sent. */
  #resource(name: string, path: string): Uint8Array | string[] | null {
    if (!this.#sent.has(name) || path.length > MAX_NAME) return null;
    const found = path.endsWith("/") || path === "" ? "resources" : "resource";
    return this.#finder[found](name, path) ?? null;
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
    return ["", "", true, this.#finder.top() ?? null, ""];
  }

  #record(name: string): ModuleRecord {
    const found = this.#finder.find(name);
    if (found === undefined) return [name];
    this.#sent.add(name);
    return [name, found.path, found.isPackage, found.children ?? null, found.source];
  }

  /** Add the module, its packages and all that they import, as far as the roots have it and it was not sent: breadth first. */
  #follow(name: string, records: ModuleRecord[]): void {
    const queue = [name];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const parts = next.split(".");
      for (let i = 1; i <= parts.length; i++) {
        const part = parts.slice(0, i).join(".");
        if (this.#sent.has(part)) continue;
        const found = this.#finder.find(part);
        if (found === undefined) break;
        if (records.length >= MAX_BURST) return;
        records.push(this.#record(part));
        for (const { name: imported, implicitRelative } of this.#finder.imports(found)) {
          queue.push(imported);
          if (implicitRelative !== undefined) queue.push(implicitRelative);
        }
      }
    }
  }
}
