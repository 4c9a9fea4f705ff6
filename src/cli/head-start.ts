/**
 * Work on targets. If the target is one host, and no question can come, its ssh is started first:
 * it connects while the rest of econtext is loaded.
 */
import { ENDING } from "../io/ending-signals.ts";
import { TerminalSource } from "../prompts/terminal.ts";
import { dropEarly, startAhead } from "../session/head-start.ts";
import { parsePath } from "../tree/target-path.ts";
import { readConfiguration } from "./configuration.ts";
import type { Host } from "./host.ts";
import { givenPasswordOptions, readConnect } from "./option-values.ts";
import type { Flags } from "./parse-line.ts";
import type { RemoteCommand } from "./run-command.ts";

/** What the head start has to know of the work. */
interface Work {
  readonly command: string;
  readonly flags: Flags;
  readonly targets: readonly string[];
}

/** @returns the exit status, as `runCommands` does */
export function runWithHeadStart(plan: RemoteCommand, host: Host): Promise<number> {
  return withHeadStart(plan, host, async () => {
    const { runCommands } = await import("./run-command.ts");
    return () => runCommands(plan, host);
  });
}

/**
 * @param load loads what does the work, and gives it
 * @returns the exit status
 */
export async function withHeadStart(
  work: Work,
  host: Host,
  load: () => Promise<() => Promise<number>>,
): Promise<number> {
  if (isServed(host)) return (await load())();
  const stopListening = endWithSignals();
  try {
    start(work, host);
  } catch {
    // The run itself finds what is wrong, and says it.
  }
  try {
    const run = await load();
    // The run has its own listeners before the next signal is heard.
    stopListening();
    return await run();
  } finally {
    dropEarly();
  }
}

/** Whether this process runs the command for another one. All that it runs is loaded. */
function isServed({ kept, person }: Host): boolean {
  return kept !== undefined || person !== undefined;
}

/** A signal that ends this process while it is loaded must not leave the program behind. */
function endWithSignals(): () => void {
  const end = (signal: NodeJS.Signals): void => {
    dropEarly();
    stop();
    process.kill(process.pid, signal);
  };
  const stop = (): void => {
    for (const signal of ENDING) process.off(signal, end);
  };
  for (const signal of ENDING) process.on(signal, end);
  return stop;
}

function start({ command, flags, targets }: Work, host: Host): void {
  const [target = "", ...others] = targets;
  const configuration = readConfiguration(host);
  const asks =
    givenPasswordOptions(flags).length > 0 ||
    configuration.passwordCommand !== undefined ||
    TerminalSource.isThere();
  if (others.length > 0 || flags["plan"] === true || asks) return;
  const { ssh, ...options } = readConnect(command, flags);
  const steps = parsePath(target, { ...configuration, ssh: { interactive: false, ...ssh } });
  const [step] = steps;
  if (step === undefined || steps.length > 1) return;
  startAhead(step.transport, "any", options, step.interpreter);
}
