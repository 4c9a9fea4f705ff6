/** What `up` does in the process that keeps connections. */
import { neutralise, oneLine } from "../../index.ts";
import { type PathOptions, parsePath } from "../../tree/target-path.ts";
import type { Keeper } from "../../up/keeper.ts";
import type { Opening } from "../../up/kept-context.ts";
import { readLine } from "../command-definition.ts";
import { command as upCommand } from "../commands/up.ts";
import { readConfiguration } from "../configuration.ts";
import type { Host } from "../host.ts";
import { Stop } from "../interruption.ts";
import { readConnect, readDuration, readLogLevel } from "../option-values.ts";
import { openPrompter } from "../passwords.ts";
import { statusOf, Usage } from "../report-error.ts";
import { readTargets } from "../targets.ts";
import { Failures } from "../ui/failures.ts";
import { openLog } from "./open-log.ts";

/** How long the process lives, as the commands have said that have run `up`. */
export interface Life {
  /** The process that it ends with. */
  readonly parent: number | undefined;
  /** The parent of this command. */
  readonly caller: number;
  /** @param ms without a command until it ends */
  setIdle(ms: number): void;
}

/** @returns its exit status */
export async function up(
  words: readonly string[],
  host: Host,
  keeper: Keeper,
  life: Life,
): Promise<number> {
  const { flags, before, after = [] } = readLine(upCommand.plan, words);
  await live(flags, host, life);
  const { names: targets } = await readTargets("up", [...before, ...after], flags, host);
  const configuration = readConfiguration(host);
  const prompter = await openPrompter("up", flags, host, configuration);
  const { schemes, targets: settings } = configuration;
  const failures = new Failures(host, targets, "text");
  const stop = new Stop(host);
  const logLevel = readLogLevel("up", flags);
  const log = openLog(flags, host);
  const own = { schemes, targets: settings };
  const options = readConnect("up", flags);
  for (const target of targets) checkWay(target, { ...own, ssh: options.ssh });
  // Later, no person is there to be asked, but a command may print the password.
  const later = { ...host, person: null };
  const opening: Opening = {
    options,
    settings: { ...own, prompter, signal: stop.signal, logLevel, onLog: log.show },
    again: async () => ({
      ...own,
      prompter: await openPrompter("up", { ...flags, "ask-pass": false }, later, configuration),
    }),
  };
  const failed: string[] = [];
  const open = async (target: string): Promise<number> => {
    try {
      const { kind, version, pid } = await keeper.open(target, opening);
      await host.stdout.write(neutralise(`${target}: ${kind} ${version}, pid ${pid}\n`));
      return 0;
    } catch (error) {
      if (stop.signal.aborted) return 0;
      failed.push(target);
      await failures.tell(target, error);
      return statusOf(error);
    }
  };
  const all = Promise.all(targets.map(open));
  const statuses = await Promise.race([all, stop.happened]);
  // Passwords are not needed any more.
  prompter.stop();
  await all;
  log.end();
  await prompter.close();
  stop.dispose();
  if (stop.status === undefined && failed.length > 0 && targets.length > 1) {
    failures.say(
      "",
      `${failed.length} of ${targets.length} failed: ${failed.map(oneLine).join(" ")}`,
    );
  }
  return stop.status ?? Math.max(...(statuses ?? [0]));
}

type LineFlags = ReturnType<typeof readLine>["flags"];

/** Takes a new time, and tells where the process lives otherwise than this `up` asks. */
async function live(flags: LineFlags, host: Host, life: Life): Promise<void> {
  const idle = readDuration("up", "--idle", flags["idle"]);
  if (idle !== undefined) life.setIdle(idle);
  const note = noteOf(flags["with-parent"] === true, life);
  if (note !== undefined) await host.stderr.write(`econtext up: ${note}\n`);
}

/** @returns what to tell of a process that another `up` has started */
function noteOf(isWithParent: boolean, { parent, caller }: Life): string | undefined {
  if (parent === caller) return undefined;
  if (isWithParent) {
    return "the process in the background was there before: it does not end with this parent";
  }
  if (parent === undefined) return undefined;
  return `the process in the background ends with process ${parent} (econtext up --with-parent)`;
}

/** @throws {Usage} each command would have to begin where its own process is */
function checkWay(target: string, options: PathOptions): void {
  const [first] = parsePath(target, options);
  if (first === undefined || first.transport.isClient) return;
  const why = `${first.transport.label} has the folder and the environment of each command`;
  throw new Usage("up", `${oneLine(target)} cannot be kept: ${why}; hosts and containers can`);
}
