/** `econtext ping`: whether a target answers, with which interpreter, and how fast. */
import type { Context } from "../../index.ts";
import { makeCommand } from "../command-definition.ts";
import type { Host } from "../host.ts";
import { COMMON, FLEET, RESULTS, TARGETS } from "../options.ts";
import type { CommandLine, Definitions } from "../parse-line.ts";
import type { Plan } from "../run-targets.ts";
import { readTargets } from "../targets.ts";
import { wrapFor } from "../ui/wrap.ts";

const args: Definitions = {
  "target...": {
    type: "positional",
    description: "local, a host as for ssh, a path, or a set: web[01-20],@db",
  },
  ...TARGETS,
  ...FLEET,
  ...RESULTS,
  ...COMMON,
};

export const command = makeCommand({
  name: "ping",
  description: "Show whether targets answer, with which interpreter and how fast",
  usage: ["[OPTIONS] TARGET..."],
  examples: [
    "econtext ping web1 web2",
    "econtext ping web1 --kind node",
    "econtext ping --fold 'web[1-30]'",
  ],
  args,
  exitStatus: "0; 124 the deadline passed; 255 no connection. With several targets, the highest.",
  details: `Connects, then measures one round trip. Prints one line for each target, and for
each hop on the way to it, such as
web1: python 3.11.2, pid 4711, /usr/bin/python3, connected in 212 ms, round trip
0.4 ms

With --fold, targets that answer with the same interpreter are one line, without
processes and times.`,
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
  const isFolded = flags["fold"] === true;
  /** Whether the output of each target is kept apart. */
  const isApart = isFolded || flags["group"] === true || flags["outdir"] !== undefined;
  /** Elsewhere, hops that several targets share have one line. */
  const shown = new Set<Context>();
  const plan: Plan = {
    command: "ping",
    flags,
    targets,
    roots: [],
    yields: () => "value",
    each: async ({ target, context, limits, output, print }) => {
      const show = async (text: string): Promise<void> => {
        const line = `${neutralise(text)}\n`;
        if (isApart) await output.write("stdout", new TextEncoder().encode(line));
        else await print(wrapFor(host.stdout, line));
      };
      const started = performance.now();
      const hops: Answer[] = [];
      // One line for each hop, as soon as it answers.
      for (const hop of wayTo(context)) {
        const isShown = shown.has(hop) && !asJson && !isApart;
        shown.add(hop);
        const { kind, version, pid, executable } = await hop.ready();
        if (isShown) continue;
        const connectMs = round(performance.now() - started);
        const { deadline } = limits();
        const pingMs = round(await hop.ping(deadline === undefined ? {} : { deadline }));
        const name = hop === context ? target : hop.name;
        const answer = { name, kind, version, pid, executable, connectMs, pingMs };
        hops.push(answer);
        if (!asJson) await show(isFolded ? sameText(answer, hop === context) : wholeText(answer));
      }
      const { name: _, ...about } = hops.pop() ?? {};
      if (asJson) await output.value({ ...about, hops });
      return { status: 0 };
    },
  };
  return runSession(plan, host);
}

/** What a hop answered, and how fast. */
interface Answer {
  readonly name: string;
  readonly kind: string;
  readonly version: string;
  readonly pid: number;
  readonly executable: string;
  readonly connectMs: number;
  readonly pingMs: number;
}

function wholeText(answer: Answer): string {
  const { name, kind, version, pid, executable, connectMs, pingMs } = answer;
  const times = `connected in ${connectMs} ms, round trip ${pingMs} ms`;
  return `${name}: ${kind} ${version}, pid ${pid}, ${executable}, ${times}`;
}

/** @returns only what targets may have in common: no times, no process, no name of the target */
function sameText({ name, kind, version, executable }: Answer, isTarget: boolean): string {
  return `${isTarget ? "" : `${name}: `}${kind} ${version}, ${executable}`;
}

/** @returns the hops on the way to a context, the first one first, and the context itself */
function wayTo(context: Context): Context[] {
  return [...(context.via === undefined ? [] : wayTo(context.via)), context];
}

function round(ms: number): number {
  return Number(ms.toPrecision(3));
}
