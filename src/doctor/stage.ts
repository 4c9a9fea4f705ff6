/**
 * The stages of a connection, in order, and the exit status of `econtext doctor` for each. Types
 * and names only.
 */

/** Each stage with the status that tells that it failed. */
export const STAGES = {
  name: 10,
  tcp: 11,
  "host key": 12,
  login: 13,
  shell: 14,
  hop: 15,
  interpreters: 17,
  bootstrap: 17,
  "round trip": 18,
  bandwidth: 18,
  clock: 18,
  "nothing written": 18,
} as const;

export type StageName = keyof typeof STAGES;

/** What was found at one stage of one hop. */
export interface Stage {
  /** The path up to the hop, as the user wrote it. */
  readonly hop: string;
  readonly stage: StageName;
  /**
   * `warning`: it works, and the user may want to know. `unknown`: it could not be found out, and
   * what follows may still work.
   */
  readonly result: "ok" | "warning" | "unknown" | "failed";
  /** Milliseconds that the stage took; undefined where it has no time of its own. */
  readonly ms: number | undefined;
  readonly detail: string;
  /** What to do about it. */
  readonly hint?: string | undefined;
}
