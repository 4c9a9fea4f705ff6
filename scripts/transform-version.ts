/**
 * What is kept of JavaScript modules depends on our own sources and the parsers' versions, beside
 * the modules themselves. Runs while src/modules/transform-cache.ts is bundled (a Bun macro): a
 * cache of another build's results is never read.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const FOLDERS = ["src/syntax", "src/modules", "src/modules/javascript"];

export function transformVersion(): string {
  const hasher = new Bun.CryptoHasher("sha256");
  const sources = FOLDERS.flatMap((folder) => {
    const files = readdirSync(join(ROOT, folder)).filter((name) => name.endsWith(".ts"));
    return files.map((file) => join(ROOT, folder, file));
  });
  for (const file of sources.sort()) hasher.update(readFileSync(file));
  hasher.update(readFileSync(join(ROOT, "package-lock.json")));
  return hasher.digest("hex").slice(0, 16);
}
