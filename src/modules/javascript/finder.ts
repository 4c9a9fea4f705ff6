/**
 * Finds JavaScript and TypeScript modules in the roots that the user allowed, and nowhere else, and makes of each what is sent. Each is read
 * once, for all contexts. Source maps stay here: `mapStack` turns positions in what was sent into the user's own. Knows no message.
 */
import { readFileSync, statSync } from "node:fs";
import { dirname, extname, isAbsolute, resolve } from "node:path";
import { type Packed, pack } from "../packed.ts";
import { Roots, realpath } from "../roots.ts";
import { type Made, TransformCache } from "../transform-cache.ts";
import { Packages } from "./packages.ts";
import type { Request } from "./requests.ts";
import { type RequestKind, Resolver } from "./resolve.ts";
import {
  type Format,
  type Position,
  type Transformed,
  type TransformOptions,
  transform,
} from "./transform.ts";

export interface FoundScript {
  /** Its absolute real path. */
  readonly name: string;
  readonly hash: string;
  /** With `+scope` where its top-level scope can be entered. */
  readonly format: string;
  /** By specifier, behind `import ` or `require ` where that is not what such a module mostly does. Names, `node:…`, or "". */
  readonly dependencies: Readonly<Record<string, string>>;
  /** Its text, as JSON and compressed. */
  readonly source: Packed;
  /** Names of what it needs before anything can be waited for. */
  readonly follows: readonly string[];
  /** Names of what a function of it requires when it is called. */
  readonly later: readonly string[];
}

const MAX_SOURCE_BYTES = 16 * 1024 * 1024;
const MAX_KNOWN = 5_000;
const MAX_LED = 50_000;
/** Characters of a stack or a log text that are looked through for positions. */
const MAX_STACK = 65_536;
const CODE = /^\.(?:[cm]?[jt]s|[jt]sx)$/;
/** A path or the URL of one; `master:` stands before the name of a function that went as text. Positions from 1. */
const POSITION =
  /(?<=^|[\s("'`])(master:|file:\/\/|)(\/(?:(?![\s(]\/|master:|file:)[^\n]){1,1024}?):(\d+)(?::(\d+))?(?!\d)/gm;

/** What closures.ts calls the text of one function: where it begins. */
const INLINE = /^(.*)#(\d+),(-?\d+)$/s;
/** An import that failed, in the words of stage1/javascript/tier2/importer.js. */
const IMPORTER = /^(.*)(imported (?:from|by)) (\/[^\n]*?)(?=\)?$)/gm;

export class JavaScriptFinder {
  readonly #roots: Roots;
  readonly #packages: Packages;
  readonly #resolver: Resolver;
  readonly #found = new Map<string, FoundScript | undefined>();
  readonly #cache: TransformCache | undefined;
  /** Where specifiers lead, by folder. */
  readonly #led = new Map<string, string>();
  /** Of each module that was made: what it asks for. */
  readonly #made = new Map<string, Made & { readonly key: string }>();
  /** The ways back from those that somebody asked for. */
  readonly #ways = new Map<string, Transformed | undefined>();
  /** What a module of the user's imports as it is: `with { type: "text" }`, or whatever its ending. */
  readonly #named = new Map<string, "text" | "code">();

  /**
   * @param roots folders; what does not exist is left out
   * @param cache keeps what was made for other runs
   */
  constructor(roots: readonly string[], cache?: TransformCache) {
    this.#cache = cache;
    this.#roots = new Roots(roots);
    this.#packages = new Packages(this.#roots);
    this.#resolver = new Resolver(this.#roots, this.#packages);
  }

  get roots(): Roots {
    return this.#roots;
  }

  /** What knows which package a file is of. */
  get packages(): Packages {
    return this.#packages;
  }

  /** The main file of a program, whatever its ending. */
  allow(name: string): void {
    this.#take(name, "code");
  }

  #take(name: string, as: "text" | "code"): void {
    this.#named.set(name, as);
    // What was thought of it before does not hold.
    if (this.#found.get(name) === undefined) this.#found.delete(name);
  }

  /** The module; undefined where there is none. What there is but cannot be sent is a record that says so. */
  find(name: string): FoundScript | undefined {
    if (this.#found.has(name)) return this.#found.get(name);
    const found = this.#load(name);
    // Who asks for names without end fills no memory: what is no file of the roots is kept up to a bound.
    const isFile = found !== undefined && found.format !== "error";
    if (isFile || this.#found.size < MAX_KNOWN) this.#found.set(name, found);
    return found;
  }

  /** The name that a module's specifier leads to; a builtin; or "", where it leads nowhere. */
  resolve(specifier: string, parent: string, kind: RequestKind): string {
    // Modules of one folder ask for the same.
    const key = `${kind} ${dirname(parent)} ${specifier}`;
    const known = this.#led.get(key);
    if (known !== undefined) return known;
    const target = this.#lead(specifier, parent, kind);
    // What is not there may come.
    if (target !== "" && this.#led.size < MAX_LED) this.#led.set(key, target);
    return target;
  }

  #lead(specifier: string, parent: string, kind: RequestKind): string {
    const found = this.#resolver.resolve(specifier, parent, kind);
    if ("file" in found) return found.file;
    if ("builtin" in found) return found.builtin;
    // A whole path may be one of the far side's own disk.
    const isWhole = /^(?:\/|file:)/.test(specifier);
    return "outside" in found && !isWhole ? found.outside : "";
  }

  /** Text with positions in what was sent, with those of the user's own source for them, and without the core's own frames. */
  mapStack(text: string): string {
    // Each position costs some work, and a hostile far side may send any number.
    return this.#map(text.slice(0, MAX_STACK)) + text.slice(MAX_STACK);
  }

  #map(text: string): string {
    if (!/\/.*:\d|, imported |'|^ +at /m.test(text)) return text;
    return withoutCore(text)
      .replace(POSITION, (all, mark: string, path: string, line: string, column?: string) => {
        const inline = mark === "master:" ? INLINE.exec(path) : null;
        const own = nameOf(mark, inline?.[1] ?? path);
        // Of all other files there are, the far side's own among them, we know nothing.
        if (inline === null && !this.#made.has(own)) return all;
        const place =
          inline === null
            ? this.#original(own, Number(line), Number(column ?? 1))
            : this.#inline(own, inline, Number(line), Number(column ?? 1));
        return `${own}:${place.line}${column === undefined ? "" : `:${place.column}`}`;
      })
      .replace(IMPORTER, (all, before: string, word: string, name: string) => {
        const at = this.#requested(name, before);
        return at === undefined ? all : `${before}${word} ${name}:${at.line}:${at.column}`;
      });
  }

  #original(name: string, line: number, column: number): Position {
    return this.#wayBack(name)?.original(line, column) ?? { line, column };
  }

  /** Few ask for positions: it is made again, if the file is what it was. */
  #wayBack(name: string): Transformed | undefined {
    const made = this.#made.get(name);
    // A remote machine may make up names without end: nothing is kept of those.
    if (made === undefined) return undefined;
    if (this.#ways.has(name)) return this.#ways.get(name);
    let way: Transformed | undefined;
    try {
      const bytes = readFileSync(name);
      const options = this.#options(name);
      if (made.key === keyOf(name, bytes, options))
        way = transform(name, bytes.toString(), options);
    } catch {
      // It is gone: then its positions are told as they came.
    }
    this.#ways.set(name, way);
    return way;
  }

  /** Of a function that went as text: its line 2 is where it begins. */
  #inline(name: string, [, , first, start]: readonly string[], line: number, column: number) {
    // It may need nothing of its module: then nobody has asked for that yet.
    this.find(name);
    const own = line === 2 ? column + Number(start) : column;
    const at = Number(first) + line - 2;
    return this.#wayBack(name)?.written(at, own) ?? { line: at, column: own };
  }

  /** Where a module asks for what a message is about. */
  #requested(name: string, message: string): Position | undefined {
    const made = this.#made.get(name);
    const request = made?.requests.find(({ specifier, kind }) => {
      if (message.includes(`'${specifier}'`)) return true;
      const target = this.resolve(specifier, name, kind);
      return isAbsolute(target) && message.includes(target);
    });
    return request === undefined ? undefined : this.#wayBack(name)?.place(request);
  }

  #load(name: string): FoundScript | undefined {
    if (!isAbsolute(name) || name.includes("\0") || resolve(name) !== name) return undefined;
    if (!this.#roots.contain(name)) {
      return failed(name, `${name} is outside of the folders that the far side may have`);
    }
    if (realpath(name) !== name || !this.#packages.isFile(name)) return undefined;
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
      if (statSync(name).size > MAX_SOURCE_BYTES) return failed(name, `${name} is too large`);
      if (extension === ".py") return record(name, "cjs", {}, pythonStub(name));
      const bytes = readFileSync(name);
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

  /** Once for each content. */
  #make(name: string, bytes: Uint8Array): Made {
    const options = this.#options(name);
    const key = keyOf(name, bytes, options);
    let made = this.#cache?.get(key);
    if (made === undefined) {
      const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
      const { format, requests, source } = transform(name, text, options);
      made = { format, requests, hash: hashOf(source), source: pack(JSON.stringify(source)) };
      this.#cache?.put(key, made);
    }
    this.#made.set(name, { ...made, key });
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

/** What is imported and required by one name may be two files. Twin: `keyOf` of stage1/javascript/tier2/importer.js. */
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
  const source = pack(JSON.stringify(text));
  return { name, hash: hashOf(text), format, dependencies, source, follows: [], later: [] };
}

function failed(name: string, message: string): FoundScript {
  return { ...record(name, "error", {}, message), hash: "" };
}

function hashOf(text: string): string {
  // Bun's own: to load node:crypto takes as long as half a start of this program.
  return new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 16);
}

/** All that the result depends on. */
function keyOf(name: string, bytes: Uint8Array, { scope, type }: TransformOptions): string {
  return TransformCache.key(extname(name), type ?? "", String(scope), bytes);
}

/** A program's `import tasks from "./tasks.py"` must not fail over there. Its functions are for Python contexts. */
function pythonStub(name: string): string {
  const message = `${name}: a Python function runs in a Python context`;
  return (
    "(function(exports,require,module){" +
    "module.exports=new Proxy({},{has:(_,k)=>typeof k==='string'&&k!=='then'," +
    `get:(_,k)=>typeof k!=='string'||k==='then'||k==='__esModule'?void 0:()=>{throw new TypeError(${JSON.stringify(message)})}})\n})`
  );
}

/** What stands behind `file://` and in a `sourceURL` is encoded. */
function nameOf(mark: string, path: string): string {
  try {
    if (mark === "file://") return Bun.fileURLToPath(`file://${path}`);
    return mark === "master:" ? decodeURI(path) : path;
  } catch {
    return path;
  }
}

/** The core's first tier: what called the user's code. Below it there is nothing of the user's. */
const CORE_FRAME = /^ +at .*(?:\[eval\]|%5Beval%5D)/;
/** Its second tier may stand between the user's frames. */
const TIER_FRAME = /^ +at .*(?:\(econtext\.[\w-]+:|evalmachine\.|\(:0\)$|\(unknown\)$)/;

/** What Bun puts in front of some stacks: the line that failed, as it was sent, or where it is not. */
const QUOTED = /^(?:\[native code\]:\d+\n|\/[^\n]*:\d+\n[^\n]*\n *\^+\s*\n(?=[^\n]+\n +at ))/;

function withoutCore(text: string): string {
  let isBelow = false;
  const kept = text
    .replace(QUOTED, "")
    .split("\n")
    .filter((line) => {
      if (!/^ +at /.test(line)) isBelow = false;
      else if (CORE_FRAME.test(line)) isBelow = true;
      return !isBelow && !TIER_FRAME.test(line);
    });
  return kept.join("\n");
}
