/**
 * Where the socket of `econtext up` is: in a folder that belongs to the user and that no other
 * account can enter. Imports nothing of src/: every command looks here first.
 */
import { lstatSync, mkdirSync, type Stats } from "node:fs";
import { join } from "node:path";

type Env = Readonly<Record<string, string | undefined>>;

const NAME = "up.sock";
/** The path of a socket may have 107 bytes. */
const MAX_FOLDER = 90;
const OTHERS = 0o077;

/** @returns the folder of the socket, which need not exist */
export function folderOf(env: Env): string {
  const runtime = env["XDG_RUNTIME_DIR"] ?? "";
  // After `su`, the variable may still name the folder of the user before.
  const isOwn = runtime.startsWith("/") && look(runtime)?.uid === process.getuid?.();
  const folder = join(runtime, "econtext");
  if (isOwn && Buffer.byteLength(folder) <= MAX_FOLDER) return folder;
  return `/tmp/econtext-${process.getuid?.() ?? 0}`;
}

export function socketIn(folder: string): string {
  return join(folder, NAME);
}

/** @returns the path of the socket; undefined if there is none, or it shall not be used */
export function findSocket(env: Env): string | undefined {
  if (env["ECONTEXT_UP"] === "off") return undefined;
  const path = socketIn(folderOf(env));
  return look(path) === undefined ? undefined : path;
}

/** Makes the folder. @throws why no socket can be made there */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const problem = problemOf(folder, look(folder), "isDirectory");
  if (problem !== undefined) throw new Error(problem);
}

/** @returns why a socket in this folder cannot be trusted; undefined if it can */
export function distrust(folder: string): string | undefined {
  const path = socketIn(folder);
  return problemOf(folder, look(folder), "isDirectory") ?? problemOf(path, look(path), "isSocket");
}

function problemOf(
  path: string,
  status: Stats | undefined,
  kind: "isDirectory" | "isSocket",
): string | undefined {
  if (status === undefined) return `${path}: it does not exist`;
  if (!status[kind]()) return `${path} is no ${kind === "isSocket" ? "socket" : "folder"}`;
  if (status.uid !== process.getuid?.()) return `${path} belongs to another user`;
  if ((status.mode & OTHERS) !== 0) return `${path} is open to other users`;
  return undefined;
}

/** Does not follow a link. */
function look(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
