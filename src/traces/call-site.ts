/** The lines of a stack that belong to the user's program, and the place of a call in it. */
import { dirname } from "node:path";

/**
 * The place of a call: an `Error` made there. It costs little until its stack is read, which
 * happens only if the call fails.
 */
export type CallSite = Error;

/** With more waiting calls in a context, a call notes only one line of the user's program. */
const MANY_CALLS = 32;
/** This function, the method of the context, and the line that called the method. */
const SHORT_STACK = 3;

/**
 * The place that called the calling method. A stack keeps its functions alive, so thousands of
 * whole stacks would cost more than their calls.
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

/** The folder of econtext's own text, in the compiled program or in its source. */
const OWN = `${dirname(import.meta.dir)}/`;
const FRAME = /^ +at /;
/** The place in a frame: the text in its last brackets, or all after `at`. */
const PLACE = /^ +at (?:.* \()?(?:async )?(?:file:\/\/)?(.*?)\)?$/;
/** The suffix of a file that was loaded as TypeScript despite its name (program/loader.ts). */
const ADDED_ENDING = /\?\.ts(?=:\d)/;

/**
 * Names a place of the user's that a frame does not name itself: in a text that is in no file, or
 * in a file that runs with changes. Undefined for any other place.
 */
type FindPlace = (place: string) => string | undefined;

let findPlace: FindPlace = () => undefined;

/** Registers such places: their frames count as the user's from now on. */
export function placeFrames(find: FindPlace): void {
  findPlace = find;
}

/** The user's frames of a stack, in order. */
export function userFrames(stack: string): string[] {
  return stack.split("\n").flatMap((frame) => {
    const [, place = ""] = (FRAME.test(frame) && PLACE.exec(frame)) || [];
    const other = place === "" ? undefined : findPlace(place);
    if (other !== undefined) return [frame.replace(place, () => other)];
    return isOfTheUser(place) ? [frame.replace(ADDED_ENDING, "")] : [];
  });
}

/** A frame of another process, with the place that the user knows, if there is one. */
export function placedFrame(frame: string): string {
  const [, place = ""] = (FRAME.test(frame) && PLACE.exec(frame)) || [];
  const other = place === "" ? undefined : findPlace(place);
  return other === undefined ? frame : frame.replace(place, () => other);
}

/** Whether a frame is in econtext's own text. */
export function isOwnFrame(frame: string): boolean {
  return isOwn(PLACE.exec(frame)?.[1] ?? "");
}

function isOwn(place: string): boolean {
  return place.startsWith("/$bunfs/") || place.startsWith(OWN);
}

/** A place in the runtime has no path, such as `native:7:39` or `node:fs:1:2`. */
function isOfTheUser(place: string): boolean {
  return place.startsWith("/") && !isOwn(place);
}
