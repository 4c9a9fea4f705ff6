/**
 * A command in one or several contexts, joined to our own standard streams: what `exec`, `sh` and `rsh` have in common. Signals that we
 * get are the command's, once it runs.
 */
import { passTo } from "../commands/output.ts";
import {
  type ExecOptions,
  type ExecResult,
  neutralise,
  oneLine,
  type RemoteProcess,
  type SshOptions,
} from "../index.ts";
import { releaseBuffer } from "../io/buffer-pool.ts";
import { Signals } from "./forward-signals.ts";
import type { Flags } from "./options.ts";
import { runSession, type Turn } from "./run-targets.ts";
import { LinePrefixer } from "./ui/line-prefix.ts";
import { type Output, stderr, stdout } from "./ui/output.ts";
import { makeRaw } from "./ui/raw-terminal.ts";
import { SharedInput } from "./ui/shared-input.ts";
import { quoted } from "./words.ts";

export interface CommandPlan {
  /** Whose options these are. */
  readonly command: string;
  readonly flags: Flags;
  /** Several: each line of output begins with the target's name. */
  readonly targets: readonly string[];
  readonly argv: readonly string[];
  /** How messages name it. */
  readonly name: string;
  /** Whether our standard input is its. */
  readonly hasInput: boolean;
  /** What it reads before that. */
  readonly preface?: Uint8Array;
  /** Added to what the flags say of ssh. */
  readonly ssh?: SshOptions;
  readonly options?: Pick<ExecOptions, "tty" | "cwd" | "env">;
}

/** @returns the exit status: the command's, or the highest */
export async function runCommands(plan: CommandPlan): Promise<number> {
  const { command, flags, targets } = plan;
  const input = new SharedInput(plan.preface, plan.hasInput);
  const signals = new Signals();
  const giveBack = plan.options?.tty === undefined ? () => {} : makeRaw();
  try {
    const roots: readonly string[] = [];
    const each = (turn: Turn) => runOne(turn, plan, input, signals);
    const { pass } = signals;
    return await runSession({ command, flags, ssh: plan.ssh, targets, roots, each, pass });
  } finally {
    giveBack();
    signals.dispose();
  }
}

async function runOne(
  { target, context, limits, say }: Turn,
  plan: CommandPlan,
  input: SharedInput,
  signals: Signals,
): Promise<number> {
  const stdin = input.branch(plan.targets.length);
  const options = { ...limits(), ...plan.options };
  const process = context.exec(plan.argv, stdin === undefined ? options : { ...options, stdin });
  const unhook = signals.to(process);
  try {
    const isAlone = plan.targets.length === 1;
    const copies = [
      copy(process.stdout, isAlone ? undefined : target, stdout),
      copy(process.stderr, isAlone ? undefined : target, stderr),
    ];
    const [result] = await Promise.all([process.exited, ...copies]);
    const isTold = isAlone && result.problem === undefined;
    if (result.status !== 0 && !isTold) say(`${oneLine(target)}: ${endingOf(plan, result)}`);
    return result.status;
  } finally {
    unhook();
  }
}

/** How a command has ended, in words: as a shell tells it, when it could not be started. */
function endingOf(plan: CommandPlan, { status, signal, problem }: ExecResult): string {
  const { name, options } = plan;
  if (problem === undefined) return signal === undefined ? `exit status ${status}` : signal;
  const ofFolder = options?.cwd !== undefined && problem.startsWith(`${options.cwd}: `);
  const text = neutralise(ofFolder ? `--cwd ${problem}` : `${oneLine(name)}: ${problem}`);
  return status === 127 && !ofFolder ? text + oneWordHint(plan) : text;
}

/** A whole command line was given as the name of a program. */
function oneWordHint({ command, argv, targets }: CommandPlan): string {
  const [line = ""] = argv;
  if (command !== "exec" || argv.length !== 1 || !/\S\s+\S/.test(line)) return "";
  const words = /^[\w\s./:@%+,=-]+$/.test(line) ? `-- ${oneLine(line)}, or ` : "";
  const shell = `econtext sh -c ${quoted(line)} ${targets.map(quoted).join(" ")}`;
  return oneLine(`; one word with spaces is one program name: write ${words}${shell}`);
}

/** @param prefix of each line */
async function copy(
  from: RemoteProcess["stdout"],
  prefix: string | undefined,
  to: Output,
): Promise<void> {
  if (prefix === undefined) {
    passTo(from, to);
    for await (const chunk of from) {
      await to.write(chunk);
      releaseBuffer(chunk);
    }
    return;
  }
  const lines = new LinePrefixer(prefix, to.isTerminal);
  for await (const chunk of from) await to.write(lines.push(chunk));
  await to.write(lines.end());
}
