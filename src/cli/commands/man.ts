/** `econtext man`: the text of `--help` as a manual page. */
import { version } from "../../../package.json";
import { type Catalogue, makeCommand } from "../command-definition.ts";
import type { Host } from "../host.ts";
import { manPage } from "../man-page.ts";
import type { CommandLine, Definitions } from "../parse-line.ts";
import { Usage } from "../report-error.ts";

const args: Definitions = {
  command: { type: "positional", description: "The command; default: econtext itself" },
};

export const command = makeCommand({
  name: "man",
  description: "Print a manual page, for man",
  usage: ["[COMMAND]"],
  examples: [
    "econtext man exec | man -l -",
    "econtext man cp > ~/.local/share/man/man1/econtext-cp.1",
  ],
  args,
  details: "The page is made from the same text as --help.",
  run,
});

async function run(
  { before, after }: CommandLine,
  host: Host,
  catalogue: Catalogue,
): Promise<number> {
  const [name = "econtext", ...more] = [...before, ...(after ?? [])];
  const plans = await catalogue.plans();
  const isRoot = name === "econtext";
  const help = isRoot ? catalogue.root : plans.find((plan) => plan.name === name);
  if (help === undefined || more.length > 0) {
    const known = plans.map((plan) => plan.name).join(", ");
    const problem = more.length > 0 ? "one COMMAND:" : `no such COMMAND: ${name}; one of`;
    throw new Usage("man", `${problem} ${known}`);
  }
  const commands = plans.map((plan) => [plan.name, plan.description] as const);
  await host.stdout.write(manPage(help, version, isRoot ? commands : []));
  return 0;
}
