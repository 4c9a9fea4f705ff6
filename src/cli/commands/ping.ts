/** `econtext ping`: whether a target answers, with which interpreter, and how fast. */
import type { Context } from "../../index.ts";
import { makeCommand } from "../command-definition.ts";
import type { Host } from "../host.ts";
import { COMMON, FLEET, JSON_OPTION, TARGETS } from "../options.ts";
import type { CommandLine, Definitions } from "../parse-line.ts";
import type { Plan } from "../run-targets.ts";
import { readTargets } from "../targets.ts";

const args: Definitions = {
  "target...": {
    type: "positional",
    description: "local, a host as for ssh, a path, or a set: web[01-20],@db",
  },
  json: { ...JSON_OPTION, description: "Print one JSON object for each target, one a line" },
  ...TARGETS,
  ...FLEET,
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
  needs: async ({ before, after = [], flags }, host) => ({
    targets: (await readTargets("ping", [...before, ...after], flags, host)).names,
    reuses: true,
  }),
  run,
});

async function run({ flags, before, after }: CommandLine, host: Host): Promise<number> {
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
    yields: () => "value",
    each: async ({ target, context, limits, output, print }) => {
      const started = performance.now();
      const hops: Record<string, unknown>[] = [];
      // One line for each hop, as soon as it answers.
      for (const hop of wayTo(context)) {
        const isShown = shown.has(hop) && !asJson;
        shown.add(hop);
        const { kind, version, pid, executable } = await hop.ready();
        if (isShown) continue;
        const connectMs = round(performance.now() - started);
        const { deadline } = limits();
        const pingMs = round(await hop.ping(deadline === undefined ? {} : { deadline }));
        const name = hop === context ? target : hop.name;
        hops.push({ name, kind, version, pid, executable, connectMs, pingMs });
        const times = `connected in ${connectMs} ms, round trip ${pingMs} ms`;
        const text = `${name}: ${kind} ${version}, pid ${pid}, ${executable}, ${times}`;
        if (!asJson) await print(`${neutralise(text)}\n`);
      }
      const { name: _, ...about } = hops.pop() ?? {};
      if (asJson) await output.value({ ...about, hops });
      return { status: 0 };
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
