/**
 * `npm run build [-- OUTFILE]`: compiles src/cli/main.ts and all that it needs into one program.
 *
 * What stage1/ sends is made during the bundling itself (src/interpreters/embedded.ts), so there is
 * no step before this one. Knows nothing of what is compiled.
 */
import { existsSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import type { BunPlugin } from "bun";

export const ROOT = dirname(import.meta.dir);
export const OUTFILE = join(ROOT, "dist", "econtext");
const ENTRY = join(ROOT, "src", "cli", "main.ts");

/** The part of the package ssh2 that computes Poly1305, in WebAssembly. */
const POLY1305 = /ssh2\/lib\/protocol\/crypto\/poly1305\.js$/;
/** Has the functions that the package asks for while it is loaded. None is ever called. */
const NO_POLY1305 = "module.exports = async () => ({ _malloc: () => 0, cwrap: () => undefined })";

/**
 * Leaves Poly1305 out: the cipher that needs it is never offered. Its memory counts as 33 MB of
 * heap. The collector then lets as much garbage gather before it starts.
 */
function withoutPoly1305(found: () => void): BunPlugin {
  return {
    name: "without-poly1305",
    setup: (build) => {
      build.onLoad({ filter: POLY1305 }, () => {
        found();
        return { contents: NO_POLY1305, loader: "js" };
      });
    },
  };
}

/**
 * `splitting` with `bytecode` leaves what the entry imports by `import()` unread until then:
 * measured, a `--version` that the entry answers by itself costs what an empty program does
 * (3.7 ms), where a single chunk costs 6.2 with bytecode and 9.1 without. Neither `.env` nor
 * `bunfig.toml` of whatever folder a user is in may change what the program does.
 */
export async function build(outfile: string = OUTFILE, entry: string = ENTRY): Promise<void> {
  if (!existsSync(entry)) throw new Error(`${relative(ROOT, entry)} does not exist`);
  // See macros.ts, which would read from there.
  if (process.env["ECONTEXT_TEST_BUILT"] !== undefined) {
    throw new Error("ECONTEXT_TEST_BUILT is set: what a test run has made is not for the program");
  }
  let hasPoly1305 = entry === ENTRY;
  const { success, logs } = await Bun.build({
    entrypoints: [entry],
    target: "bun",
    format: "esm",
    minify: true,
    splitting: true,
    bytecode: true,
    // An add-on that the package ssh2 can do without.
    external: ["cpu-features"],
    plugins: [
      withoutPoly1305(() => {
        hasPoly1305 = false;
      }),
    ],
    compile: {
      outfile,
      autoloadDotenv: false,
      autoloadBunfig: false,
      // A user's program finds its packages and its own aliases.
      autoloadPackageJson: true,
      autoloadTsconfig: true,
    },
    throw: false,
  });
  if (!success)
    throw new Error(`bun build failed:\n${logs.map((log) => Bun.inspect(log)).join("\n")}`);
  if (hasPoly1305) throw new Error("the package ssh2 has moved its poly1305.js");
}

if (import.meta.main) {
  const outfile = resolve(process.argv[2] ?? OUTFILE);
  const began = performance.now();
  try {
    await build(outfile);
  } catch (error) {
    console.error(`build: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
  const megabytes = (statSync(outfile).size / 1e6).toFixed(1);
  const seconds = ((performance.now() - began) / 1e3).toFixed(1);
  console.log(`${relative(process.cwd(), outfile)}  ${megabytes} MB  ${seconds}s`);
}
