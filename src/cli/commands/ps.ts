/** `econtext ps`: what `econtext up` keeps. */
import { makeCommand } from "../command-definition.ts";
import type { Host } from "../host.ts";
import type { CommandLine, Definitions } from "../parse-line.ts";

const args: Definitions = {
  json: { type: "boolean", description: "Print one JSON object for each, one a line" },
};

export const command = makeCommand({
  name: "ps",
  description: "Show the connections that econtext up keeps",
  usage: ["[--json]"],
  examples: ["econtext ps", "econtext ps --json"],
  args,
  exitStatus: "0; 1 nothing is kept.",
  details: `A line for each context: by which ssh it is connected, the interpreter there
and its pid, how long it has been open, a round trip, bytes over the connection
of this machine, and how many commands use it now. What is behind a hop is
indented. For a lost connection: why it was lost, and when it is tried again.`,
  run: async ({ raw }: CommandLine, host: Host) => {
    const { serve } = await import("../up/start.ts");
    const status = await serve(["ps", ...raw], host);
    if (status !== undefined) return status;
    await host.stderr.write("econtext ps: nothing is kept; econtext up TARGET opens it\n");
    return 1;
  },
});
