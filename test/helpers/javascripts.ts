/**
 * Every JavaScript interpreter to test with: the Bun that runs the tests, and the real Nodes of
 * test/nodes, one for each major version that econtext promises to run on. Nodes on PATH are not
 * used: which ones a machine has must not decide what is tested.
 *
 * `npm test` installs test/nodes when it is not what its lockfile says (scripts/nodes.ts); a file
 * that is run by itself takes what is there.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Major versions of Node.js that econtext promises to run on. */
export const NODES = ["18", "20", "22", "24", "26"] as const;
export type NodeVersion = (typeof NODES)[number];

const FOLDER = join(import.meta.dir, "../nodes/node_modules");

export interface Interpreter {
  readonly path: string;
  /** Why there is none, for `suite`; undefined when it is there. */
  readonly missing: string | undefined;
}

export function nodeOf(version: NodeVersion): Interpreter {
  const path = join(FOLDER, `node${version}`, "bin/node");
  if (existsSync(path)) return { path, missing: undefined };
  const why = process.env["ECONTEXT_NO_NODES"] ?? "npm ci --prefix test/nodes";
  return { path, missing: `no Node.js ${version} in test/nodes (${why})` };
}

/** Those that are there, the oldest first. */
export function nodeVersions(): readonly NodeVersion[] {
  return NODES.filter((version) => nodeOf(version).missing === undefined);
}

export function bun(): Interpreter {
  return { path: process.execPath, missing: undefined };
}
