/**
 * `npm run build [-- OUTFILE]`: compiles src/cli/main.ts and all that it needs into one program.
 *
 * What stage1/ sends is made during the bundling itself (src/interpreters/embedded.ts), so there is
 * no step before this one. Knows nothing of what is compiled.
 */
import { existsSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

export const ROOT = dirname(import.meta.dir);
export const OUTFILE = join(ROOT, "dist", "econtext");
const ENTRY = join(ROOT, "src", "cli", "main.ts");

/**
 * `--splitting` with `--bytecode` leaves what the entry imports by `import()` unread until then:
 * measured, a `--version` that the entry answers by itself costs what an empty program does
 * (3.7 ms), where a single chunk costs 6.2 with bytecode and 9.1 without. Neither `.env` nor
 * `bunfig.toml` of whatever folder a user is in may change what the program does.
 */
const FLAGS = [
  "--compile",
  "--minify",
  "--splitting",
  "--bytecode",
  "--format=esm",
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  // A user's program finds its packages and its own aliases.
  "--compile-autoload-package-json",
  "--compile-autoload-tsconfig",
  // An add-on that the package ssh2 can do without.
  "--external=cpu-features",
];

export async function build(outfile: string = OUTFILE, entry: string = ENTRY): Promise<void> {
  if (!existsSync(entry)) throw new Error(`${relative(ROOT, entry)} does not exist`);
  const argv = [process.execPath, "build", ...FLAGS, entry, `--outfile=${outfile}`];
  const child = Bun.spawn(argv, { cwd: ROOT, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const said = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(`bun build failed:\n${said.join("")}`);
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
