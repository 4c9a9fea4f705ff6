/** `econtext ping`: does it answer, with what, and how fast. */
import type { ArgsDef } from "citty";
import { type Door, makeDoor } from "../command-definition.ts";
import type { Host } from "../host.ts";
import { COMMON, type CommandLine, JSON_OPTION, readTargets } from "../options.ts";
import { statusOf } from "../report-error.ts";
import type { Plan } from "../run-targets.ts";
import { jsonText } from "../ui/json.ts";

const args: ArgsDef = {
  "target...": { type: "positional", description: "local, or a destination of ssh" },
  json: { ...JSON_OPTION, description: "A line of JSON for each target" },
  ...COMMON,
};

export const door: Door = makeDoor({
  name: "ping",
  description: "Show whether targets answer, with which interpreter and how fast",
  usage: ["[OPTIONS] TARGET..."],
  examples: ["econtext ping web1 web2", "econtext ping web1 --kind node"],
  args,
  exitStatus: "0; 255 no connection. With several targets, the highest.",
  details: `Connects, then measures one round trip. A line for each target:

  web1: python 3.11.2, pid 4711, /usr/bin/python3, connected in 212 ms, round trip 0.4 ms`,
  run,
});

async function run({ flags, before, after }: CommandLine, host: Host): Promise<number> {
  const { stdout } = host;
  const targets = readTargets("ping", [...before, ...(after ?? [])]);
  const { neutralise } = await import("../../index.ts");
  const { runSession } = await import("../run-targets.ts");
  const asJson = flags["json"] === true;
  const plan: Plan = {
    command: "ping",
    flags,
    targets,
    roots: [],
    each: async ({ target, context, limits }) => {
      const started = performance.now();
      const { kind, version, pid, executable } = await context.ready();
      const connectMs = round(performance.now() - started);
      const { deadline } = limits();
      const pingMs = round(await context.ping(deadline === undefined ? {} : { deadline }));
      const about = { target, kind, version, pid, executable, connectMs, pingMs };
      const times = `connected in ${connectMs} ms, round trip ${pingMs} ms`;
      const text = `${target}: ${kind} ${version}, pid ${pid}, ${executable}, ${times}`;
      await stdout.write(`${asJson ? jsonText(about) : neutralise(text)}\n`);
      return 0;
    },
    failed: (target, error) => {
      if (!asJson) return false;
      const { message, code } = error as { readonly message?: unknown; readonly code?: unknown };
      const said = { code, message, exitStatus: statusOf(error) };
      stdout.write(`${jsonText({ target, error: said })}\n`).catch(() => {});
      return true;
    },
  };
  return runSession(plan, host);
}

function round(ms: number): number {
  return Number(ms.toPrecision(3));
}
