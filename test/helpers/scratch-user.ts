/**
 * Accounts of this machine for one test file: made with a random name and password, removed with
 * their homes. Needs root.
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";

export interface ScratchUser extends Disposable {
  readonly name: string;
  readonly password: string;
  readonly home: string;
}

/** Why no account can be made; undefined when it can. */
export function missingRoot(): string | undefined {
  if (process.getuid?.() !== 0) return "not root, so that no account can be made";
  return Bun.which("useradd") === null ? "no useradd on this machine" : undefined;
}

/** @param root folder that the account is made in, as for chroot; default: this machine */
export function makeUser(root?: string): ScratchUser {
  const name = `ect-${randomBytes(5).toString("hex")}`;
  const password = `pw-${randomBytes(12).toString("hex")}`;
  const home = `/home/${name}`;
  run(["useradd", "-m", "-s", "/bin/sh", name], root);
  run(["chpasswd"], root, `${name}:${password}\n`);
  const remove = () => run(["userdel", "-rf", name], root, "", true);
  return { name, password, home, [Symbol.dispose]: remove };
}

/** Runs an administrator's tool. @throws if it fails, unless it may */
export function run(argv: readonly string[], root?: string, input = "", mayFail = false): string {
  const [program = "", ...args] = root === undefined ? argv : ["chroot", root, ...argv];
  const { PATH = "" } = process.env;
  const { status, stdout, stderr } = spawnSync(program, args, {
    input,
    env: { ...process.env, PATH: `${PATH}:/usr/sbin:/sbin` },
  });
  if (status !== 0 && !mayFail) throw new Error(`${argv.join(" ")}: ${stderr.toString()}`);
  return stdout.toString();
}
