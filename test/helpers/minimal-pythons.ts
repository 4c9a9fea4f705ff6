/**
 * Pythons of which only a part is there, as Debian's python3-minimal: made of a whole one, by a
 * folder with links to some of its standard library; and Debian's own, unpacked from its packages.
 * The lists of modules: test/fixtures/minimal-pythons.
 */
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { pythonOf } from "./pythons.ts";
import { writeScript } from "./scripts.ts";

/** Versions whose lists there are: of Debian 11, 12 and 13. */
export const MINIMAL = ["3.9", "3.11", "3.13"] as const;
export type MinimalVersion = (typeof MINIMAL)[number];

const LISTS = join(import.meta.dir, "../fixtures/minimal-pythons");

/** The modules at the top level that Debian's has. */
export function modulesOf(version: MinimalVersion): ReadonlySet<string> {
  return new Set(readFileSync(join(LISTS, `${version}.txt`), "utf8").split("\n"));
}

/** Why `prune` cannot make one of that version; undefined when it can. */
export function missingMinimal(version: MinimalVersion): string | undefined {
  return pythonOf(version).missing;
}

/**
 * @returns the path of an interpreter in `folder` that finds only the modules of the version's list
 */
export function prune(version: MinimalVersion, folder: string): string {
  const whole = pythonOf(version).python?.path ?? "";
  const paths = "import sys, sysconfig; print(sysconfig.get_path('stdlib')); print(sys.executable)";
  const [library = "", executable] = Bun.spawnSync([whole, "-c", paths])
    .stdout.toString()
    .split("\n");
  const listed = modulesOf(version);
  const home = join(folder, version);
  const target = join(home, `lib/python${version}`);
  for (const part of ["", "lib-dynload"]) {
    mkdirSync(join(target, part), { recursive: true });
    for (const file of readdirSync(join(library, part))) {
      const module = file.split(".")[0] ?? "";
      if (listed.has(module)) symlinkSync(join(library, part, file), join(target, part, file));
    }
  }
  return writeScript(join(home, "python"), `PYTHONHOME='${home}' exec '${executable}' "$@"`);
}

interface Unpacked {
  readonly path: string;
  readonly version: MinimalVersion;
}

/**
 * Debian's own, from the packages of this machine's release. @returns its path, or why there is
 * none
 */
export function unpackDebian(folder: string): Unpacked | { readonly missing: string } {
  const named = aptVersion();
  const version = MINIMAL.find((one) => one === named);
  if (version === undefined) return { missing: "apt has no python3-minimal of Debian 11 to 13" };
  mkdirSync(join(folder, "debian"), { recursive: true });
  const packages = [`python${version}-minimal`, `libpython${version}-minimal`];
  const download = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", ...packages];
  const cwd = join(folder, "debian");
  if (!Bun.spawnSync(download, { cwd, stderr: "ignore" }).success) {
    return { missing: `apt cannot download ${packages.join(" and ")}` };
  }
  for (const file of readdirSync(cwd)) {
    if (!Bun.spawnSync(["dpkg", "-x", file, "root"], { cwd }).success) {
      return { missing: `dpkg cannot unpack ${file}` };
    }
  }
  const home = join(cwd, "root/usr");
  const start = `PYTHONHOME='${home}' exec '${home}/bin/python${version}' "$@"`;
  return { path: writeScript(join(cwd, "python"), start), version };
}

/** The version that this release's python3-minimal depends on. */
function aptVersion(): string | undefined {
  if (Bun.which("apt-cache") === null || Bun.which("dpkg") === null) return undefined;
  const said = Bun.spawnSync(["apt-cache", "depends", "python3-minimal"], { stderr: "ignore" });
  return /python(3\.\d+)-minimal/.exec(said.stdout.toString())?.[1];
}
