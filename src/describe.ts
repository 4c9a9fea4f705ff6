/**
 * What would be sent to a target, without sending it: for people who audit, allow-list or debug a bootstrap. Pure but for the
 * user's name and the host's, which the boot arguments hold.
 */
import { createHash } from "node:crypto";
import { defaultArgv0 } from "./bootstrap/argv0.ts";
import { firstStage } from "./bootstrap/first-stage.ts";
import { preamble as makePreamble } from "./bootstrap/preamble.ts";
import { PYTHON_CORE } from "./bootstrap/stage1.ts";
import { parseTarget } from "./target.ts";
import type { SshOptions } from "./transport/ssh.ts";

/** One part of what is sent: its size, and its SHA-256 in hex. */
export interface SentPart {
  readonly bytes: number;
  readonly sha256: string;
}

export interface BootstrapDescription {
  readonly target: string;
  /** What is run on this machine. */
  readonly argv: readonly string[];
  /** What the far side's login shell is given; for `local`, what would be typed into one. */
  readonly command: string;
  /** The command, and the core: the same for every host, so they can be audited once. */
  readonly constant: { readonly command: SentPart; readonly core: SentPart };
  /** All that is written before the first call: the core, and boot arguments of a name and a nonce. */
  readonly preambleBytes: number;
}

/** @throws {UsageError} `ERR_USAGE_TARGET` */
export function describeBootstrap(
  target: string,
  options: { readonly python?: string; readonly ssh?: SshOptions } = {},
): BootstrapDescription {
  const plan = { wants: "python", path: options.python } as const;
  const stage = firstStage(plan);
  const transport = parseTarget(target, options.ssh ?? {});
  const argv = transport.wrap(stage);
  const command = parseTarget("host", {}).wrap(stage).at(-1) ?? "";
  const preamble = makePreamble({
    id: 1,
    nonce: "A".repeat(22),
    name: target,
    argv0: defaultArgv0(),
    level: 20,
    lease: 45_000,
    rate: 1_048_576,
  }, plan);
  return {
    target,
    argv,
    command,
    constant: { command: part(new TextEncoder().encode(command)), core: part(PYTHON_CORE) },
    preambleBytes: preamble.length,
  };
}

function part(bytes: Uint8Array): SentPart {
  return { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}
