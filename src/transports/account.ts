/**
 * The account that this process runs as, as ssh sees it: in the user database. Bun's `userInfo`
 * takes the name and the home folder from the environment, where `sudo` and others leave those of
 * another account.
 */
import { readFileSync } from "node:fs";
import { homedir, userInfo } from "node:os";

export interface Account {
  readonly name: string;
  readonly home: string;
}

/** Milliseconds that a directory service has to answer. */
const DIRECTORY_MS = 2_000;

let found: Account | undefined;

/** @returns what the environment says, if the database does not know the account */
export function account(): Account {
  found ??= fromDatabase() ?? { name: userInfo().username, home: homedir() };
  return found;
}

function fromDatabase(): Account | undefined {
  const uid = process.getuid?.();
  if (uid === undefined) return undefined;
  return accountIn(localAccounts(), uid) ?? accountIn(otherAccounts(uid), uid);
}

/** @param text lines of passwd(5) */
function accountIn(text: string, uid: number): Account | undefined {
  const fields = text.split("\n").map((line) => line.split(":"));
  const [name, , , , , home] = fields.find(([, , id]) => id === String(uid)) ?? [];
  return name === undefined || home === undefined ? undefined : { name, home };
}

function localAccounts(): string {
  try {
    return readFileSync("/etc/passwd", "utf8");
  } catch {
    return "";
  }
}

/** Accounts of a directory service. */
function otherAccounts(uid: number): string {
  const argv = ["getent", "passwd", String(uid)];
  try {
    return Bun.spawnSync(argv, { timeout: DIRECTORY_MS }).stdout.toString();
  } catch {
    return ""; // there is no getent
  }
}
