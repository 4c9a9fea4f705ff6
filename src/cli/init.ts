/** `econtext init`: what an editor needs to understand a program. */
import { type ArgsDef, defineCommand } from "citty";
import type { Door } from "./doors.ts";
import { Usage } from "./exit.ts";
import { readCommandLine } from "./options.ts";
import { stderr, stdout } from "./output.ts";

const args: ArgsDef = {
  dir: { type: "positional", required: false, description: "Folder of the program (default: .)" },
};

const details = `Writes econtext.d.ts (types of "econtext"), tsconfig.json where there is none, and beside each tasks.py a tasks.d.py.ts
with the parameters of its functions. Each file that was written is a line. Run it again after a change of a .py file, or
of econtext itself; files that it did not write are left as they are.`;

export const door: Door = {
  command: defineCommand({
    meta: { name: "init", description: "Write type declarations for a program's editor" },
    args,
    run: ({ rawArgs }) => run(rawArgs),
  }),
  details,
};

async function run(rawArgs: readonly string[]): Promise<number> {
  const { before, after } = readCommandLine("init", args, rawArgs);
  const [folder = ".", ...more] = [...before, ...(after ?? [])];
  if (more.length > 0) throw new Usage("init", `one DIR is enough: ${more.join(" ")}`);
  const { initialise } = await import("../program/init.ts");
  const { files, advice } = initialise(folder);
  await stdout.write(files.map((file) => `${file}\n`).join(""));
  await stderr.write(advice.map((line) => `${line}\n`).join(""));
  return 0;
}
