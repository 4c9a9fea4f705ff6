/** Identifiers for the code around a module, chosen so that its source has none of them. */

export interface OwnNames {
  /** The object that links the module to its loader. */
  readonly link: string;
  /** Replaces `import` in `import(…)` and `import.meta`; has the same length. */
  readonly import: string;
  /** The binding of a default export that has no name. */
  readonly default: string;
  readonly value: string;
  /** The function that makes a stack for `using` declarations. */
  readonly using: string;
  /** A stack for `using` declarations. */
  readonly stack: string;
}

/** Identifiers that do not occur in `source`. */
export function names(source: string): OwnNames {
  return {
    link: unused(source, "__e", 2),
    import: unused(source, "__imp", 6),
    default: unused(source, "__d", 2),
    value: unused(source, "__v", 2),
    using: unused(source, "__u", 2),
    stack: unused(source, "__s", 2),
  };
}

function unused(source: string, stem: string, length: number): string {
  for (let i = 0; ; i++) {
    const tail = i === 0 && stem.length >= length ? "" : i.toString(36);
    const name = stem + tail.padStart(length - stem.length, "_");
    if (!source.includes(name)) return name;
  }
}
