/**
 * The door of every npm script: `node scripts/setup.mjs SCRIPT.ts [ARG...]`.
 *
 * Brings a bare clone to the point where Bun runs (`npm ci`, only when node_modules is not what
 * package-lock.json says), then is that script: its arguments, stdio, signals and exit status.
 * Plain Node without dependencies, as it runs before there are any. Knows nothing of the scripts.
 *
 * Install scripts never run (.npmrc): newer npm asks about them, and Bun's only moves its binary.
 * So the binary is taken from where its package for this platform has it.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MODULES = join(ROOT, "node_modules");

function packages(lockfile) {
  return JSON.parse(readFileSync(lockfile, "utf8")).packages ?? {};
}

/** Why `npm ci` is due; undefined when all that is locked is installed, and nothing else. */
function whyInstall() {
  const hidden = join(MODULES, ".package-lock.json");
  if (!existsSync(hidden)) return "node_modules is missing";
  const locked = packages(join(ROOT, "package-lock.json"));
  const installed = packages(hidden);
  const same = (name) =>
    locked[name]?.version === installed[name]?.version &&
    locked[name]?.integrity === installed[name]?.integrity;
  // Optional packages are those of other platforms: npm leaves them out.
  const wanted = Object.keys(locked).filter((name) => name !== "" && !locked[name].optional);
  const wrong = [...wanted, ...Object.keys(installed)].find((name) => !same(name));
  if (wrong !== undefined) return `${wrong} is not what package-lock.json says`;
  return undefined;
}

function install(reason) {
  process.stderr.write(`setup: npm ci (${reason})\n`);
  const env = { ...process.env };
  // Without a home npm would make its cache in the working directory.
  const cache = env.HOME ? undefined : mkdtempSync(join(tmpdir(), "econtext-npm-"));
  if (cache !== undefined) env.npm_config_cache = cache;
  const cli = env.npm_execpath ?? "";
  const npm = basename(cli) === "npm-cli.js" ? [process.execPath, cli] : ["npm"];
  const flags = ["--include=dev", "--include=optional", "--ignore-scripts", "--loglevel=error"];
  const argv = [...npm.slice(1), "ci", ...flags, "--no-audit", "--no-fund"];
  const child = spawnSync(npm[0], argv, {
    cwd: ROOT,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    shell: process.platform === "win32",
  });
  if (cache !== undefined) rmSync(cache, { recursive: true, force: true });
  if (child.status === 0) return;
  fail(`npm ci failed: ${child.error?.message ?? `${child.stdout}exit ${child.status}`}`);
}

/** The first Bun that runs here; those named for this platform are tried first. */
function findBun() {
  const scope = join(MODULES, "@oven");
  const ours = `bun-${process.platform === "win32" ? "windows" : process.platform}-`;
  const rank = (name) => (name.startsWith(ours) ? 0 : 2) + (/musl|android/.test(name) ? 1 : 0);
  const found = existsSync(scope) ? readdirSync(scope) : [];
  const folders = found.sort((a, b) => rank(a) - rank(b)).map((name) => join(scope, name));
  const programs = folders.flatMap((folder) =>
    ["bun", "bun.exe"].map((x) => join(folder, "bin", x)),
  );
  return [...programs, join(MODULES, "bun", "bin", "bun.exe")].find(
    (program) =>
      existsSync(program) && spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0,
  );
}

function run(bun, script, args) {
  const child = spawn(bun, [join(ROOT, "scripts", script), ...args], {
    cwd: ROOT,
    stdio: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      // A terminal's Ctrl-C has reached the whole group already.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on("error", (error) => fail(error.message));
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}

function fail(message) {
  process.stderr.write(`setup: ${message}\n`);
  process.exit(1);
}

const [script, ...args] = process.argv.slice(2);
if (script === undefined || !existsSync(join(ROOT, "scripts", script))) {
  fail(script === undefined ? "which script?" : `scripts/${script} does not exist`);
}
const reason = whyInstall();
if (reason !== undefined) install(reason);
let bun = findBun();
if (bun === undefined && reason === undefined) {
  install("no Bun for this platform in node_modules");
  bun = findBun();
}
if (bun === undefined) fail(`the npm package "bun" has nothing that runs on this machine`);
run(bun, script, args);
