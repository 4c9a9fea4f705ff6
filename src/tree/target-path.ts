/**
 * From a target's text to the transports on the way to it: `local`, a destination as `ssh` takes it
 * (`web1`, `user@web1`, `ssh://user@web1:2222`), or several of them with slashes between: each is
 * opened through the one before.
 */
import { UsageError } from "../errors.ts";
import { local } from "../transports/local.ts";
import { type SshOptions, ssh } from "../transports/ssh.ts";
import type { Transport } from "../transports/transport.ts";

/**
 * @param options of the ssh client of this machine. A client behind a hop has that machine's
 *   configuration.
 * @param isBehind whether the whole path is opened through a context
 * @returns a transport for each hop, and for the target itself, which is the last
 * @throws {UsageError} `ERR_USAGE_TARGET`
 */
export function parsePath(
  target: string,
  options: SshOptions,
  isBehind = false,
): readonly Transport[] {
  return split(target).map((word, at) => parseWord(word, target, options, isBehind || at > 0));
}

/** `ssh://HOST` holds slashes of its own. */
function split(target: string): string[] {
  return target.match(/(?:^|(?<=\/))(?:ssh:\/\/)?[^/]*(?=\/|$)/g) ?? [target];
}

function parseWord(
  word: string,
  target: string,
  options: SshOptions,
  isBehind: boolean,
): Transport {
  const name = word.replaceAll(/%2f/gi, "/");
  if (name === "local") return local;
  // With a leading dash it would be an option of ssh. No host's name has spaces or control
  // characters.
  if (/^-|[\s\p{Cc}]/u.test(name) || name === "") {
    throw new UsageError(
      "ERR_USAGE_TARGET",
      `not a target: ${JSON.stringify(target)}; ` +
        "write local, host, user@host or ssh://user@host:port",
    );
  }
  return ssh(name, isBehind ? { isBehind } : options);
}
