/** `npm run format`: rewrites every file as `npm run check` wants it, imports sorted. */
import { dirname, join } from "node:path";

const ROOT = dirname(import.meta.dir);
const biome = join(ROOT, "node_modules", "@biomejs", "biome", "bin", "biome");
const argv = [process.execPath, biome, "check", "--write", ...process.argv.slice(2)];
const child = Bun.spawn(argv, { cwd: ROOT, stdio: ["inherit", "inherit", "inherit"] });
process.exitCode = await child.exited;
