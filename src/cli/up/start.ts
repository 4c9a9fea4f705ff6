/** How `up`, `down` and `ps` reach the process that keeps connections, and how it is started. */
import { existsSync } from "node:fs";
import { startOf } from "../../io/process-stat.ts";
import { lookAt } from "../../io/quick-calls.ts";
import { OTHER_VERSION } from "../../up/greeting.ts";
import { makeFolder } from "../../up/make-folder.ts";
import { distrust, findSocket, folderOf, socketIn } from "../../up/place.ts";
import { NO_CONNECTION } from "../exit-statuses.ts";
import type { Host } from "../host.ts";
import { serveCommand } from "./client.ts";
import { removeSocket } from "./dead-socket.ts";
import type { Served } from "./listener.ts";

/** Milliseconds that the process has to listen. */
const START_MS = 15_000;
const POLL_MS = 5;

/** What the process is told at its start. */
export interface Orders {
  /** Milliseconds without a command until it ends. */
  readonly idle: number;
  /** It ends with this process. */
  readonly parent: number | undefined;
}

/** @returns the exit status; undefined: no process keeps anything */
export async function serve(args: readonly string[], host: Host): Promise<number | undefined> {
  const folder = findSocket({ ...host.env, ECONTEXT_UP: undefined });
  if (folder === undefined) return undefined;
  checkPlace(folder);
  const served = await serveCommand(args, async () => host, socketIn(folder));
  return served && conclude(args, served, host);
}

/** As `serve`, after a process was started if there is none. */
export async function startAndServe(
  args: readonly string[],
  host: Host,
  orders: Orders,
): Promise<number> {
  const folder = folderOf(host.env);
  checkPlace(folder);
  const path = socketIn(folder);
  const changed = lookAt(path)?.changed;
  let served = await serveCommand(args, async () => host, path);
  if (served !== undefined && "refused" in served && served.refused.includes(OTHER_VERSION)) {
    await host.stderr.write(`econtext up: ${served.refused}: it is replaced\n`);
    await serveCommand(["down"], async () => host, path);
    served = undefined;
  }
  if (served !== undefined) return conclude(args, served, host);
  removeSocket(path, changed);
  const child = spawn(orders);
  const failed = child.exited.then(async () => new Error((await child.stderr.text()).trim()));
  const started = performance.now();
  for (;;) {
    served = await serveCommand(args, async () => host, path);
    if (served !== undefined) break;
    const problem = await Promise.race([failed, Bun.sleep(POLL_MS)]);
    if (problem !== undefined) throw problem;
    if (performance.now() - started > START_MS)
      throw new Error(`${path}: no process listens there`);
  }
  child.unref();
  return conclude(args, served, host);
}

/** @throws why the folder, or a socket in it, cannot be trusted */
function checkPlace(folder: string): void {
  makeFolder(folder);
  const problem = existsSync(socketIn(folder)) ? distrust(folder) : undefined;
  if (problem !== undefined) throw new Error(problem);
}

async function conclude(args: readonly string[], served: Served, host: Host): Promise<number> {
  if ("status" in served) return served.status;
  const why =
    served.refused === "" ? "the process that keeps connections has ended" : served.refused;
  const next = why.includes(OTHER_VERSION) ? "; econtext down, without a TARGET, ends it" : "";
  await host.stderr.write(`econtext ${args[0]}: ${why}${next}\n`);
  return NO_CONNECTION;
}

/** The process is of a session of its own: no terminal, and no signal of one. */
function spawn({ idle, parent }: Orders): Bun.Subprocess<"ignore", "ignore", "pipe"> {
  const isCompiled = Bun.main.startsWith("/$bunfs/");
  const program = isCompiled ? [process.execPath] : [process.execPath, Bun.main];
  const since = parent === undefined ? "" : startOf(parent);
  const orders = JSON.stringify({ idle, parent: parent === undefined ? null : [parent, since] });
  return Bun.spawn([...program, "up", `--daemon=${orders}`], {
    stdio: ["ignore", "ignore", "pipe"],
    cwd: "/",
    env: process.env,
    detached: true,
  });
}
