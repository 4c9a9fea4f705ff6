/** `econtext down`: ends what `econtext up` keeps. */
import { makeCommand } from "../command-definition.ts";
import type { Host } from "../host.ts";
import type { CommandLine, Definitions } from "../parse-line.ts";

const args: Definitions = {
  "target...": { type: "positional", description: "as at econtext up; default: all" },
};

export const command = makeCommand({
  name: "down",
  description: "Close connections that econtext up keeps",
  usage: ["[TARGET...]"],
  examples: ["econtext down", "econtext down web1"],
  args,
  exitStatus: "0; 1 a TARGET is not kept.",
  details: `Without a TARGET all are closed, and the process in the background ends. Hops
that lead nowhere else close with the target. Commands that still run there
lose their connection.`,
  run: async ({ raw }: CommandLine, host: Host) => {
    const { serve } = await import("../up/start.ts");
    return (await serve(["down", ...raw], host)) ?? (raw.length > 0 ? notKept(raw, host) : 0);
  },
});

async function notKept(targets: readonly string[], host: Host): Promise<number> {
  const { oneLine } = await import("../../index.ts");
  await host.stderr.write(`econtext down: not kept: ${targets.map(oneLine).join(" ")}\n`);
  return 1;
}
