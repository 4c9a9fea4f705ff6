/**
 * From a target's text to its transport: `local`, or a destination as `ssh` takes it: `web1`,
 * `user@web1`, `ssh://user@web1:2222`.
 */
import { UsageError } from "../errors.ts";
import { local } from "../transports/local.ts";
import { type SshOptions, ssh } from "../transports/ssh.ts";
import type { Transport } from "../transports/transport.ts";

/** @throws {UsageError} `ERR_USAGE_TARGET` */
export function parseTarget(target: string, options: SshOptions): Transport {
  if (target === "local") return local;
  // With a leading dash it would be an option of ssh. No host's name has spaces or control
  // characters.
  if (/^-|[\s\p{Cc}]/u.test(target) || target === "") {
    throw new UsageError(
      "ERR_USAGE_TARGET",
      `not a target: ${JSON.stringify(target)}; ` +
        "write local, host, user@host or ssh://user@host:port",
    );
  }
  return ssh(target, options);
}
