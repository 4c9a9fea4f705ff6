/**
 * A command in one or several contexts, joined to the standard streams of the host: the common part
 * of `exec`, `sh` and `rsh`. Once the command runs, signals are passed on to it.
 */
import { joinedChunks, spliceTo } from "../commands/output.ts";
import { defaultWindow } from "../fleet/window.ts";
import {
  type ExecOptions,
  neutralise,
  oneLine,
  type RemoteProcess,
  type SshOptions,
} from "../index.ts";
import { releaseBuffer } from "../io/buffer-pool.ts";
import { Signals } from "./forward-signals.ts";
import type { Host, Output } from "./host.ts";
import type { Flags } from "./parse-line.ts";
import { Usage } from "./report-error.ts";
import type { Stream, TargetOutput } from "./results/report.ts";
import type { TargetEnding } from "./results/results.ts";
import { runSession, type Turn } from "./run-targets.ts";
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
  const isInTurn = takesTurns(flags, targets.length);
  const whole = isInTurn ? await wholeInput(plan, first, host) : undefined;
  const hasInput = plan.hasInput && !isInTurn;
  const input = new SharedInput(isInTurn ? undefined : first, hasInput ? host.stdin : undefined);
  const signals = new Signals(host);
  const giveBack = plan.options?.tty === undefined ? () => {} : makeRaw(host);
  try {
    const roots: readonly string[] = [];
    const each = (turn: Turn) => runOne(turn, plan, { host, head, whole, input, signals });
    const { pass } = signals;
    // Each piece of the input is for all commands, so that none of them can begin later.
    const isTogether = !isInTurn && (plan.hasInput || first !== undefined);
    const yields = (): "output" => "output";
    const sends = [
      `command   ${JSON.stringify(plan.argv)}`,
      ...(preface === undefined ? [] : [`script    ${preface.length} bytes`]),
    ];
    const words = ["--", ...plan.argv];
    const own = { command, flags, ssh: plan.ssh, targets, roots, yields, sends, words };
    return await runSession({ ...own, each, pass, isTogether }, host);
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
  /** All of the input, where commands do not run at the same time. */
  readonly whole: Uint8Array | undefined;
  readonly input: SharedInput;
  readonly signals: Signals;
}

/** @returns whether some commands begin only when others have ended */
function takesTurns(flags: Flags, count: number): boolean {
  const isChosen = flags["jobs"] !== undefined || flags["serial"] !== undefined;
  return count > 1 && (isChosen || count > defaultWindow());
}

/**
 * A terminal is not read: it cannot be read twice.
 *
 * @throws {Usage} the input is too long to be kept
 */
async function wholeInput(
  { command, hasInput }: RemoteCommand,
  first: Uint8Array | undefined,
  { stdin }: Host,
): Promise<Uint8Array | undefined> {
  const pieces = first === undefined ? [] : [first];
  let size = 0;
  if (hasInput && !stdin.isTerminal) {
    for await (const chunk of stdin.stream()) {
      size += chunk.length;
      pieces.push(chunk);
      if (size <= MAX_HEADS) continue;
      const most = `${MAX_HEADS >> 20} MiB`;
      throw new Usage(
        command,
        `standard input is over ${most}, which is kept for targets in turn: use -n, or copy a file`,
      );
    }
  }
  return pieces.length === 0 ? undefined : Buffer.concat(pieces);
}

async function runOne(
  { target, context, limits, output, isAlone, answered }: Turn,
  plan: RemoteCommand,
  { host, head, whole, input, signals }: Streams,
): Promise<TargetEnding> {
  const stdin = whole ?? input.branch(plan.targets.length, () => context.ready());
  // A terminal may be the other language's. Another target may be behind this one.
  const isLast = plan.targets.length === 1 && plan.options?.tty === undefined;
  const options = { ...limits(), ...plan.options, head, isLast };
  const process = context.exec(plan.argv, stdin === undefined ? options : { ...options, stdin });
  const unhook = signals.to(process);
  try {
    const copies = isAlone
      ? [pass(process.stdout, host.stdout, answered), pass(process.stderr, host.stderr, answered)]
      : (["stdout", "stderr"] as const).map((name) => show(process[name], name, output));
    const [result] = await Promise.all([process.exited, ...copies]);
    const { status, signal, problem } = result;
    if (problem === undefined) return { status, signal };
    return { status, text: `${oneLine(target)}: ${problemOf(plan, problem, status)}` };
  } finally {
    unhook();
  }
}

/** @returns why a command could not be started, in the words of a shell */
function problemOf(plan: RemoteCommand, problem: string, status: number): string {
  const { name, options } = plan;
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

/** Copies bytes as they are. @param answered takes the status line off a terminal */
async function pass(
  from: RemoteProcess["stdout"],
  to: Output,
  answered: () => Promise<void>,
): Promise<void> {
  spliceTo(from, to);
  let isFree = !to.isTerminal;
  for await (const chunk of joinedChunks(from)) {
    if (!isFree) {
      await answered();
      isFree = true;
    }
    await to.write(chunk);
    releaseBuffer(chunk);
  }
}

async function show(
  from: RemoteProcess["stdout"],
  stream: Stream,
  to: TargetOutput,
): Promise<void> {
  for await (const chunk of joinedChunks(from)) await to.write(stream, chunk);
}
