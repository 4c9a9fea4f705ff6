/**
 * A command in one or several contexts, joined to the standard streams of the host: the common part
 * of `exec`, `sh` and `rsh`. Once the command runs, signals are passed on to it.
 */
import { joinedChunks, passTo } from "../commands/output.ts";
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
import type { Host, Output } from "./host.ts";
import type { Flags } from "./parse-line.ts";
import { runSession, type Turn } from "./run-targets.ts";
import { LinePrefixer } from "./ui/line-prefix.ts";
import { makeRaw } from "./ui/raw-terminal.ts";
import { SharedInput } from "./ui/shared-input.ts";
import { quoted } from "./words.ts";

/** The most bytes that travel with the calls of one run. They wait in memory for every target. */
const MAX_HEADS = 1 << 24;

export interface RemoteCommand {
  /** The name of the command of econtext, for messages. */
  readonly command: string;
  readonly flags: Flags;
  /** With several, each line of output begins with the target's name. */
  readonly targets: readonly string[];
  readonly argv: readonly string[];
  /** The name of the remote command in messages. */
  readonly name: string;
  /** Whether it reads the standard input of the host. */
  readonly hasInput: boolean;
  /** Bytes that it reads before that. */
  readonly preface?: Uint8Array;
  /** Used in place of the options for ssh among the flags. */
  readonly ssh?: SshOptions;
  readonly options?: Pick<ExecOptions, "tty" | "cwd" | "env">;
}

/** @returns the exit status: the command's, or the highest */
export async function runCommands(plan: RemoteCommand, host: Host): Promise<number> {
  const { command, flags, targets } = plan;
  const { preface } = plan;
  const isShort = (preface?.length ?? 0) * targets.length <= MAX_HEADS;
  const [head, first] = isShort ? [preface, undefined] : [undefined, preface];
  const input = new SharedInput(first, plan.hasInput ? host.stdin : undefined);
  const signals = new Signals(host);
  const giveBack = plan.options?.tty === undefined ? () => {} : makeRaw(host);
  try {
    const roots: readonly string[] = [];
    const each = (turn: Turn) => runOne(turn, plan, { host, head, input, signals });
    const { pass } = signals;
    // Each piece of the input is for all commands, so that none of them can begin later.
    const isTogether = plan.hasInput || first !== undefined;
    const session = { command, flags, ssh: plan.ssh, targets, roots, each, pass, isTogether };
    return await runSession(session, host);
  } finally {
    giveBack();
    signals.dispose();
  }
}

/** What all commands of one run share. */
interface Streams {
  readonly host: Host;
  /** The first bytes of each command's input. */
  readonly head: Uint8Array | undefined;
  readonly input: SharedInput;
  readonly signals: Signals;
}

async function runOne(
  { target, context, limits, say }: Turn,
  plan: RemoteCommand,
  { host, head, input, signals }: Streams,
): Promise<number> {
  const stdin = input.branch(plan.targets.length, () => context.ready());
  const options = { ...limits(), ...plan.options, head };
  const process = context.exec(plan.argv, stdin === undefined ? options : { ...options, stdin });
  const unhook = signals.to(process);
  try {
    const isAlone = plan.targets.length === 1;
    const copies = [
      copy(process.stdout, isAlone ? undefined : target, host.stdout),
      copy(process.stderr, isAlone ? undefined : target, host.stderr),
    ];
    const [result] = await Promise.all([process.exited, ...copies]);
    const isTold = isAlone && result.problem === undefined;
    if (result.status !== 0 && !isTold) say(`${oneLine(target)}: ${endingOf(plan, result)}`);
    return result.status;
  } finally {
    unhook();
  }
}

/** @returns how a command ended, in the words of a shell */
function endingOf(plan: RemoteCommand, { status, signal, problem }: ExecResult): string {
  const { name, options } = plan;
  if (problem === undefined) return signal === undefined ? `exit status ${status}` : signal;
  const ofFolder = options?.cwd !== undefined && problem.startsWith(`${options.cwd}: `);
  const text = neutralise(ofFolder ? `--cwd ${problem}` : `${oneLine(name)}: ${problem}`);
  return status === 127 && !ofFolder ? text + oneWordHint(plan) : text;
}

/** @returns advice, where a whole command line was given as the name of a program */
function oneWordHint({ command, argv, targets }: RemoteCommand): string {
  const [line = ""] = argv;
  if (command !== "exec" || argv.length !== 1 || !/\S\s+\S/.test(line)) return "";
  const words = /^[\w\s./:@%+,=-]+$/.test(line) ? `-- ${oneLine(line)}, or ` : "";
  const shell = `econtext sh -c ${quoted(line)} ${targets.map(quoted).join(" ")}`;
  return oneLine(`; one word with spaces is one program name: write ${words}${shell}`);
}

/** @param prefix the name before each line; undefined: bytes are copied as they are */
async function copy(
  from: RemoteProcess["stdout"],
  prefix: string | undefined,
  to: Output,
): Promise<void> {
  if (prefix === undefined) {
    passTo(from, to);
    for await (const chunk of joinedChunks(from)) {
      await to.write(chunk);
      releaseBuffer(chunk);
    }
    return;
  }
  const lines = new LinePrefixer(prefix, to.isTerminal);
  for await (const chunk of joinedChunks(from)) await to.write(lines.push(chunk));
  await to.write(lines.end());
}
