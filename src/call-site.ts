/**
 * Which lines of a stack are the user's, and where in the user's program something was called. Leaf.
 */

/**
 * Where something was called: an `Error` made there. It costs little until its stack is read, which
 * happens only when the call has failed.
 */
export type CallSite = Error;

/** Where this program's own text is: in the compiled program, or in its source. */
const OWN = `${import.meta.dir}/`;
const FRAME = /^ +at /;
/** Of a frame: what stands in its last brackets, or all behind `at`. */
const PLACE = /^ +at (?:.* \()?(?:async )?(?:file:\/\/)?(.*?)\)?$/;
/** Loaded as if it ended in `.ts` (program/loader.ts). */
const ADDED_ENDING = /\?\.ts(?=:\d)/;

/** The frames of a stack that are in files of the user's, in their order. */
export function userFrames(stack: string): string[] {
  const frames = stack.split("\n").filter((line) => FRAME.test(line) && isOfTheUser(line));
  return frames.map((frame) => frame.replace(ADDED_ENDING, ""));
}

/** Frames of the runtime have no path: `native:7:39`, `node:fs:1:2`. */
function isOfTheUser(frame: string): boolean {
  const [, place = ""] = PLACE.exec(frame) ?? [];
  return place.startsWith("/") && !place.startsWith("/$bunfs/") && !place.startsWith(OWN);
}
