/**
 * Read-ahead: which modules of a package a slave will probably ask for next.
 *
 * A master cannot read a name that is made at run time (`import_module("plugins." + name)`). Such
 * names come in rows, and each would cost a round trip. So the second request for a module of a
 * package is answered with some of its neighbours, too, and each further one with more. What is
 * sent for nothing stays in proportion to what was asked for. One context has one object.
 */

/** Characters that are sent ahead for each character that was sent of that package before. */
const FACTOR = 2;
/** The most characters that are sent ahead with one answer. */
const MAX_CHARACTERS = 65_536;

export interface Ahead {
  /** The other modules of the package, in the order in which they should be tried. */
  readonly names: readonly string[];
  /** How many characters of source may be sent. */
  readonly characters: number;
}

const NOTHING: Ahead = { names: [], characters: 0 };

export class ReadAhead {
  /** Characters sent in answer to requests, by package. */
  readonly #sent = new Map<string, number>();

  /**
   * @param name the dotted name of a module that was asked for
   * @param children of a package: its sorted names; undefined if there is no such package
   */
  after(name: string, children: (parent: string) => readonly string[] | undefined): Ahead {
    const parent = parentOf(name);
    const sent = this.#sent.get(parent);
    if (sent === undefined) return NOTHING;
    const siblings = children(parent) ?? [];
    const at = siblings.indexOf(name.slice(parent.length + 1)) + 1;
    const names = [...siblings.slice(at), ...siblings.slice(0, at)];
    return {
      names: names.map((sibling) => `${parent}.${sibling}`),
      characters: Math.min(sent * FACTOR, MAX_CHARACTERS),
    };
  }

  /** An answer was made. @param characters of source in all of it */
  answered(name: string, characters: number): void {
    const parent = parentOf(name);
    if (parent === "") return;
    this.#sent.set(parent, (this.#sent.get(parent) ?? 0) + characters);
  }
}

function parentOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf(".")));
}
