/**
 * Finds JavaScript and TypeScript modules in the roots that the user allowed, and nowhere else, and
 * transforms them for a slave. Each file is read once, for all contexts. Knows no message.
 */
import { readFileSync } from "node:fs";
import { dirname, extname, isAbsolute, resolve } from "node:path";
import { Disk } from "../disk.ts";
import { type Packed, pack } from "../packed.ts";
import { Roots } from "../roots.ts";
import { type CachedModule, TransformCache } from "../transform-cache.ts";
import { Packages } from "./packages.ts";
import { type Part, Recording } from "./recording.ts";
import type { Request } from "./requests.ts";
import { type RequestKind, Resolver } from "./resolve.ts";
import { StackMap } from "./stack-map.ts";
import { type Format, type Transformed, type TransformOptions, transform } from "./transform.ts";

export interface FoundScript {
  /** The absolute real path of the module. */
  readonly name: string;
  readonly hash: string;
  /** The format, with `+scope` if functions in its top-level scope can be looked up. */
  readonly format: string;
  /**
   * Targets by specifier: names of modules, `node:…`, or "". A specifier has the prefix `import `
   * or `require ` if that is not the usual way in such a module.
   */
  readonly dependencies: Readonly<Record<string, string>>;
  /** The text of the module, compressed. */
  readonly source: Packed;
  /** Names of modules that it needs before it runs. */
  readonly follows: readonly string[];
  /** Names of modules that its functions require when they are called. */
  readonly later: readonly string[];
}

const MAX_SOURCE_BYTES = 16 * 1024 * 1024;
const MAX_KNOWN = 5_000;
const MAX_TARGETS = 50_000;
const CODE = /^\.(?:[cm]?[jt]s|[jt]sx)$/;
export class JavaScriptFinder {
  readonly #disk = new Disk();
  readonly #roots: Roots;
  readonly #packages: Packages;
  readonly #resolver: Resolver;
  readonly #found = new Map<string, FoundScript | undefined>();
  readonly #cache: TransformCache | undefined;
  /** Targets of specifiers, by folder. */
  readonly #targets = new Map<string, string>();
  /** The requests of each module that was transformed. */
  readonly #transformed = new Map<string, CachedModule & { readonly key: string }>();
  /** Modules that were sent as a recording has them, and their keys in the cache. */
  readonly #recalled = new Map<string, string>();
  readonly #recordings = new Map<string, Recording>();
  readonly #stacks: StackMap;
  /**
   * Files that a user's module imports as text (`with { type: "text" }`), or as code despite their
   * name.
   */
  readonly #named = new Map<string, "text" | "code">();

  /**
   * @param roots folders, of which those that do not exist are left out
   * @param cache keeps transformed modules for other runs
   */
  constructor(roots: readonly string[], cache?: TransformCache) {
    this.#cache = cache;
    this.#roots = new Roots(roots);
    this.#packages = new Packages(this.#roots, this.#disk);
    this.#resolver = new Resolver(this.#roots, this.#packages, this.#disk);
    this.#stacks = new StackMap({
      load: (name) => this.find(name),
      requests: (name) => this.#made(name)?.requests,
      resolve: (specifier, parent, kind) => this.resolve(specifier, parent, kind),
      again: (name) => this.#again(name),
    });
  }

  get roots(): Roots {
    return this.#roots;
  }

  /** The packages that files belong to. */
  get packages(): Packages {
    return this.#packages;
  }

  /** Allows the main file of a program, whatever its extension. */
  allow(name: string): void {
    this.#take(name, "code");
  }

  #take(name: string, as: "text" | "code"): void {
    this.#named.set(name, as);
    // An earlier answer that there is no such module is no longer right.
    if (this.#found.get(name) === undefined) this.#found.delete(name);
  }

  /**
   * The module; undefined if it does not exist. A module that cannot be sent gives a record with an
   * error.
   */
  find(name: string): FoundScript | undefined {
    if (this.#found.has(name)) return this.#found.get(name);
    const found = this.#load(name);
    // A slave may ask for any number of names, so only a bounded number of missing ones is
    // remembered.
    const isFile = found !== undefined && found.format !== "error";
    if (isFile || this.#found.size < MAX_KNOWN) this.#found.set(name, found);
    return found;
  }

  /** What was sent for a module before, by this run or another. */
  recording(name: string): Recording {
    let recording = this.#recordings.get(name);
    if (recording === undefined) {
      const key = TransformCache.key("sent", name, ...this.#roots.folders);
      recording = new Recording(name, key, this.#disk, this.#cache?.folder);
      this.#recordings.set(name, recording);
    }
    return recording;
  }

  /** The key of a module in the cache; "" if it was not transformed. */
  keyOf(name: string): string {
    return this.#transformed.get(name)?.key ?? "";
  }

  /** A context is sent modules that this finder may not have found itself. */
  recall({ modules, texts }: Part): void {
    for (const [name, key] of modules) if (key !== "") this.#recalled.set(name, key);
    for (const name of texts) if (!this.#named.has(name)) this.#take(name, "text");
  }

  /** A module that was transformed, in this run or another, with the key of what was sent. */
  #made(name: string): (CachedModule & { readonly key: string }) | undefined {
    const key = this.#recalled.get(name);
    if (key !== undefined && !this.#transformed.has(name)) {
      this.find(name);
      const made = this.#transformed.get(name);
      if (made !== undefined) this.#transformed.set(name, { ...made, key });
    }
    return this.#transformed.get(name);
  }

  /** The target of a module's specifier: a module's name, a builtin, or "" if it leads nowhere. */
  resolve(specifier: string, parent: string, kind: RequestKind): string {
    // All modules in one folder share the target of a specifier.
    const key = `${kind} ${dirname(parent)} ${specifier}`;
    const known = this.#targets.get(key);
    if (known !== undefined) return known;
    const target = this.#lookUp(specifier, parent, kind);
    // A missing target is not remembered, because the file may be created later.
    if (target !== "" && this.#targets.size < MAX_TARGETS) this.#targets.set(key, target);
    return target;
  }

  #lookUp(specifier: string, parent: string, kind: RequestKind): string {
    const found = this.#resolver.resolve(specifier, parent, kind);
    if ("file" in found) return found.file;
    if ("builtin" in found) return found.builtin;
    // An absolute path may exist on the remote machine's own disk.
    const isWhole = /^(?:\/|file:)/.test(specifier);
    return "outside" in found && !isWhole ? found.outside : "";
  }

  /**
   * A text with positions of the user's source in place of those in sent texts, and without core
   * frames.
   */
  mapStack(text: string): string {
    return this.#stacks.map(text);
  }

  /** Transforms a module again, if its file is as it was when it was sent. */
  #again(name: string): Transformed | undefined {
    try {
      const bytes = readFileSync(name);
      const options = this.#options(name);
      const isSame = this.#made(name)?.key === keyOf(name, bytes, options);
      return isSame ? transform(name, bytes.toString(), options) : undefined;
    } catch {
      return undefined; // The file was removed.
    }
  }

  #load(name: string): FoundScript | undefined {
    if (!isAbsolute(name) || name.includes("\0") || resolve(name) !== name) return undefined;
    if (!this.#roots.contain(name)) {
      return failed(name, `${name} is outside of the folders that the far side may have`);
    }
    if (this.#disk.real(name) !== name || !this.#packages.isFile(name)) return undefined;
    const extension = extname(name);
    if (extension === ".node") return failed(name, this.#addon(name));
    const named = this.#named.get(name);
    const isCode = CODE.test(extension) || named === "code";
    if (!isCode && extension !== ".json" && extension !== ".py" && named === undefined) {
      return undefined;
    }
    if (named === undefined && this.#roots.hide(name)) {
      return isCode ? failed(name, `${name} is hidden by a dot, and is not sent`) : undefined;
    }
    try {
      if (extension === ".py") return record(name, "cjs", {}, pythonStub(name));
      const bytes = this.#disk.read(name, MAX_SOURCE_BYTES);
      if (bytes === undefined) return failed(name, `${name} is too large`);
      if (named === "text") return record(name, "text", {}, bytes.toString());
      if (!isCode) return record(name, "json", {}, bytes.toString().replace(/^\ufeff/, ""));
      return this.#module(name, bytes);
    } catch (error) {
      return failed(name, error instanceof Error ? error.message : String(error));
    }
  }

  #module(name: string, bytes: Uint8Array): FoundScript {
    const made = this.#make(name, bytes);
    const dependencies: [string, string][] = [];
    const follows: string[] = [];
    const later: string[] = [];
    for (const request of made.requests) {
      const target = this.#dependency(name, request);
      dependencies.push([dependencyKey(made.format, request), target]);
      if (!isAbsolute(target)) continue;
      if (request.eager) follows.push(target);
      else if (request.kind === "require") later.push(target);
    }
    const { hash, source } = made;
    const format = this.#options(name).scope ? `${made.format}+scope` : made.format;
    const known = Object.fromEntries(dependencies);
    return { name, hash, format, dependencies: known, source, follows, later };
  }

  /** Transforms a module, once for each content. */
  #make(name: string, bytes: Uint8Array): CachedModule {
    const options = this.#options(name);
    const key = keyOf(name, bytes, options);
    let made = this.#cache?.get(key);
    if (made === undefined) {
      const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
      const { format, requests, source } = transform(name, text, options);
      made = { format, requests, hash: hashOf(source), source: pack(source) };
      this.#cache?.put(key, made);
    }
    this.#transformed.set(name, { ...made, key });
    return made;
  }

  #options(name: string): TransformOptions {
    const type = this.#packages.nearest(name)?.json["type"];
    const isType = type === "module" || type === "commonjs";
    return { scope: !name.includes("/node_modules/"), type: isType ? type : undefined };
  }

  #dependency(name: string, { specifier, kind, type }: Request): string {
    const target = this.resolve(specifier, name, kind);
    const isText = type === "text" || extname(target) === ".txt";
    if (isText && isAbsolute(target) && !this.#named.has(target)) this.#take(target, "text");
    return target;
  }

  #addon(name: string): string {
    const owner = this.#packages.nearest(name)?.json.name;
    const what = owner ? `the package ${owner}` : "this module";
    const how = owner ? `sent by --unpack ${owner} alone` : "not sent";
    return `${what} needs a native addon, which is ${how}: ${name} is one`;
  }
}

/**
 * An import and a require of one specifier may lead to different files. Twin: `keyOf` of
 * stage1/javascript/tier2/importer.js.
 */
function dependencyKey(format: Format, { specifier, kind }: Request): string {
  const usual = format === "esm" ? "import" : "require";
  return kind === usual ? specifier : `${kind} ${specifier}`;
}

function record(
  name: string,
  format: string,
  dependencies: Readonly<Record<string, string>>,
  text: string,
): FoundScript {
  const source = pack(text);
  return { name, hash: hashOf(text), format, dependencies, source, follows: [], later: [] };
}

function failed(name: string, message: string): FoundScript {
  return { ...record(name, "error", {}, message), hash: "" };
}

function hashOf(text: string): string {
  // Bun's own hash: loading node:crypto takes half as long as a start of this program.
  return new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 16);
}

/** The cache key, from everything that the result depends on. */
function keyOf(name: string, bytes: Uint8Array, { scope, type }: TransformOptions): string {
  return TransformCache.key(extname(name), type ?? "", String(scope), bytes);
}

/**
 * A module for `import tasks from "./tasks.py"`, which must not fail in a slave. The functions in
 * it run in Python contexts only.
 */
function pythonStub(name: string): string {
  const message = `${name}: a Python function runs in a Python context`;
  return (
    "(function(exports,require,module){" +
    "module.exports=new Proxy({},{has:(_,k)=>typeof k==='string'&&k!=='then'," +
    `get:(_,k)=>typeof k!=='string'||k==='then'||k==='__esModule'?void 0:()=>{throw new TypeError(${JSON.stringify(message)})}})\n})`
  );
}
