/**
 * Turns positions in sent texts into those of the user's files, in stacks and in messages of failed
 * imports. Source maps stay on this machine. Knows no file system.
 */
import { isAbsolute } from "node:path";
import type { Request } from "./requests.ts";
import type { RequestKind } from "./resolve.ts";
import type { Position, Transformed } from "./transform.ts";

/** The modules that positions may be in. */
export interface MappedModules {
  load(name: string): void;
  /** The requests of a module that was sent; undefined for other names. */
  requests(name: string): readonly Request[] | undefined;
  /** The target of a module's specifier. */
  resolve(specifier: string, parent: string, kind: RequestKind): string;
  /** Transforms a module again; undefined if its file is not as it was when it was sent. */
  again(name: string): Transformed | undefined;
}

/** The most characters of a stack or a log text that are searched for positions. */
const MAX_STACK = 65_536;
/**
 * A path, or its URL, with a position from 1. `master:` is the prefix of a function that was sent
 * as text.
 */
const POSITION =
  /(?<=^|[\s("'`])(master:|file:\/\/|)(\/(?:(?![\s(]\/|master:|file:)[^\n]){1,1024}?):(\d+)(?::(\d+))?(?!\d)/gm;

/**
 * The name that functions/analysed-module.ts gives the text of one function: its module and
 * position.
 */
const INLINE = /^(.*)#(\d+),(-?\d+)$/s;
/** The message of a failed import, as stage1/javascript/tier2/importer.js writes it. */
const IMPORTER = /^(.*)(imported (?:from|by)) (\/[^\n]*?)(?=\)?$)/gm;

export class StackMap {
  readonly #modules: MappedModules;
  /** Maps of positions, of modules whose positions were asked for. */
  readonly #positions = new Map<string, Transformed | undefined>();

  constructor(modules: MappedModules) {
    this.#modules = modules;
  }

  /**
   * A text with positions of the user's source in place of those in sent texts, and without core
   * frames.
   */
  map(text: string): string {
    // Each position costs some work, and a hostile slave may send any number.
    return this.#map(text.slice(0, MAX_STACK)) + text.slice(MAX_STACK);
  }

  #map(text: string): string {
    if (!/\/.*:\d|, imported |'|^ +at /m.test(text)) return text;
    return withoutCore(text)
      .replace(POSITION, (all, mark: string, path: string, line: string, column?: string) => {
        const inline = mark === "master:" ? INLINE.exec(path) : null;
        const own = nameOf(mark, inline?.[1] ?? path);
        // Positions in other files, such as those of the remote machine, stay as they are.
        if (inline === null && this.#modules.requests(own) === undefined) return all;
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
    return this.#positionsOf(name)?.original(line, column) ?? { line, column };
  }

  /**
   * Positions are rarely asked for, so the module is transformed again, if its file is unchanged.
   */
  #positionsOf(name: string): Transformed | undefined {
    // A remote machine may invent any number of names: nothing is remembered for those.
    if (this.#modules.requests(name) === undefined) return undefined;
    if (!this.#positions.has(name)) this.#positions.set(name, this.#modules.again(name));
    return this.#positions.get(name);
  }

  /** The position in a function that was sent as text. Such a function begins at line 2. */
  #inline(name: string, [, , first, start]: readonly string[], line: number, column: number) {
    // A function that needs nothing of its module was sent alone, so the module may not be loaded
    // yet.
    this.#modules.load(name);
    const own = line === 2 ? column + Number(start) : column;
    const at = Number(first) + line - 2;
    return this.#positionsOf(name)?.written(at, own) ?? { line: at, column: own };
  }

  /** The position at which a module imports what a message is about. */
  #requested(name: string, message: string): Position | undefined {
    const request = this.#modules.requests(name)?.find(({ specifier, kind }) => {
      if (message.includes(`'${specifier}'`)) return true;
      const target = this.#modules.resolve(specifier, name, kind);
      return isAbsolute(target) && message.includes(target);
    });
    return request === undefined ? undefined : this.#positionsOf(name)?.place(request);
  }
}

/** The path after `file://` or in a `sourceURL` is encoded. */
function nameOf(mark: string, path: string): string {
  try {
    if (mark === "file://") return Bun.fileURLToPath(`file://${path}`);
    return mark === "master:" ? decodeURI(path) : path;
  } catch {
    return path;
  }
}

/** A frame of the core, which called the user's code. No frame below it is the user's. */
const CORE_FRAME = /^ +at .*(?:\[eval\]|%5Beval%5D)/;
/** A frame of the second tier, which may stand between the user's frames. */
const TIER_FRAME = /^ +at .*(?:\(econtext\.[\w-]+:|evalmachine\.|\(:0\)$|\(unknown\)$)/;

/** The line of source that Bun puts in front of some stacks: as it was sent, or the wrong one. */
const QUOTED =
  /^(?:\[native code\]:\d+\n|(?:\/|evalmachine\.)[^\n]*:\d+\n[^\n]*\n *\^+\s*\n(?=[^\n]+\n +at ))/;

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
