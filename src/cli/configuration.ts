/** The user's configuration, for the folder and the environment of a host. */
import { resolve } from "node:path";
import { type Configuration, findConfiguration, tableOf } from "../config/files.ts";
import type { Host } from "./host.ts";

/** A configuration with its groups, whose commands run when they are first used. */
export interface HostConfiguration extends Omit<Configuration, "targets" | "groups"> {
  readonly targets: ReturnType<typeof tableOf>;
}

/** The files are read once for each command. */
const known = new WeakMap<Host, HostConfiguration>();

/** Gives a host what was read for another one, of the same folder and environment. */
export function shareConfiguration(from: Host, to: Host): void {
  const read = known.get(from);
  if (read !== undefined) known.set(to, read);
}

/** @throws {UsageError} `ERR_USAGE_CONFIG` */
export function readConfiguration(host: Host): HostConfiguration {
  const before = known.get(host);
  if (before !== undefined) return before;
  const folder = resolve(host.path("."));
  const found = findConfiguration(folder, host.env, (line) => {
    host.stderr.write(`econtext: ${line}\n`).catch(() => {});
  });
  const { targets: _targets, groups: _groups, ...others } = found;
  const read = { ...others, targets: tableOf(found, { folder, env: host.env }) };
  known.set(host, read);
  return read;
}
