/**
 * Which lines of a stack are the user's, and where in the user's program something was called. Leaf.
 */
import { dirname } from "node:path";

/**
 * Where something was called: an `Error` made there. It costs little until its stack is read, which
 * happens only when the call has failed.
 */
export type CallSite = Error;

/** Calls of a context that wait, above which a call notes one line of the user's program only. */
const MANY_CALLS = 32;
/** This function, the method of the context, and the line that called the method. */
const SHORT_STACK = 3;

/**
 * The place that called the method that calls this. A stack holds on to the functions in it, so
 * thousands of whole stacks would cost more than their calls do.
 *
 * @param waiting how many calls of the context have no answer yet
 */
export function callSite(waiting: number): CallSite {
  if (waiting < MANY_CALLS) return new Error();
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = SHORT_STACK;
  const site = new Error();
  Error.stackTraceLimit = stackTraceLimit;
  return site;
}

/** Where this program's own text is: in the compiled program, or in its source. */
const OWN = `${dirname(import.meta.dir)}/`;
const FRAME = /^ +at /;
/** Of a frame: what stands in its last brackets, or all behind `at`. */
const PLACE = /^ +at (?:.* \()?(?:async )?(?:file:\/\/)?(.*?)\)?$/;
/** Loaded as if it ended in `.ts` (program/loader.ts). */
const ADDED_ENDING = /\?\.ts(?=:\d)/;

/** @returns what a place in a text of the user's is called that is in no file; undefined for any other place */
export type FindPlace = (place: string) => string | undefined;

let findPlace: FindPlace = () => undefined;

/** From now on, frames in texts that were typed count as the user's. */
export function placeFrames(find: FindPlace): void {
  findPlace = find;
}

/** The frames of a stack that are the user's, in their order. */
export function userFrames(stack: string): string[] {
  return stack.split("\n").flatMap((frame) => {
    const [, place = ""] = (FRAME.test(frame) && PLACE.exec(frame)) || [];
    if (isOfTheUser(place)) return [frame.replace(ADDED_ENDING, "")];
    const other = place === "" ? undefined : findPlace(place);
    return other === undefined ? [] : [frame.replace(place, () => other)];
  });
}

/** Places of the runtime have no path: `native:7:39`, `node:fs:1:2`. */
function isOfTheUser(place: string): boolean {
  return place.startsWith("/") && !place.startsWith("/$bunfs/") && !place.startsWith(OWN);
}
