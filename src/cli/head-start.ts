/**
 * Runs a command on targets. If the target is one host, and no question can come, its ssh is
 * started first: it connects while the rest of econtext is loaded.
 */
import { TerminalSource } from "../prompts/terminal.ts";
import { dropEarly, startAhead } from "../session/head-start.ts";
import { parsePath } from "../tree/target-path.ts";
import { readConfiguration } from "./configuration.ts";
import type { Host } from "./host.ts";
import { givenPasswordOptions, readConnect } from "./option-values.ts";
import type { RemoteCommand } from "./run-command.ts";

/** @returns the exit status, as `runCommands` does */
export async function runWithHeadStart(plan: RemoteCommand, host: Host): Promise<number> {
  try {
    start(plan, host);
  } catch {
    // The run itself finds what is wrong, and says it.
  }
  try {
    const { runCommands } = await import("./run-command.ts");
    return await runCommands(plan, host);
  } finally {
    dropEarly();
  }
}

function start({ command, flags, targets }: RemoteCommand, host: Host): void {
  const [target = "", ...others] = targets;
  const configuration = readConfiguration(host);
  const isServed = host.kept !== undefined || host.person !== undefined;
  const asks =
    givenPasswordOptions(flags).length > 0 ||
    configuration.passwordCommand !== undefined ||
    TerminalSource.isThere();
  if (others.length > 0 || isServed || flags["plan"] === true || asks) return;
  const { ssh, ...options } = readConnect(command, flags);
  const steps = parsePath(target, { ...configuration, ssh: { interactive: false, ...ssh } });
  const [step] = steps;
  if (step === undefined || steps.length > 1) return;
  startAhead(step.transport, "any", options, step.interpreter);
}
