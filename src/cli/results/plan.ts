/** `--plan`: what a run would do, target by target. Nothing is started. */

import { windowLimits } from "../../fleet/window.ts";
import { describeBootstrap, describePath, neutralise } from "../../index.ts";
import type { HostConfiguration } from "../configuration.ts";
import type { Host } from "../host.ts";
import { readConnect, readFleet } from "../option-values.ts";
import { readPasswordOption } from "../passwords.ts";
import type { Plan } from "../run-targets.ts";
import { wrapFor } from "../ui/wrap.ts";
import { quoted, runTitle } from "../words.ts";

/** The column where the words of a line begin. */
const INDENT = 10;

/** @returns the exit status */
export async function showPlan(
  plan: Plan,
  { stdout }: Host,
  configuration: HostConfiguration,
): Promise<number> {
  const { command, flags, targets, sends = [] } = plan;
  const { ssh, kind, python, node, bun } = readConnect(command, flags);
  const interpreter = { kind, python, node, bun };
  const chosen = Object.fromEntries(Object.entries(interpreter).filter(([, value]) => value));
  const isGiven = readPasswordOption(command, flags) ?? configuration.passwordCommand;
  const answers = isGiven === undefined ? {} : { answers: true };
  const options = { ...configuration, ...chosen, ...answers, ssh: plan.ssh ?? ssh };
  const lines: string[] = [];
  /** What the first target gets: the others get as much, but for the length of a name. */
  let bytes: number | undefined;
  /** The same twice: the target's, as the options say, and that of each hop. */
  const [own, hop] = [describeBootstrap("local", options), describeBootstrap("local")];
  const commands = new Map([[own.command, "BOOTSTRAP"]]);
  if (!commands.has(hop.command)) commands.set(hop.command, "BOOTSTRAP1");
  /** First stages as words, as they are where no shell stands between. */
  const stages = [own.argv, hop.argv];
  for (const target of targets) {
    const { hops, command: sent, preambleBytes, ...last } = describeBootstrap(target, options);
    bytes ??= preambleBytes;
    const path = describePath(target, configuration);
    // What the shell there gets is the same for many targets, and long.
    if (!commands.has(sent)) commands.set(sent, `BOOTSTRAP${commands.size}`);
    lines.push(`target    ${target}${path === target ? "" : `, which is ${path}`}`);
    for (const hop of hops) lines.push(`hop       ${hop.path}`, runs(hop, commands, stages));
    lines.push(runs(last, commands, stages), "");
  }
  const limits = windowLimits();
  const { window = limits[0]?.targets ?? 1, serial } = readFleet(command, flags);
  const why = flags["jobs"] === undefined ? (limits[0]?.why ?? "") : "--jobs";
  const batches = serial === undefined ? "" : `, in batches of ${serial}`;
  lines.push(
    ...sends,
    `bootstrap ${bytes} bytes to each target; econtext bootstrap TARGET shows BOOTSTRAP`,
    `targets   ${targets.length}`,
    `window    ${Math.min(window, targets.length)} at the same time${batches}`,
    `          ${window} at most: ${why}`,
    "Nothing was started.",
  );
  const text = neutralise(lines.map((line) => `${line}\n`).join(""));
  await stdout.write(wrapFor(stdout, text, INDENT));
  return 0;
}

/** @param commands names for command lines that are not shown */
function runs(
  { argv, engine }: Pick<ReturnType<typeof describeBootstrap>, "argv" | "engine">,
  commands: ReadonlyMap<string, string>,
  stages: readonly (readonly string[])[],
): string {
  const stage = stages.find((words) =>
    words.every((word, at) => word === argv.at(at - words.length)),
  );
  const whole = stage === undefined ? argv : [...argv.slice(0, -stage.length), "BOOTSTRAP"];
  return `${runTitle(engine)}${whole.map((word) => quoted(shortened(word, commands))).join(" ")}`;
}

/** @returns a word for a login shell, with the name of the command line that it is or ends in */
function shortened(word: string, commands: ReadonlyMap<string, string>): string {
  const known = commands.get(word);
  if (known !== undefined) return known;
  for (const [text, name] of commands) {
    if (word.endsWith(` ${text}`)) return word.slice(0, -text.length) + name;
  }
  return word;
}
