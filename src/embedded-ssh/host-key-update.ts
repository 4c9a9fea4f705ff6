/**
 * UpdateHostKeys: after a login, an OpenSSH server names all of its keys. The new ones are written
 * to the user's known-hosts files, and keys that the server no longer has are removed from them.
 * The rules are ssh's: where the files are not as ssh itself writes them, they stay as they are.
 */
import { type HostKey, isNamed, isSameKey, isWrittenBySsh, type KnownKey } from "./known-hosts.ts";
import type { KnownHostsFiles } from "./known-hosts-files.ts";
import type { HostKeySettings } from "./settings.ts";

/** Types that the package ssh2 can read. A server's keys of other types do not get here. */
const READABLE = /^(?:ssh-ed25519|ssh-rsa|ssh-dss|ecdsa-sha2-nistp\d+)$/;

interface HostKeys {
  readonly files: KnownHostsFiles;
  /** The host's name, and its address if that is checked. */
  readonly hosts: readonly string[];
  /** All keys of the server. It has proved to have them. */
  readonly keys: readonly HostKey[];
}

/**
 * Does what the value `yes` means. For a command, ssh treats `ask` as `no`.
 *
 * @throws the system's error: a file cannot be written
 */
export function updateHostKeys(
  settings: HostKeySettings,
  { files, hosts, keys: proved }: HostKeys,
): void {
  const keys = proved.filter(({ type }) => settings.acceptedTypes.includes(type));
  if (!settings.updates || keys.length === 0) return;
  const fresh = freshKeys(files, hosts, keys);
  if (fresh !== undefined) files.replace(hosts, keys, fresh);
}

/**
 * @returns the keys that are not known yet; undefined if there is nothing to change, or the files
 *   are not as ssh writes them
 */
function freshKeys(
  files: KnownHostsFiles,
  hosts: readonly string[],
  keys: readonly HostKey[],
): readonly HostKey[] | undefined {
  const own = files.userLinesOf(hosts);
  const isAsWritten = own.every(
    ({ marker, names, type }) =>
      marker === undefined &&
      READABLE.test(type) &&
      isWrittenBySsh(names) &&
      // The address may have been another host's, or the host's address another one.
      (!names.includes(",") || hosts.every((host) => isNamed(names, host))),
  );
  const old = own.filter((line) => !keys.some((key) => isSameKey(key, line)));
  const fresh = keys.filter((key) => !own.some((line) => isSameKey(line, key)));
  const hasChanges = old.length > 0 || fresh.length > 0;
  if (!isAsWritten || !hasChanges) return undefined;
  const isOwn = ({ names }: KnownKey): boolean => hosts.some((host) => isNamed(names, host));
  // A key that another name has, too, may be of a host with several names.
  const isShared = [...keys, ...old].some((key) => !files.userLinesWith(key).every(isOwn));
  return isShared ? undefined : fresh;
}
