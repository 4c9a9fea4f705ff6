/**
 * Every Python interpreter of this machine: by the names on PATH, where systems put them, and in
 * pyenv's folder. pyenv's shims are left out: which version one starts depends on the directory.
 */
import { readdirSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export interface Python {
  readonly version: readonly [major: number, minor: number];
  readonly path: string;
  /** For names of tests: `python 3.11 (/usr/bin/python3)`. */
  readonly label: string;
}

/** Those that econtext promises to run on. */
export const SUPPORTED = [
  "2.7",
  "3.6",
  "3.7",
  "3.8",
  "3.9",
  "3.10",
  "3.11",
  "3.12",
  "3.13",
] as const;
export type SupportedVersion = (typeof SUPPORTED)[number];

let found: readonly Python[] | undefined;

/** By version, the oldest first. Looked up once a process. */
export function pythons(): readonly Python[] {
  found ??= [...find()].sort((a, b) => a.version[0] - b.version[0] || a.version[1] - b.version[1]);
  return found;
}

/** One interpreter of that version. `missing` is the reason for `suite` when there is none. */
export function pythonOf(version: SupportedVersion): { python?: Python; missing?: string } {
  const python = pythons().find((one) => one.version.join(".") === version);
  return python === undefined ? { missing: `no Python ${version} on this machine` } : { python };
}

/** The supported versions that this machine has, the oldest first. */
export function pythonVersions(): readonly SupportedVersion[] {
  return SUPPORTED.filter((version) => pythonOf(version).python !== undefined);
}

function find(): Python[] {
  const byFile = new Map<string, string>();
  for (const path of candidates()) {
    const file = resolved(path);
    if (file !== undefined && !byFile.has(file)) byFile.set(file, path);
  }
  return [...byFile.values()].flatMap((path) => {
    const version = versionOf(path);
    if (version === undefined) return [];
    return [{ version, path, label: `python ${version.join(".")} (${path})` }];
  });
}

function candidates(): string[] {
  const folders = (process.env["PATH"] ?? "").split(":").filter((dir) => dir.startsWith("/"));
  const named = [...folders, "/usr/bin", "/usr/local/bin"]
    .filter((dir) => !dir.endsWith("/shims"))
    .flatMap((dir) => list(dir, /^python(?:[23](?:\.\d+)?)?$/));
  const versions = join(process.env["PYENV_ROOT"] ?? join(homedir(), ".pyenv"), "versions");
  return [...named, ...list(versions, /^[23]\./).map((dir) => join(dir, "bin", "python"))];
}

function list(folder: string, name: RegExp): string[] {
  try {
    const names = readdirSync(folder).filter((entry) => name.test(entry));
    return names.sort().map((entry) => join(folder, entry));
  } catch {
    return [];
  }
}

function resolved(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function versionOf(path: string): readonly [number, number] | undefined {
  const code = "import sys; print('%d.%d' % sys.version_info[:2])";
  const child = Bun.spawnSync([path, "-S", "-c", code], { stdin: "ignore", stderr: "ignore" });
  const match = /^(\d+)\.(\d+)\n$/.exec(child.stdout.toString());
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}
