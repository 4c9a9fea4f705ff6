/** Programs that a test writes for a shell. */
import { chmodSync, writeFileSync } from "node:fs";

/** @returns the path */
export function writeScript(path: string, lines: string, mode = 0o755): string {
  writeFileSync(path, `#!/bin/sh\n${lines}\n`);
  chmodSync(path, mode);
  return path;
}
