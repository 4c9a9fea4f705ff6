/** Ends that a reader which does not read must not hold up. Leaf: imports nothing. */

/** After these statuses, output is not waited for. */
export const HURRIED: readonly number[] = [124, 129, 130, 141, 143];
export const HURRY_MS = 500;
