/**
 * Identifiers that the wrapping of a module needs and that its source does not have. Knows nothing of what they stand for over there.
 */

export interface OwnNames {
  /** What links the module to its loader. */
  readonly link: string;
  /** In the place of `import` in `import(…)` and `import.meta`, and as long. */
  readonly import: string;
  /** The default export's binding, where it has no name. */
  readonly default: string;
  readonly value: string;
  /** Makes a stack for `using` declarations; a stack. */
  readonly using: string;
  readonly stack: string;
}

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
