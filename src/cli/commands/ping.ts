/** `econtext ping`: whether a target answers, with which interpreter, and how fast. */
import type { Context } from "../../index.ts";
import { makeCommand } from "../command-definition.ts";
import { factsOf } from "../error-facts.ts";
import type { Host } from "../host.ts";
import { COMMON, JSON_OPTION, TARGETS } from "../options.ts";
import type { CommandLine, Definitions } from "../parse-line.ts";
import { statusOf } from "../report-error.ts";
import type { Plan } from "../run-targets.ts";
import { readTargets } from "../targets.ts";
import { jsonText } from "../ui/json.ts";

const args: Definitions = {
  "target...": {
    type: "positional",
    description: "local, a host as for ssh, a path, or a set: web[01-20],@db",
  },
  json: { ...JSON_OPTION, description: "Print one JSON object for each target, one a line" },
  ...TARGETS,
  ...COMMON,
};

export const command = makeCommand({
  name: "ping",
  description: "Show whether targets answer, with which interpreter and how fast",
  usage: ["[OPTIONS] TARGET..."],
  examples: ["econtext ping web1 web2", "econtext ping web1 --kind node"],
  args,
  exitStatus: "0; 124 the deadline passed; 255 no connection. With several targets, the highest.",
  details: `Connects, then measures one round trip. Prints one line for each target, and for
each hop on the way to it, such as
web1: python 3.11.2, pid 4711, /usr/bin/python3, connected in 212 ms, round trip
0.4 ms`,
  run,
});

async function run({ flags, before, after }: CommandLine, host: Host): Promise<number> {
  const { stdout } = host;
  const words = [...before, ...(after ?? [])];
  const { names: targets } = await readTargets("ping", words, flags, host);
  const { neutralise } = await import("../../index.ts");
  const { runSession } = await import("../run-targets.ts");
  const asJson = flags["json"] === true;
  /** Hops that several targets share have one line. */
  const shown = new Set<Context>();
  const plan: Plan = {
    command: "ping",
    flags,
    targets,
    roots: [],
    each: async ({ target, context, limits }) => {
      const started = performance.now();
      // One line for each hop, as soon as it answers.
      for (const hop of wayTo(context)) {
        const isShown = shown.has(hop);
        shown.add(hop);
        const { kind, version, pid, executable } = await hop.ready();
        if (isShown) continue;
        const connectMs = round(performance.now() - started);
        const { deadline } = limits();
        const pingMs = round(await hop.ping(deadline === undefined ? {} : { deadline }));
        const name = hop === context ? target : hop.name;
        const about = { target: name, kind, version, pid, executable, connectMs, pingMs };
        const times = `connected in ${connectMs} ms, round trip ${pingMs} ms`;
        const text = `${name}: ${kind} ${version}, pid ${pid}, ${executable}, ${times}`;
        await stdout.write(`${asJson ? jsonText(about) : neutralise(text)}\n`);
      }
      return 0;
    },
    failed: (target, error) => {
      if (!asJson) return false;
      const { message } = error as { readonly message?: unknown };
      const said = { ...factsOf(error), message, exitStatus: statusOf(error) };
      stdout.write(`${jsonText({ target, error: said })}\n`).catch(() => {});
      return true;
    },
  };
  return runSession(plan, host);
}

/** @returns the hops on the way to a context, the first one first, and the context itself */
function wayTo(context: Context): Context[] {
  return [...(context.via === undefined ? [] : wayTo(context.via)), context];
}

function round(ms: number): number {
  return Number(ms.toPrecision(3));
}
