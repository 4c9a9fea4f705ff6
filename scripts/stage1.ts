/**
 * stage1/ → what is embedded in the program: minified, and the core compressed as it is sent.
 *
 * Runs while src/bootstrap/stage1.ts is bundled (a Bun macro), so a compiled binary holds only
 * the results and no generated file can be stale. The same input gives the same bytes: that is
 * what `econtext bootstrap --print --sha256` promises. Knows nothing of hosts or connections.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { minifyPython } from "./minify.ts";

/** Only strings: a macro's result is written into the bundle as a literal. */
export interface Stage1 {
  /** zlib stream of the minified core, in base64. */
  readonly pythonCore: string;
  /** The other files of stage1/python, minified, by their name without `.py`. */
  readonly pythonTier2: Readonly<Record<string, string>>;
  readonly pythonFirstStage: string;
  readonly findPython: string;
}

const STAGE1 = join(import.meta.dir, "../stage1");
const CORE = "core.py";
const FIRST_STAGE = "first_stage.py";

export function buildStage1(folder: string = STAGE1): Stage1 {
  const read = (...path: string[]) => readFileSync(join(folder, ...path), "utf8");
  const tier2 = readdirSync(join(folder, "python"))
    .filter((file) => file.endsWith(".py") && file !== CORE && file !== FIRST_STAGE)
    .sort();
  return {
    pythonCore: compress(minifyPython(read("python", CORE))).toBase64(),
    pythonTier2: Object.fromEntries(
      tier2.map((file) => [basename(file, ".py"), minifyPython(read("python", file))]),
    ),
    pythonFirstStage: joinPython(read("python", FIRST_STAGE)),
    findPython: joinShell(read("sh", "find_python.sh")),
  };
}

/**
 * A zlib stream (RFC 1950) by libdeflate: 5 % smaller than fflate's at its best level, 2 % smaller
 * than zlib's, and within 0.5 % of zopfli's, which takes sixty times as long. Bun links it in, and
 * package.json pins Bun, so the bytes are as reproducible as those of a library.
 */
export function compress(text: string): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(new TextEncoder().encode(text));
  const body = Bun.deflateSync(bytes, { level: 12, library: "libdeflate" });
  const stream = new Uint8Array(2 + body.length + 4);
  stream.set([0x78, 0xda]); // deflate, window of 32 KiB, best compression
  stream.set(body, 2);
  new DataView(stream.buffer).setUint32(2 + body.length, Bun.hash.adler32(bytes));
  return stream;
}

/** One line from simple statements. */
export function joinPython(source: string): string {
  const lines = minifyPython(source).split("\n");
  const nested = lines.find((line) => /^ |:$/.test(line));
  if (nested !== undefined) throw new Error(`first stage: not a simple statement: ${nested}`);
  return quotable(lines.filter((line) => line !== "").join(";"));
}

/** One line from a script without quotes over several lines, here-documents or `case`. */
export function joinShell(source: string): string {
  const lines = source.split("\n").map((line) => line.trim());
  const code = lines.filter((line) => line !== "" && !line.startsWith("#")).join(";");
  return quotable(code.replace(/(\b(?:do|then|else)|\{|&&|\|\|?);/g, (_, word) => `${word} `));
}

/** What every login shell passes through single quotes as it is: csh expands `!` even there. */
function quotable(code: string): string {
  const bad = /[^ -~]|['!\\]/.exec(code)?.[0];
  if (bad !== undefined) throw new Error(`first stage: ${JSON.stringify(bad)} in ${code}`);
  return code;
}
