/** What `up`, `down` and `ps` do in the process that keeps connections. */
import { neutralise, oneLine } from "../../index.ts";
import { type PathOptions, parsePath } from "../../tree/target-path.ts";
import { amount } from "../../units/amount.ts";
import type { Keeper, KeptContext, Opening } from "../../up/keeper.ts";
import { readLine } from "../command-definition.ts";
import { command as upCommand } from "../commands/up.ts";
import { readConfiguration } from "../configuration.ts";
import type { Host } from "../host.ts";
import { Stop } from "../interruption.ts";
import { readConnect } from "../option-values.ts";
import { openPrompter } from "../passwords.ts";
import { statusOf, Usage } from "../report-error.ts";
import { readTargets } from "../targets.ts";
import { Failures } from "../ui/failures.ts";
import { jsonText } from "../ui/json.ts";

type Control = (words: readonly string[], host: Host, keeper: Keeper) => Promise<number>;

/** A connection that does not answer must not keep `ps` waiting. */
const PING_MS = 3_000;

export const CONTROLS: Readonly<Record<string, Control>> = { up, down, ps };

async function up(words: readonly string[], host: Host, keeper: Keeper): Promise<number> {
  const { flags, before, after = [] } = readLine(upCommand.plan, words);
  const { names: targets } = await readTargets("up", [...before, ...after], flags, host);
  const configuration = readConfiguration(host);
  const prompter = await openPrompter("up", flags, host, configuration);
  const { schemes, targets: settings } = configuration;
  const failures = new Failures(host, targets, "text");
  const stop = new Stop(host);
  const own = { schemes, targets: settings };
  const options = readConnect("up", flags);
  for (const target of targets) checkWay(target, { ...own, ssh: options.ssh });
  // Later, no person is there to be asked, but a command may print the password.
  const later = { ...host, person: null };
  const opening: Opening = {
    options,
    settings: { ...own, prompter, signal: stop.signal },
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

/** @throws {Usage} each command would have to begin where its own process is */
function checkWay(target: string, options: PathOptions): void {
  const [first] = parsePath(target, options);
  if (first === undefined || first.transport.isClient) return;
  const why = `${first.transport.label} has the folder and the environment of each command`;
  throw new Usage("up", `${oneLine(target)} cannot be kept: ${why}; hosts and containers can`);
}

async function down(targets: readonly string[], host: Host, keeper: Keeper): Promise<number> {
  if (targets.length === 0) {
    await keeper.closeAll();
    return 0;
  }
  const unknown = await keeper.close(targets);
  if (unknown.length === 0) return 0;
  const kept = new Set(keeper.list().map(({ target }) => target));
  for (const target of unknown) {
    const problem = kept.has(target)
      ? `${oneLine(target)} is a hop: it closes with the last target behind it`
      : `not kept: ${oneLine(target)}`;
    await host.stderr.write(`econtext down: ${problem}\n`);
  }
  return 1;
}

async function ps(words: readonly string[], host: Host, keeper: Keeper): Promise<number> {
  const contexts = await Promise.all(keeper.list().map(describe));
  if (words.includes("--json")) {
    for (const about of contexts) await host.stdout.write(`${jsonText(about)}\n`);
    return 0;
  }
  const rows = contexts.map((about) => [
    `${"  ".repeat(about.depth)}${neutralise(about.target)}`,
    `${about.kind} ${neutralise(about.version)}`,
    String(about.pid),
    spanOf(about.ageMs),
    ...(about.lost === null
      ? [about.pingMs === null ? "silent" : `${about.pingMs} ms`, bytesOf(about), useOf(about)]
      : [`lost: ${oneLine(neutralise(about.lost))}; ${prospectOf(about)}`, "", ""]),
  ]);
  const table = [
    ["TARGET", "KIND", "PID", "AGE", "ROUND TRIP", "SENT/RECEIVED", "LAST USED"],
    ...rows,
  ];
  const widths = table[0]?.map((_, at) => Math.max(...table.map((row) => row[at]?.length ?? 0)));
  const lines = table.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths?.[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  await host.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}

type About = Awaited<ReturnType<typeof describe>>;

async function describe(kept: KeptContext) {
  const { target, context, slave, openedAt, traffic, lost, via, depth } = kept;
  const { commands, served, idleMs } = kept;
  const { retryMs, retryError } = kept;
  const ping = context.ping({ deadline: PING_MS }).catch(() => undefined);
  const pingMs = lost === undefined ? await ping : undefined;
  return {
    ...{ target, via: via ?? null, depth, kind: slave.kind, version: slave.version },
    ...{ pid: slave.pid, executable: slave.executable, ageMs: Date.now() - openedAt },
    pingMs: pingMs === undefined ? null : Number(pingMs.toPrecision(3)),
    sentBytes: traffic?.sent ?? null,
    receivedBytes: traffic?.received ?? null,
    ...{ commands, served, idleMs: idleMs ?? null, lost: lost ?? null },
    ...{ retryMs: retryMs ?? null, retryError: retryError ?? null },
  };
}

/** @returns what becomes of a lost context */
function prospectOf({ retryMs, retryError }: About): string {
  if (retryMs === 0) return "connecting";
  const why = retryError === null ? "" : ` (${oneLine(neutralise(retryError))})`;
  if (retryMs === null) return `econtext up opens it${why}`;
  return `next attempt in ${spanOf(retryMs)}${why}`;
}

/** @returns when a command has used it */
function useOf({ idleMs }: About): string {
  if (idleMs === null) return "never";
  return idleMs === 0 ? "now" : `${spanOf(idleMs)} ago`;
}

function bytesOf({ sentBytes, receivedBytes }: About): string {
  if (sentBytes === null || receivedBytes === null) return "-";
  return `${amount(sentBytes)}/${amount(receivedBytes)}`;
}

function spanOf(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return `${Math.floor(seconds / 3600)}h${String(Math.floor(seconds / 60) % 60).padStart(2, "0")}m`;
}
