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
import { announced, questionText } from "./transports/announced.ts";
import type { SshOptions } from "./transports/ssh.ts";
import type { SshEngine, Transport } from "./transports/transport.ts";
import { type PathOptions, parsePath } from "./tree/target-path.ts";

/** Part of what is sent: its size, and its SHA-256 in hex. */
export interface SentPart {
  readonly bytes: number;
  readonly sha256: string;
}

/** How a word of a path is started. */
export interface StepDescription {
  /** The path up to this word. */
  readonly path: string;
  /**
   * Names of interpreters that the command looks for, in order. It takes the first one it finds.
   */
  readonly tries: readonly string[];
  /**
   * The argument vector: the first word's is run on this machine, each other one in the context
   * before it. The text of sudo's question has a nonce, new for each connection: here it is the
   * word `NONCE`.
   */
  readonly argv: readonly string[];
  /** Set where the embedded ssh reads the vector as ssh would, and no program is run. */
  readonly engine?: SshEngine | undefined;
}

export interface BootstrapDescription extends Omit<StepDescription, "path"> {
  readonly target: string;
  /** The words before the target. Each hop serves all targets behind it. */
  readonly hops: readonly StepDescription[];
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

export interface DescribeOptions
  extends KindOptions,
    Pick<PathOptions, "schemes" | "targets" | "groups"> {
  /**
   * Language of the first call, if no kind is given. Default: a call that any interpreter can do.
   */
  readonly language?: Language;
  readonly ssh?: SshOptions;
  /**
   * Whether something answers questions for a password. Programs are run otherwise, so that they
   * ask none. Default: whether there is a terminal.
   */
  readonly answers?: boolean;
}

/** @throws {UsageError} `ERR_USAGE_TARGET`, `ERR_USAGE_KIND` */
export function describeBootstrap(
  target: string,
  options: DescribeOptions = {},
): BootstrapDescription {
  const { schemes, targets, groups, answers: isAble = TerminalSource.isThere() } = options;
  const ssh = { interactive: isAble, ...options.ssh };
  const steps = parsePath(target, { ssh, schemes, targets, groups });
  const wants = options.language ?? "any";
  const plans = steps.map(({ interpreter }, at): Plan => {
    const isLast = at === steps.length - 1;
    return isLast
      ? { wants, ...(readKind(options) ?? readKind(interpreter)) }
      : { wants: "any", ...readKind(interpreter) };
  });
  const plan = plans.at(-1) as Plan; // a path has a word
  const stage = firstStage(plan);
  const all = steps.map(({ transport }, at): StepDescription => {
    const path = steps.slice(0, at + 1).map((step) => step.transport.label);
    const own = plans[at] ?? plan;
    const { engine } = transport;
    const argv = argvOf(transport, own, isAble);
    return { path: path.join("/"), tries: tried(own), argv, ...(engine && { engine }) };
  });
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
  const { path: _, ...last } = all.at(-1) as StepDescription;
  return {
    target,
    ...last,
    hops: all.slice(0, -1),
    command,
    constant: {
      command: part(new TextEncoder().encode(command)),
      core: part(Buffer.concat(program(plan))),
    },
    preambleBytes: makePreamble(boot, plan).length,
  };
}

/** @param isAble whether a question can be answered */
function argvOf(transport: Transport, plan: Plan, isAble: boolean): string[] {
  const stage = firstStage(plan);
  if (transport.password === undefined) return transport.wrap(stage);
  return transport.wrap(announced(stage), isAble ? questionText("NONCE") : undefined);
}

/**
 * @returns the path that a target stands for: the same for each way of writing it
 * @throws {UsageError} `ERR_USAGE_TARGET`
 */
export function describePath(
  target: string,
  options: Pick<PathOptions, "schemes" | "targets"> = {},
): string {
  const steps = parsePath(target, options);
  return steps.map(({ transport }) => transport.label).join("/");
}

function part(bytes: Uint8Array): SentPart {
  return {
    bytes: bytes.length,
    sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"),
  };
}
