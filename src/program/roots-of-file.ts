/**
 * Which folders the far side may have modules from, for a file of the user's: those of its package,
 * those of its packages, and, in one repository, those of packages that are linked with it.
 */
import { type Dirent, existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { contains, realpath } from "../modules/roots.ts";
import { Aliases } from "../modules/tsconfig.ts";

/** @param file absolute real path */
export function foldersOf(file: string): string[] {
  const folder = dirname(file);
  return withLinked(ancestors(folder).find(isPackage) ?? folder, folder);
}

/** The same for a folder by itself. */
export function foldersFrom(folder: string): string[] {
  return withLinked(folder, folder);
}

function withLinked(root: string, folder: string): string[] {
  const repository = ancestors(folder).find(isWorkspace) ?? ancestors(folder).find(isCheckout);
  const linked = repository === undefined ? [] : linkedFolders([root, folder], repository);
  // Packages are looked for as the runtime does.
  return [root, ...ancestors(folder).map((at) => join(at, "node_modules")), ...linked];
}

/** The folder and all that it is in. */
function ancestors(folder: string): string[] {
  const above = dirname(folder);
  return above === folder ? [folder] : [folder, ...ancestors(above)];
}

function isPackage(folder: string): boolean {
  return existsSync(join(folder, "package.json"));
}

/** Of npm, yarn and bun; of pnpm. */
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

/** Folders of a repository that links in `node_modules` lead to, and aliases: from these, and from one another. */
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

/** Not the package manager's store, nor what is hidden, nor all of it. */
function isOwn(repository: string, folder: string): boolean {
  if (folder === repository || !contains(repository, folder)) return false;
  const way = relative(repository, folder).split(sep);
  return !way.some((name) => name === "node_modules" || name.startsWith("."));
}

/** The links of a `node_modules` folder, those of scopes as well. */
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
