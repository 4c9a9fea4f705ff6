/** Makes the folder of the socket. Apart from place.ts: commands that only look do not need it. */
import { mkdirSync } from "node:fs";
import { problemOf } from "./place.ts";

/** @throws why no socket can be made there */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const problem = problemOf(folder, "folder");
  if (problem !== undefined) throw new Error(problem);
}
