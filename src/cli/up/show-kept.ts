/** `econtext ps`: what the process that keeps connections tells of them. */
import { neutralise, oneLine } from "../../index.ts";
import { amount } from "../../units/amount.ts";
import type { Keeper } from "../../up/keeper.ts";
import type { KeptContext } from "../../up/kept-context.ts";
import type { Host } from "../host.ts";
import { jsonText } from "../ui/json.ts";

/** A connection that does not answer must not keep `ps` waiting. */
const PING_MS = 3_000;

export async function ps(words: readonly string[], host: Host, keeper: Keeper): Promise<number> {
  const contexts = await Promise.all(keeper.list().map(describe));
  if (words.includes("--json")) {
    for (const about of contexts) await host.stdout.write(`${jsonText(about)}\n`);
    return 0;
  }
  const rows = contexts.map((about) => [
    `${"  ".repeat(about.depth)}${neutralise(about.target)}`,
    clientOf(about),
    `${about.kind} ${neutralise(about.version)}`,
    String(about.pid),
    spanOf(about.ageMs),
    ...(about.lost === null
      ? [about.pingMs === null ? "silent" : `${about.pingMs} ms`, bytesOf(about), useOf(about)]
      : ["lost", bytesOf(about), useOf(about)]),
  ]);
  const table = [
    ["TARGET", "SSH", "KIND", "PID", "AGE", "ROUND TRIP", "SENT/RECEIVED", "LAST USED"],
    ...rows,
  ];
  const widths = table[0]?.map((_, at) => Math.max(...table.map((row) => row[at]?.length ?? 0)));
  const lines = table.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths?.[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  lines.push(...contexts.flatMap(lossOf));
  await host.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}

type About = Awaited<ReturnType<typeof describe>>;

async function describe(kept: KeptContext) {
  const { target, context, slave, openedAt, traffic, lost, via, depth } = kept;
  const { commands, served, idleMs, retryMs, retryError } = kept;
  const ping = context.ping({ deadline: PING_MS }).catch(() => undefined);
  const pingMs = lost === undefined ? await ping : undefined;
  return {
    target,
    via: via ?? null,
    depth,
    ssh: kept.ssh ?? null,
    sshRefusal: kept.sshRefusal ?? null,
    kind: slave.kind,
    version: slave.version,
    pid: slave.pid,
    executable: slave.executable,
    ageMs: Date.now() - openedAt,
    pingMs: pingMs === undefined ? null : Number(pingMs.toPrecision(3)),
    sentBytes: traffic?.sent ?? null,
    receivedBytes: traffic?.received ?? null,
    commands,
    served,
    idleMs: idleMs ?? null,
    lost: lost ?? null,
    retryMs: retryMs ?? null,
    retryError: retryError ?? null,
  };
}

/** @returns by which ssh it is connected; with `auto`, also which client that has chosen */
function clientOf({ ssh, sshRefusal }: About): string {
  if (ssh === null) return "-";
  if (ssh !== "auto") return oneLine(neutralise(ssh));
  return sshRefusal === null ? "auto: embedded" : "auto: ssh";
}

/** @returns a line that says why a context is lost, and what becomes of it */
function lossOf(about: About): string[] {
  if (about.lost === null) return [];
  // What a person could try, the process does.
  const [why = ""] = about.lost.split("\n  try: ");
  return [`lost: ${oneLine(why)}; ${prospectOf(about)}`];
}

/** @returns what becomes of a lost context */
function prospectOf({ retryMs, retryError }: About): string {
  if (retryMs === 0) return "connecting";
  const why = retryError === null ? "" : ` (${oneLine(retryError)})`;
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
