/** One run of `econtext repl`: broker, logs, signals, the deadline, what is printed, and the end. What is evaluated is src/repl's business. */
import { version } from "../../../package.json";
import { Broker, neutralise } from "../../index.ts";
import { foldersFrom } from "../../program/roots-of-file.ts";
import { InputError } from "../../repl/compile-input.ts";
import { Interrupt } from "../../repl/interrupt.ts";
import { type NamedContext, openPrompt, type Prompt } from "../../repl/prompt.ts";
import { Terminal } from "../../repl/terminal.ts";
import { BROKEN_PIPE, Stop } from "../interruption.ts";
import {
  type Flags,
  leftOf,
  readCache,
  readConnect,
  readInterpreter,
  readLogFormat,
  readLogLevel,
} from "../options.ts";
import { describe, statusOf } from "../report-error.ts";
import { Lending } from "../ui/lend-progress.ts";
import { logLines } from "../ui/log-lines.ts";
import { isBrokenPipe, stderr, stdout } from "../ui/output.ts";
import { displayAny } from "../ui/result.ts";
import { onUncaught, reasonOf, tellEnd, uncaught, uncaughtText } from "../uncaught.ts";

export interface ReplPlan {
  readonly flags: Flags;
  readonly targets: readonly string[];
}

export interface SourcePlan extends ReplPlan {
  /** Absent: what stdin holds. */
  readonly source?: string;
  readonly isPrinted: boolean;
}

/** Both ways to run share this. */
class Session {
  readonly stop = new Stop();
  readonly interrupt: Interrupt;
  readonly lending = new Lending();
  readonly #plan: ReplPlan;
  readonly #options: ReturnType<typeof readConnect>;
  #broker: Broker | undefined;

  /** @param left milliseconds that a call has, of those that were given */
  constructor(plan: ReplPlan, left: (deadline: number) => number) {
    this.#plan = plan;
    this.#options = readConnect("repl", plan.flags);
    const { deadline } = this.#options;
    this.interrupt = new Interrupt(() => (deadline === undefined ? undefined : left(deadline)));
    this.stop.signal.addEventListener("abort", () => this.interrupt.now());
  }

  open(
    log: (lines: string) => void,
    isInteractive: boolean,
    isShown = () => true,
    inputName?: string,
  ): Promise<Prompt> {
    const { flags, targets } = this.#plan;
    const format = readLogFormat("repl", flags);
    this.#broker = new Broker({
      roots: foldersFrom(process.cwd()),
      cache: readCache(flags),
      logLevel: readLogLevel("repl", flags),
      onLog: (record) => log(this.lending.erased() + logLines(record, format, stderr.coloured)),
      onLend: (progress) => {
        if (isShown()) this.lending.show(progress);
      },
    });
    const { ssh, ...others } = this.#options;
    const options = { ...others, ssh: isInteractive ? ssh : { ...ssh, interactive: false } };
    return openPrompt({
      broker: this.#broker,
      targets,
      options,
      interrupt: this.interrupt,
      inputName,
    });
  }

  async close(): Promise<void> {
    await this.#broker?.close();
    this.stop.dispose();
  }
}

/** @returns the exit status, when the user has left */
export async function runPrompt(plan: ReplPlan): Promise<number> {
  const session = new Session(plan, (deadline) => deadline);
  let terminal: Terminal | undefined;
  const say = (lines: string): void => {
    if (terminal === undefined) process.stdout.write(lines);
    else terminal.above(lines);
  };
  try {
    const isKnown = Object.keys(readInterpreter("repl", plan.flags)).length > 0;
    const { evaluator, contexts } = await session.open(
      (lines) => (stderr.isTerminal ? say(lines) : void stderr.write(lines).catch(() => {})),
      isKnown,
      () => terminal === undefined || terminal.isBusy,
    );
    process.stdout.write(banner(contexts));
    if (isKnown) await Promise.race([readyOrSaid(contexts, say), session.stop.happened]);
    if (session.stop.status !== undefined) return session.stop.status;
    terminal = new Terminal(evaluator, {
      isColoured: stdout.coloured,
      interrupt: () => session.interrupt.now(),
      explain: explainAtPrompt,
    });
    onUncaught(async (thrown) => say(`${await explainAtPrompt(thrown)}\n`));
    await Promise.race([terminal.closed, session.stop.happened]);
    terminal.close();
    session.interrupt.now();
    return session.stop.status ?? Number(process.exitCode ?? 0);
  } finally {
    await session.close();
  }
}

function banner(contexts: readonly NamedContext[]): string {
  const list = contexts.map(({ target, name }) => (target === name ? name : `${name} = ${target}`));
  const named = list.length === 0 ? "" : ` ${list.join(", ")};`;
  const rule = list.length === 0 ? "" : "the first call on a connection decides its language\n";
  return `econtext ${version}:${named} ctrl-D leaves, .help says more\n${rule}`;
}

async function readyOrSaid(
  contexts: readonly NamedContext[],
  say: (lines: string) => void,
): Promise<void> {
  await Promise.all(
    contexts.map(({ context }) =>
      context.ready().catch(async (error) => say(`${await explainAtPrompt(error)}\n`)),
    ),
  );
}

/** @returns the exit status */
export async function runSource(plan: SourcePlan): Promise<number> {
  const started = performance.now();
  const session = new Session(plan, (deadline) => leftOf(deadline, started));
  const { stop } = session;
  const log = (lines: string): void => void stderr.write(lines).catch(() => {});
  const idle = new Promise<never>((_, reject) => {
    process.once("beforeExit", () => reject(new Error("waits for what never comes")));
  });
  const broken = uncaught();
  const evaluate = async (): Promise<undefined> => {
    const { evaluator, contexts } = await session.open(
      log,
      process.stdin.isTTY === true,
      () => true,
      plan.source === undefined ? "[stdin]" : "[eval]",
    );
    for (const { target, name } of contexts) {
      if (target !== name) log(`econtext repl: ${name} is ${target}\n`);
    }
    const source = plan.source ?? (await Bun.stdin.text());
    const result = await evaluator.evaluate(source);
    const value = await result?.value;
    if (!plan.isPrinted || result === undefined || value === undefined) return;
    await stdout.write(displayAny(value, plan.flags["json"] === true, stdout.isTerminal));
  };
  try {
    await Promise.race([evaluate(), idle, broken, stop.happened]);
    return stop.status ?? Number(process.exitCode ?? 0);
  } catch (error) {
    if (stop.status !== undefined) return stop.status;
    if (isBrokenPipe(error)) return BROKEN_PIPE;
    log(session.lending.erased());
    tellEnd(await explain(error), readLogFormat("repl", plan.flags));
    return statusOf(reasonOf(error));
  } finally {
    await session.close();
  }
}

async function explain(thrown: unknown): Promise<string> {
  if (process.env["ECONTEXT_DEBUG"]) return describe(reasonOf(thrown));
  if (thrown instanceof InputError) return neutralise(`SyntaxError: ${thrown.message}`);
  return uncaughtText(thrown);
}

/** A frame in what was typed at the prompt: it is still to be seen there. */
const TYPED = /\n *at [^\n]*\brepl:\d+:\d+:\d+\)?$/gm;

async function explainAtPrompt(thrown: unknown): Promise<string> {
  return (await explain(thrown)).replace(TYPED, "");
}
