/** `econtext init`: writes what an editor needs to understand a program. */
import { statSync } from "node:fs";
import { makeCommand } from "../command-definition.ts";
import type { Host } from "../host.ts";
import type { CommandLine, Definitions } from "../parse-line.ts";
import { Usage } from "../report-error.ts";

const args: Definitions = {
  dir: { type: "positional", description: "Folder of the program (default: .)" },
};

export const command = makeCommand({
  name: "init",
  description: "Write type declarations for a program's editor",
  usage: ["[DIR]"],
  examples: ["econtext init"],
  args,
  details: `Writes econtext.d.ts (the types of "econtext") and, if it is missing,
tsconfig.json. For each .py file in DIR and below, such as tasks.py, it writes
tasks.d.py.ts beside it: the types and docstrings of its functions, from their
annotations. The name of each written file is printed. Run it again after a
change of a .py file, of econtext or of @types/node. Files that econtext did not
write are left as they are.`,
  run,
});

async function run({ before, after }: CommandLine, host: Host): Promise<number> {
  const [folder = ".", ...more] = [...before, ...(after ?? [])];
  if (more.length > 0) throw new Usage("init", `one DIR is enough: ${more.join(" ")}`);
  const path = host.path(folder);
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) throw new Usage("init", `no such folder: ${folder}`);
  if (!status.isDirectory()) throw new Usage("init", `not a folder: ${folder}`);
  const { initialise } = await import("../../program/init.ts");
  const { files, advice } = initialise(path);
  await host.stdout.write(files.map((file) => `${file}\n`).join(""));
  await host.stderr.write(advice.map((line) => `${line}\n`).join(""));
  return 0;
}
