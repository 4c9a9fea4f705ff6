/**
 * `econtext bootstrap`: shows what would be sent to a target, for audits and allow-lists. It
 * connects to no host.
 */
import { makeCommand } from "../command-definition.ts";
import { readConfiguration } from "../configuration.ts";
import type { Host } from "../host.ts";
import { readInterpreter, readLanguage, readSsh } from "../option-values.ts";
import { INTERPRETER, LANGUAGE, PASSWORDS, SSH, TARGETS } from "../options.ts";
import type { CommandLine, Definitions } from "../parse-line.ts";
import { readPasswordOption } from "../passwords.ts";
import { readTargets } from "../targets.ts";
import { runTitle } from "../words.ts";

const args: Definitions = {
  "target...": {
    type: "positional",
    description: "local, a host as for ssh, a path, or a set: web[01-20],@db",
  },
  // Earlier versions needed it. It changes nothing, so the help leaves it out.
  print: { type: "boolean", description: "" },
  sha256: { type: "boolean", description: "Print only the checksums, as sha256sum does" },
  json: { type: "boolean", description: "Print one JSON object for each target, one a line" },
  ...TARGETS,
  ...LANGUAGE,
  ...INTERPRETER,
  ...SSH,
  ...PASSWORDS,
};

export const command = makeCommand({
  name: "bootstrap",
  description: "Print what would be sent to a target, for audits and allow-lists",
  usage: ["[OPTIONS] TARGET..."],
  examples: [
    "econtext bootstrap web1",
    "econtext bootstrap web1 --kind node",
    "econtext bootstrap web1 --sha256",
    "econtext bootstrap bastion/web1/sudo:root --ask-pass",
  ],
  args,
  details: `econtext connects to no host. The command line and the core are constants of
this build, the same for every host and user. The boot arguments after the core
(a name, a nonce, times) are not code.

A path has a block for each hop: the first one's argument vector is run on this
machine, each other one in the context before it.

With an option for passwords, or where a person could be asked on a terminal,
sudo and its like are run so that they ask. The nonce in sudo's prompt is new
for each connection: NONCE stands for it. Nothing is asked, and no password is
read.

Without --kind, the first call decides what is sent. A Python function needs a
Python (--language python), a JavaScript function Bun or Node.js (--language
javascript). exec and ping take any of them: the cores of both languages are
sent, and one is used.`,
  run,
});

async function run({ flags, before, after }: CommandLine, host: Host): Promise<number> {
  const { stdout } = host;
  const words = [...before, ...(after ?? [])];
  const { names: targets } = await readTargets("bootstrap", words, flags, host);
  const configuration = readConfiguration(host);
  const isGiven = readPasswordOption("bootstrap", flags) !== undefined;
  const options = {
    ...configuration,
    ...(isGiven || configuration.passwordCommand !== undefined ? { answers: true } : {}),
    ssh: readSsh(flags),
    ...readInterpreter("bootstrap", flags),
    ...readLanguage("bootstrap", flags),
  };
  const { describeBootstrap } = await import("../../index.ts");
  const all = targets.map((target) => ({ target, about: describeBootstrap(target, options) }));
  for (const [at, { target, about }] of all.entries()) {
    const { command, core } = about.constant;
    if (flags["json"] === true) {
      await stdout.write(`${JSON.stringify(about)}\n`);
    } else if (flags["sha256"] === true) {
      // The checksums are the same for every target.
      if (at === 0) await stdout.write(`${command.sha256}  command\n${core.sha256}  core\n`);
    } else {
      const hops = about.hops.flatMap(({ path, tries, argv, engine }) => [
        `hop       ${path}`,
        `looks for ${tries.join(", ")}`,
        `${runTitle(engine)}${JSON.stringify(argv)}`,
        "",
      ]);
      const lines = [
        ...hops,
        `target    ${target}`,
        `looks for ${about.tries.join(", ")}`,
        `${runTitle(about.engine)}${JSON.stringify(about.argv)}`,
        `command   ${command.bytes} bytes, sha256 ${command.sha256}`,
        `core      ${core.bytes} bytes, sha256 ${core.sha256}`,
        `preamble  ${about.preambleBytes} bytes: the core and its boot arguments`,
        "",
        about.command,
      ];
      await stdout.write(`${at > 0 ? "\n" : ""}${lines.join("\n")}\n`);
    }
  }
  return 0;
}
