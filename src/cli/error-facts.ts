/** What programs can tell failures apart by, in the records of `--log-format json` and `--json`. */
export interface Facts {
  readonly code?: string;
  /** As the user wrote it. */
  readonly target?: string;
  /** The path of the context that could not be opened, or that was lost. */
  readonly hop?: string;
}

/** @returns the facts of an error of the library; of another one, none */
export function factsOf(error: unknown): Facts {
  const { code, hop } = (error ?? {}) as { readonly code?: unknown; readonly hop?: unknown };
  return {
    ...(typeof code === "string" ? { code } : {}),
    ...(typeof hop === "string" ? { hop } : {}),
  };
}
