/**
 * The Debian 13 root of the laboratory: made once with mmdebstrap from the package source of this
 * machine, and kept outside of the repository. It is only read: each host puts a file system in
 * memory over it. `ECONTEXT_LAB_ROOTS` names another folder to keep it in.
 */
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const FOLDER = process.env["ECONTEXT_LAB_ROOTS"] ?? "/var/cache/econtext-lab";
const RELEASE = "trixie";
/** OpenSSH 10, sudo-rs and a Python without the greater part of its library. */
const PACKAGES = ["python3-minimal", "openssh-server", "openssh-client", "sudo-rs"];
/** What stands in the folder's name: another list of packages is another root. */
const KEY = Bun.hash(`${RELEASE} ${PACKAGES.join(" ")}`).toString(36);

export interface DebianRoot {
  readonly path: string;
  /** Why there is none, for `suite`; undefined when it is there. */
  readonly missing: string | undefined;
}

let made: DebianRoot | undefined;

/** Makes the root if it is not there: some ten seconds, once a machine. */
export function debianRoot(): DebianRoot {
  made ??= make();
  return made;
}

function make(): DebianRoot {
  const path = join(FOLDER, `${RELEASE}-${KEY}`);
  if (existsSync(path)) return { path, missing: undefined };
  if (Bun.which("mmdebstrap") === null) {
    return { path, missing: "no mmdebstrap on this machine (Debian package mmdebstrap)" };
  }
  mkdirSync(FOLDER, { recursive: true });
  // Several test files may begin at once: one of them makes the root, the others wait for it.
  const unfinished = `${path}.unfinished`;
  const lock = Bun.spawnSync(
    ["flock", `${path}.lock`, process.execPath, import.meta.path, path, unfinished],
    { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  );
  if (existsSync(path)) return { path, missing: undefined };
  return { path, missing: `mmdebstrap failed: ${lock.stderr.toString().trim().slice(-300)}` };
}

/** Where packages come from here: for the other release, the same. */
function packageSource(): string | undefined {
  const listed = Bun.spawnSync(
    ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
    { stdin: "ignore", stderr: "ignore" },
  );
  return listed.stdout.toString().split("\n")[0] || undefined;
}

if (import.meta.main) {
  const [path = "", unfinished = ""] = process.argv.slice(2);
  if (!existsSync(path)) {
    rmSync(unfinished, { recursive: true, force: true });
    const source = packageSource();
    const argv = ["mmdebstrap", "--quiet", "--variant=minbase", `--include=${PACKAGES.join(",")}`];
    argv.push(RELEASE, unfinished, ...(source === undefined ? [] : [source]));
    const { exitCode } = Bun.spawnSync(argv, { stdio: ["ignore", "ignore", "inherit"] });
    if (exitCode === 0) renameSync(unfinished, path);
    process.exitCode = exitCode;
  }
}
