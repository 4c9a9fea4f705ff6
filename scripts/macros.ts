/**
 * What is made while a file that imports it is bundled (Bun macros): data, written into the bundle
 * as literals. So a compiled binary cannot hold anything stale.
 *
 * `bun run` and `bun test` expand macros, too, in each process that loads such a file, and what
 * these make takes seconds of processor time. The processes of one test run share it: in the folder
 * that ECONTEXT_TEST_BUILT names, if it is set. The build refuses to run with it.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Stage1 } from "./stage1.ts";

export function stage1(): Stage1 {
  return expanded(shared("stage1", async () => (await import("./stage1.ts")).buildStage1()));
}

export function declarations(): string {
  const load = () => import("./declarations.ts");
  return expanded(shared("declarations", async () => (await load()).buildDeclarations()));
}

/** Where a macro is expanded, its promise is awaited. */
function expanded<T>(promise: Promise<T>): T {
  return promise as unknown as T;
}

async function shared<T>(name: string, make: () => Promise<T>): Promise<T> {
  const folder = process.env["ECONTEXT_TEST_BUILT"];
  if (folder === undefined) return await make();
  const path = join(folder, `${name}.json`);
  if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8")) as T;
  const made = await make();
  const own = `${path}.${process.pid}`;
  writeFileSync(own, JSON.stringify(made));
  renameSync(own, path);
  return made;
}
