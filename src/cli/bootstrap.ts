/** `econtext bootstrap`: what would be sent to a target, for audits and allow-lists. Connects to nothing. */
import type { ArgsDef } from "citty";
import { type Door, makeDoor } from "./door.ts";
import { Usage } from "./exit.ts";
import {
  type CommandLine,
  INTERPRETER,
  readInterpreter,
  readLanguage,
  readSsh,
  readTargets,
  SSH,
} from "./options.ts";
import { stdout } from "./output.ts";

const args: ArgsDef = {
  target: { type: "positional", description: "local, or a destination of ssh" },
  print: { type: "boolean", description: "Print it: what this command is for" },
  sha256: { type: "boolean", description: "Only the sums of what is the same for every host" },
  json: { type: "boolean", description: "As JSON" },
  language: {
    type: "string",
    valueHint: "LANGUAGE",
    description: "python or javascript: of the first call (default: either will do)",
  },
  ...INTERPRETER,
  ...SSH,
};

const details = `Nothing is connected to. The command line and the core are constants of this build, the same for every host and
user; the boot arguments behind the core (a name, a nonce, times) are not code. --sha256 prints lines as sha256sum does.

What is sent depends on what is asked for. With no --kind, it is what the first call can run on: a Python function looks
for a Python (--language python), a JavaScript function for a Bun or Node.js (--language javascript), exec and ping for
any of them; then the core is that of both languages, and the far side takes its own.

  econtext bootstrap web1 --print
  econtext bootstrap web1 --print --kind node
  econtext bootstrap web1 --print --sha256`;

export const door: Door = makeDoor({
  name: "bootstrap",
  description: "Show what would be sent to a target",
  args,
  details,
  run,
});

async function run({ flags, before, after }: CommandLine): Promise<number> {
  const [target = "", ...more] = readTargets("bootstrap", [...before, ...(after ?? [])]);
  if (more.length > 0) throw new Usage("bootstrap", `one TARGET at a time, not also ${more[0]}`);
  if (flags["print"] !== true) throw new Usage("bootstrap", "say --print");
  const { describeBootstrap } = await import("../index.ts");
  const options = {
    ssh: readSsh(flags),
    ...readInterpreter("bootstrap", flags),
    ...readLanguage("bootstrap", flags),
  };
  const about = describeBootstrap(target, options);
  const { command, core } = about.constant;
  if (flags["json"] === true) {
    await stdout.write(`${JSON.stringify(about)}\n`);
  } else if (flags["sha256"] === true) {
    await stdout.write(`${command.sha256}  command\n${core.sha256}  core\n`);
  } else {
    const lines = [
      `target    ${target}`,
      `looks for ${about.tries.join(", ")}`,
      `runs      ${JSON.stringify(about.argv)}`,
      `command   ${command.bytes} bytes, sha256 ${command.sha256}`,
      `core      ${core.bytes} bytes, sha256 ${core.sha256}`,
      `preamble  ${about.preambleBytes} bytes: the core and its boot arguments`,
      "",
      about.command,
    ];
    await stdout.write(`${lines.join("\n")}\n`);
  }
  return 0;
}
