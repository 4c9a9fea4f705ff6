/** What the entry of the command line loads before it knows what to do. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const ENTRY = join(import.meta.dir, "..", "..", "src", "cli", "main.ts");
/** Loaded whatever the command is: types and `import()` are not. */
const IMPORT = /^(?:import|export) (?!type\b)(?:[^;"]*? from )?"([^"]+)";/gms;

function loaded(file: string, found = new Map<string, string>()): Map<string, string> {
  for (const [, specifier = ""] of readFileSync(file, "utf8").matchAll(IMPORT)) {
    const path = specifier.startsWith(".") ? join(dirname(file), specifier) : specifier;
    if (found.has(path)) continue;
    found.set(path, file);
    if (path.endsWith(".ts") && existsSync(path)) loaded(path, found);
  }
  return found;
}

test("the entry loads neither node:fs nor any other part of Node.js", () => {
  const files = loaded(ENTRY);
  expect([...files.keys()].some((path) => path.endsWith("up/client.ts"))).toBe(true);
  const slow = [...files].filter(([path]) => path.startsWith("node:"));
  expect(slow.map(([path, file]) => `${file} imports ${path}`)).toEqual([]);
});

test("the library loads the embedded ssh when it is first used", () => {
  const files = loaded(join(dirname(ENTRY), "..", "index.ts"));
  expect([...files.keys()].some((path) => path.endsWith("session.ts"))).toBe(true);
  expect(files.get("ssh2")).toBeUndefined();
});
