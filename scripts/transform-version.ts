/**
 * What the results of transforming a JavaScript module depend on, beside its text: our own sources,
 * and the parsers' versions. Runs while src/modules/transform-cache.ts is bundled (a Bun macro): a
 * cache of another build's results is never read.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");

export function transformVersion(): string {
  const hasher = new Bun.CryptoHasher("sha256");
  const sources = ["src/syntax", "src/modules/javascript"].flatMap((folder) =>
    readdirSync(join(ROOT, folder)).map((file) => join(ROOT, folder, file)),
  );
  for (const file of [...sources, join(ROOT, "src/modules/packed.ts")].sort()) {
    hasher.update(readFileSync(file));
  }
  hasher.update(readFileSync(join(ROOT, "package-lock.json")));
  return hasher.digest("hex").slice(0, 16);
}
