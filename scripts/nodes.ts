/**
 * Installs the real Nodes that tests run on: test/nodes, whose lockfile pins one for each major
 * version. Only their programs are kept: headers and manuals are half of what the packages hold.
 * Knows nothing of the tests; test/helpers/javascripts.ts finds the programs.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const FOLDER = join(dirname(import.meta.dir), "test/nodes");
const MODULES = join(FOLDER, "node_modules");

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
}

/** @returns why they are not there; undefined when they are. */
export async function installNodes(): Promise<string | undefined> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return "test/nodes has programs for Linux on x64 only";
  }
  if (isInstalled()) return undefined;
  process.stderr.write("test: npm ci in test/nodes\n");
  const problem = await npmCi();
  if (problem === undefined) prune();
  return problem;
}

function isInstalled(): boolean {
  const hidden = join(MODULES, ".package-lock.json");
  if (!existsSync(hidden)) return false;
  const [locked, installed] = [packages(join(FOLDER, "package-lock.json")), packages(hidden)];
  return Object.entries(locked).every(
    ([name, { integrity }]) =>
      name === "" ||
      (installed[name]?.integrity === integrity && existsSync(join(FOLDER, name, "bin/node"))),
  );
}

function packages(lockfile: string): Readonly<Record<string, Locked>> {
  const { packages = {} } = JSON.parse(readFileSync(lockfile, "utf8")) as {
    packages?: Record<string, Locked>;
  };
  return packages;
}

async function npmCi(): Promise<string | undefined> {
  // Without a home npm would make its cache in the working directory.
  const cache = process.env["HOME"] ? undefined : mkdtempSync(join(tmpdir(), "econtext-npm-"));
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  try {
    const child = Bun.spawn([...npm(), "ci", ...flags, "--fetch-retries=1"], {
      cwd: FOLDER,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...(cache === undefined ? {} : { npm_config_cache: cache }) },
    });
    const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    if ((await child.exited) === 0) return undefined;
    return `npm ci failed in test/nodes: ${`${err}${out}`.trim().split("\n").slice(0, 3).join(" ")}`;
  } catch (error) {
    return `npm ci failed in test/nodes: ${(error as Error).message}`;
  } finally {
    if (cache !== undefined) rmSync(cache, { recursive: true, force: true });
  }
}

/** The npm that runs us, where one does. */
function npm(): string[] {
  const { npm_node_execpath: node = "", npm_execpath: cli = "" } = process.env;
  return node !== "" && cli.endsWith("npm-cli.js") ? [node, cli] : ["npm"];
}

function prune(): void {
  for (const name of readdirSync(MODULES).filter((one) => one.startsWith("node"))) {
    for (const part of readdirSync(join(MODULES, name))) {
      const isNeeded = part === "bin" || part === "package.json" || part === "LICENSE";
      if (!isNeeded) rmSync(join(MODULES, name, part), { recursive: true });
    }
  }
}
