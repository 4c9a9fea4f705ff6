/**
 * What would be sent to a target, without sending it: for auditing, allow-listing and debugging a
 * bootstrap. Pure, except for the names of user and host, which the boot arguments hold.
 */
import { firstStage, program } from "./interpreters/first-stage.ts";
import { type KindOptions, type Language, readKind } from "./interpreters/kind.ts";
import { type Plan, tried } from "./interpreters/plan.ts";
import { preamble as makePreamble } from "./interpreters/preamble.ts";
import { defaultArgv0 } from "./interpreters/process-title.ts";
import { TerminalSource } from "./prompts/terminal.ts";
import { quoteForLoginShell } from "./shell-quote.ts";
import type { SshOptions } from "./transports/ssh.ts";
import { parsePath } from "./tree/target-path.ts";

/** Part of what is sent: its size, and its SHA-256 in hex. */
export interface SentPart {
  readonly bytes: number;
  readonly sha256: string;
}

export interface BootstrapDescription {
  readonly target: string;
  /**
   * Names of interpreters that the command looks for, in order. It takes the first one it finds.
   */
  readonly tries: readonly string[];
  /** The argument vector that is run on this machine. */
  readonly argv: readonly string[];
  /** The command line for the remote login shell; for `local`, what could be typed into a shell. */
  readonly command: string;
  /**
   * The command and the core. They are the same for every host, so they can be audited once. If the
   * command looks for interpreters of both languages, `core` is all that is sent for both.
   */
  readonly constant: { readonly command: SentPart; readonly core: SentPart };
  /** Bytes that are written before the first call: the core, and boot arguments. */
  readonly preambleBytes: number;
}

export interface DescribeOptions extends KindOptions {
  /**
   * Language of the first call, if no kind is given. Default: a call that any interpreter can do.
   */
  readonly language?: Language;
  readonly ssh?: SshOptions;
}

/** @throws {UsageError} `ERR_USAGE_TARGET`, `ERR_USAGE_KIND` */
export function describeBootstrap(
  target: string,
  options: DescribeOptions = {},
): BootstrapDescription {
  const plan: Plan = { wants: options.language ?? "any", ...readKind(options) };
  const stage = firstStage(plan);
  const ssh = { interactive: TerminalSource.isThere(), ...options.ssh };
  const argv = parsePath(target, { ssh }).at(-1)?.transport.wrap(stage) ?? [];
  const command = stage.map(quoteForLoginShell).join(" ");
  const boot = {
    id: 1,
    nonce: "A".repeat(22),
    name: target,
    argv0: defaultArgv0(),
    level: 20,
    lease: 45_000,
    rate: 1_048_576,
  };
  return {
    target,
    tries: tried(plan),
    argv,
    command,
    constant: {
      command: part(new TextEncoder().encode(command)),
      core: part(Buffer.concat(program(plan))),
    },
    preambleBytes: makePreamble(boot, plan).length,
  };
}

function part(bytes: Uint8Array): SentPart {
  return {
    bytes: bytes.length,
    sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"),
  };
}
