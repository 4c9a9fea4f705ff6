/** The user's configuration, for the folder and the environment of a host. */
import { resolve } from "node:path";
import { type Configuration, findConfiguration } from "../config/files.ts";
import type { Host } from "./host.ts";

/** @throws {UsageError} `ERR_USAGE_CONFIG` */
export function readConfiguration(host: Host): Configuration {
  return findConfiguration(resolve(host.path(".")), host.env, (line) => {
    host.stderr.write(`econtext: ${line}\n`).catch(() => {});
  });
}
