/**
 * The folders whose modules a slave may get, for a file of the user's: its package, the packages in
 * `node_modules`, and packages of the same repository that are linked with it.
 */
import { type Dirent, existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { contains, realpath } from "../modules/roots.ts";
import { Aliases } from "../modules/tsconfig.ts";

/** The folders for a file. @param file absolute real path */
export function foldersOf(file: string): string[] {
  const folder = dirname(file);
  return withLinked(ancestors(folder).find(isPackage) ?? folder, folder);
}

/** The folders for a folder. */
export function foldersFrom(folder: string): string[] {
  return withLinked(folder, folder);
}

function withLinked(root: string, folder: string): string[] {
  const repository = ancestors(folder).find(isWorkspace) ?? ancestors(folder).find(isCheckout);
  const linked = repository === undefined ? [] : linkedFolders([root, folder], repository);
  // Packages are looked for as the runtime does.
  return [root, ...ancestors(folder).map((at) => join(at, "node_modules")), ...linked];
}

/** A folder and all folders above it. */
function ancestors(folder: string): string[] {
  const above = dirname(folder);
  return above === folder ? [folder] : [folder, ...ancestors(above)];
}

function isPackage(folder: string): boolean {
  return existsSync(join(folder, "package.json"));
}

/** Whether a folder is the root of a workspace of npm, yarn, bun or pnpm. */
function isWorkspace(folder: string): boolean {
  if (existsSync(join(folder, "pnpm-workspace.yaml"))) return true;
  try {
    const json: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return Object(json).workspaces !== undefined;
  } catch {
    return false;
  }
}

function isCheckout(folder: string): boolean {
  return existsSync(join(folder, ".git"));
}

/**
 * The folders of a repository that links in `node_modules` and aliases lead to: from these folders,
 * and from those found.
 */
function linkedFolders(from: readonly string[], repository: string): string[] {
  const aliases = new Aliases();
  const found = new Set<string>();
  const seen = new Set<string>();
  const pending = [...from];
  for (const folder of pending) {
    const near = ancestors(folder).filter((at) => contains(repository, at) && !seen.has(at));
    for (const at of near) seen.add(at);
    const targets = [
      ...near.flatMap((at) => links(join(at, "node_modules"))),
      ...aliases.folders(folder),
    ];
    for (const target of targets.map(realpath)) {
      if (target === undefined || found.has(target) || !isOwn(repository, target)) continue;
      found.add(target);
      pending.push(target);
    }
  }
  return [...found];
}

/**
 * Whether a folder is the repository's own: not all of it, not hidden, and not in a package store.
 */
function isOwn(repository: string, folder: string): boolean {
  if (folder === repository || !contains(repository, folder)) return false;
  const way = relative(repository, folder).split(sep);
  return !way.some((name) => name === "node_modules" || name.startsWith("."));
}

/** The links in a `node_modules` folder, including those in scopes. */
function links(modules: string): string[] {
  return entries(modules).flatMap((entry) => {
    const path = join(modules, entry.name);
    if (entry.isSymbolicLink()) return [path];
    return entry.name.startsWith("@") ? links(path) : [];
  });
}

function entries(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
