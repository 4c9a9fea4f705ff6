/** `econtext completion`: prints the script that completes command lines in a shell. */
import { type Catalogue, type CommandPlan, makeCommand } from "../command-definition.ts";
import { type Candidate, candidates } from "../completion/candidates.ts";
import {
  filesBeginning,
  namesOfTargets,
  remoteFilesBeginning,
  targetsBeginning,
} from "../completion/places.ts";
import { SCRIPTS, SETUP, type ShellName } from "../completion/scripts.ts";
import { readConfiguration } from "../configuration.ts";
import type { Host } from "../host.ts";
import type { CommandLine, Definitions } from "../parse-line.ts";
import { PROGRAM_OPTIONS } from "../program-options.ts";
import { Usage } from "../report-error.ts";

const args: Definitions = {
  shell: { type: "positional", description: "bash, zsh or fish" },
  // For the scripts: the words up to the cursor follow.
  for: { type: "string", valueHint: "SHELL", description: "" },
};

export const command = makeCommand({
  name: "completion",
  description: "Print a script that completes commands, options, targets and files",
  usage: ["SHELL"],
  examples: ["source <(econtext completion bash)", "econtext completion fish | source"],
  args,
  details: `The script asks this program with each press of the tab key. It completes
commands, options and their values; targets and groups from econtext.toml, and
hosts of ~/.ssh/config; paths, word by word; files here, and with cp those of a
target, if it answers within four seconds and asks for nothing.

To switch it on for good:
${Object.values(SETUP)
  .map((line) => `  ${line}`)
  .join("\n")}`,
  run,
});

async function run(
  { flags, before, after }: CommandLine,
  host: Host,
  catalogue: Catalogue,
): Promise<number> {
  const { stdout } = host;
  if (typeof flags["for"] === "string") {
    const found = await candidatesFor(after ?? [], host, await catalogue.plans());
    const lines = found.map(({ text, meaning = "" }) =>
      meaning === "" ? text : `${text}\t${meaning}`,
    );
    await stdout.write(lines.map((line) => `${line}\n`).join(""));
    return 0;
  }
  const [shell = "", ...more] = before;
  if (!Object.hasOwn(SCRIPTS, shell) || more.length > 0) {
    const known = Object.keys(SCRIPTS).join(", ");
    const problem = shell === "" ? "a SHELL is missing" : `no such SHELL: ${before.join(" ")}`;
    throw new Usage("completion", `${problem}: one of ${known}`);
  }
  await stdout.write(SCRIPTS[shell as ShellName]);
  return 0;
}

async function candidatesFor(
  words: readonly string[],
  host: Host,
  plans: readonly CommandPlan[],
): Promise<readonly Candidate[]> {
  const configuration = readConfiguration(host);
  const names = namesOfTargets(configuration, host);
  return candidates(words, {
    commands: plans.map((plan) => ({ text: plan.name, meaning: plan.description })),
    planOf: async (name) => plans.find((plan) => plan.name === name),
    programOptions: PROGRAM_OPTIONS,
    targets: (begin) => targetsBeginning(begin, names, configuration),
    files: (begin) => filesBeginning(begin, host.path(".")),
    remoteFiles: (target, begin) => remoteFilesBeginning(target, begin, configuration),
  });
}
