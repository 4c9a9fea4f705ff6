/**
 * One run of `econtext repl`: broker, logs, signals, the deadline, output, and the end. The
 * evaluation is the subject of src/repl. User code runs in this process, so the host must be it.
 */
import { version } from "../../package.json";
import { neutralise } from "../index.ts";
import { InputError } from "../repl/compile-input.ts";
import { consoleAbove } from "../repl/console-above.ts";
import type { NamedContext } from "../repl/contexts.ts";
import { Terminal } from "../repl/terminal.ts";
import { factsOf } from "./error-facts.ts";
import type { Host } from "./host.ts";
import { BROKEN_PIPE, isBrokenPipe } from "./interruption.ts";
import { leftOf, readInterpreter } from "./option-values.ts";
import { type ReplPlan, ReplSession } from "./repl-session.ts";
import { describe, statusOf } from "./report-error.ts";
import { failureLines } from "./ui/failures.ts";
import { displayAny } from "./ui/result.ts";
import { onUncaught, reasonOf, tellEnd, uncaught, uncaughtText } from "./uncaught.ts";

export interface SourcePlan extends ReplPlan {
  /** Absent: stdin is the source. */
  readonly source?: string;
  readonly isPrinted: boolean;
}

/** @returns the exit status, when the user has left */
export async function runPrompt(plan: ReplPlan, host: Host): Promise<number> {
  const { stdout, stderr } = host;
  const session = new ReplSession(plan, host, (deadline) => deadline);
  let terminal: Terminal | undefined;
  let restoreConsole = (): void => {};
  const say = (lines: string): void => {
    if (terminal === undefined) process.stdout.write(lines);
    else terminal.above(lines);
  };
  try {
    const isKnown = Object.keys(readInterpreter("repl", plan.flags)).length > 0;
    const prompt = await session.open({
      log: (lines) => (stderr.isTerminal ? say(lines) : void stderr.write(lines).catch(() => {})),
      isShown: () => terminal === undefined || terminal.isBusy,
      isTyped: ({ context, logger }) =>
        /^std(?:out|err)$/.test(logger) && context === terminal?.pythonOf,
    });
    process.stdout.write(banner(prompt.targets));
    const explained = (thrown: unknown) => explain(thrown, host);
    const tell = async (thrown: unknown): Promise<void> => {
      const facts = factsOf(reasonOf(thrown));
      say(failureLines(await explained(thrown), session.format, "error", "", facts));
    };
    if (isKnown) await Promise.race([readyOrTold(prompt.targets, tell), session.stop.happened]);
    if (session.stop.status !== undefined) return session.stop.status;
    terminal = new Terminal(prompt, {
      isColoured: stdout.coloured,
      interrupt: () => session.interrupt.now(),
      explain: explained,
      setLogLevel: (level) => session.setLogLevel(level),
      targets: (begin) => session.targets(begin),
      files: (begin) => session.files(begin),
    });
    restoreConsole = consoleAbove(terminal, stdout.coloured);
    onUncaught(tell);
    await Promise.race([terminal.closed, session.stop.happened]);
    terminal.close();
    session.interrupt.now();
    return session.stop.status ?? Number(process.exitCode ?? 0);
  } finally {
    restoreConsole();
    await session.close();
  }
}

function banner(contexts: readonly NamedContext[]): string {
  const list = contexts.map(({ target, name }) => (target === name ? name : `${name} = ${target}`));
  const named = list.length === 0 ? "" : ` ${list.join(", ")};`;
  return `econtext ${version}:${named} ctrl-D leaves, .help says more\n`;
}

/** Waits until each context is there, or its failure was told. */
async function readyOrTold(
  contexts: readonly NamedContext[],
  tell: (error: unknown) => Promise<void>,
): Promise<void> {
  await Promise.all(contexts.map(({ context }) => context.ready().catch(tell)));
}

/**
 * Connects to the targets that no code has used, so that a wrong name does not pass for success. A
 * failure that code has met is that code's business.
 *
 * @throws why one of them cannot be reached
 */
async function reached(targets: readonly NamedContext[]): Promise<void> {
  const isUnused = ({ context }: NamedContext) => !context.connected && context.ended === undefined;
  await Promise.all(targets.filter(isUnused).map(({ context }) => context.ready()));
}

/** @returns the exit status */
export async function runSource(plan: SourcePlan, host: Host): Promise<number> {
  const { stdout, stderr } = host;
  const started = performance.now();
  const session = new ReplSession(plan, host, (deadline) => leftOf(deadline, started));
  const { stop } = session;
  const log = (lines: string): void => void stderr.write(lines).catch(() => {});
  const idle = new Promise<never>((_, reject) => {
    process.once("beforeExit", () =>
      reject(new Error("awaits a promise that nothing can settle any more")),
    );
  });
  const broken = uncaught();
  const evaluate = async (): Promise<undefined> => {
    const inputName = plan.source === undefined ? "[stdin]" : "[eval]";
    const { evaluator, targets } = await session.open({ log, inputName });
    for (const { target, name } of targets) {
      if (target !== name) {
        log(failureLines(`econtext repl: ${name} is ${target}`, session.format, "info"));
      }
    }
    const source = plan.source ?? new TextDecoder().decode(await host.stdin.bytes());
    const result = await evaluator.evaluate(source);
    const value = await result?.value;
    if (plan.isPrinted && result !== undefined && value !== undefined) {
      await stdout.write(displayAny(value, plan.flags["json"] === true, stdout.isTerminal));
    }
    await reached(targets);
  };
  try {
    await Promise.race([evaluate(), idle, broken, stop.happened]);
    return stop.status ?? Number(process.exitCode ?? 0);
  } catch (error) {
    if (stop.status !== undefined) return stop.status;
    if (isBrokenPipe(error)) return BROKEN_PIPE;
    log(session.lending.erased());
    tellEnd(await explain(error, host), session.format, host);
    return statusOf(reasonOf(error));
  } finally {
    await session.close();
  }
}

async function explain(thrown: unknown, { env }: Host): Promise<string> {
  if (env["ECONTEXT_DEBUG"]) return describe(reasonOf(thrown), env);
  if (thrown instanceof InputError) return neutralise(`SyntaxError: ${thrown.message}`);
  return uncaughtText(thrown);
}
