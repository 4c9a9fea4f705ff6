/**
 * Where the socket of `econtext up` is: in a folder that belongs to the user and that no other
 * account can enter. Every command looks here first, so this file loads as little as it can.
 */
import { lookAt } from "../io/quick-calls.ts";

type Env = Readonly<Record<string, string | undefined>>;

const NAME = "up.sock";
/** The path of a socket may have 107 bytes. */
const MAX_FOLDER = 90;
/** Permissions of other accounts. */
const OTHERS = 0o077;

/** @returns the folder of the socket, which need not exist */
export function folderOf(env: Env): string {
  const runtime = env["XDG_RUNTIME_DIR"] ?? "";
  const folder = runtime.endsWith("/") ? `${runtime}econtext` : `${runtime}/econtext`;
  const isShort = new TextEncoder().encode(folder).length <= MAX_FOLDER;
  // After `su`, the variable may still name the folder of the user before.
  const isOwn = runtime.startsWith("/") && lookAt(runtime)?.uid === process.getuid?.();
  return isOwn && isShort ? folder : `/tmp/econtext-${process.getuid?.() ?? 0}`;
}

export function socketIn(folder: string): string {
  return `${folder}/${NAME}`;
}

/** @returns the folder of a socket that shall be used; undefined if there is no such socket */
export function findSocket(env: Env): string | undefined {
  if (env["ECONTEXT_UP"] === "off") return undefined;
  const folder = folderOf(env);
  return lookAt(socketIn(folder)) === undefined ? undefined : folder;
}

/** @returns why a socket in this folder cannot be trusted; undefined if it can */
export function distrust(folder: string): string | undefined {
  return problemOf(folder, "folder") ?? problemOf(socketIn(folder), "socket");
}

/** @returns what is wrong with the folder or the socket at this path */
export function problemOf(path: string, kind: "folder" | "socket"): string | undefined {
  const status = lookAt(path);
  if (status === undefined) return `${path}: it does not exist`;
  if (status.kind !== kind) return `${path} is no ${kind}`;
  if (status.uid !== process.getuid?.()) return `${path} belongs to another user`;
  if ((status.mode & OTHERS) !== 0) return `${path} is open to other users`;
  return undefined;
}
