/** Looks for a text that does not survive being packed. */
import fc from "fast-check";
import { packed } from "./pack.ts";

export function check(runs: number): string {
  const property = fc.property(fc.string({ unit: "grapheme" }), (text) => packed(text).same);
  const { failed, numRuns } = fc.check(property, { numRuns: runs, seed: 7 });
  return `${failed ? "lost a text" : "lost nothing"} in ${numRuns} runs`;
}
