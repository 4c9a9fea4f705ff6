/**
 * The entry of the command line. It answers `--version` by itself, and passes a command on that
 * `econtext up` can serve. It loads dispatch.ts only for the rest, so that these two start nearly
 * as fast as an empty program: nothing that this file imports may import `node:fs`.
 */
import { version } from "../../package.json";
import { writeNow } from "../io/quick-calls.ts";
import { findSocket } from "../up/place.ts";
import { wasClosed } from "./closed.ts";
import type { Host } from "./host.ts";
import { tryUp } from "./up/client.ts";

const args = process.argv.slice(2);
/** The link that ssh starts when it asks something: prompts/askpass.ts. */
const isAskpass =
  process.argv0.includes("/ask-") && /\/econtext-\d+-\w{6}\/ask-\d+$/.test(process.argv0);
/** Commands that may use connections which `econtext up` keeps. */
const KEEPABLE = ["exec", "sh", "cp", "rsh", "ping", "call"];
const isVersion = args.length === 1 && (args[0] === "--version" || args[0] === "-V");
/** What `econtext up` starts itself with: src/cli/up/start.ts. */
const orders = args[0] === "up" ? /^--daemon=(.*)$/s.exec(args[1] ?? "")?.[1] : undefined;
/** Made once: each stream of this process has one reader or one writer. */
let host: Promise<Host> | undefined;

if (isAskpass) {
  void import("./askpass-program.ts")
    .then(({ runAskpass }) => runAskpass(process.argv0, args[0] ?? ""))
    .then((status) => process.exit(status));
} else if (orders !== undefined) {
  void import("./up/daemon.ts")
    .then(({ runDaemon }) => runDaemon(orders))
    .then(process.exit, (error) => {
      console.error(error instanceof Error ? error.message : error);
      process.exit(1);
    });
} else if (!(isVersion && isVersionWritten())) {
  // One look for the socket is all that a command costs which nothing is kept for.
  const folder = KEEPABLE.includes(args[0] ?? "") ? findSocket(process.env) : undefined;
  // Not awaited: while this file waits, Bun never reports that a user's program has nothing to do.
  void (folder === undefined ? run() : runKept(folder))
    // A timer or a pipe that is left does not keep the process alive.
    .then((status) => process.exit(status));
}

/** @returns false if standard output does not take it at once: dispatch.ts waits, or says why */
function isVersionWritten(): boolean {
  const line = new TextEncoder().encode(`econtext ${version}\n`);
  return !wasClosed(1) && writeNow(1, line) === line.length;
}

async function run(): Promise<number> {
  const [{ main }, host] = await Promise.all([import("./dispatch.ts"), ownHost()]);
  return main(args, host);
}

async function runKept(folder: string): Promise<number> {
  return (await tryUp(args, ownHost, folder)) ?? run();
}

function ownHost(): Promise<Host> {
  host ??= import("./process-host.ts").then(({ ProcessHost }) => new ProcessHost());
  return host;
}
