/** `econtext repl`: a prompt on a terminal; else, or with -e or -p, one source is evaluated. */
import { dieWithReader } from "../../io/libc.ts";
import { makeCommand } from "../command-definition.ts";
import type { Host } from "../host.ts";
import { COMMON, JSON_OPTION, TARGETS, UNPACK } from "../options.ts";
import type { CommandLine, Definitions } from "../parse-line.ts";
import { Usage } from "../report-error.ts";
import { endAtSecondSignal } from "../second-signal.ts";
import { hasHosts, readTargets } from "../targets.ts";

const args: Definitions = {
  "target...": {
    type: "positional",
    description: "local, a host as for ssh, a path, or a set; each becomes a variable",
  },
  eval: { type: "string", alias: "e", valueHint: "CODE", description: "Evaluate CODE and end" },
  print: {
    type: "string",
    alias: "p",
    valueHint: "CODE",
    description: "Evaluate CODE and print the value of its last expression",
  },
  json: { ...JSON_OPTION, description: "Print the value as JSON, even if it is text or bytes" },
  ...TARGETS,
  ...UNPACK,
  ...COMMON,
};

export const command = makeCommand({
  name: "repl",
  description: "Open a TypeScript prompt with a variable for each target",
  usage: ["[OPTIONS] [TARGET...]", "[OPTIONS] [TARGET...] < PROGRAM"],
  examples: [
    "econtext repl web1 db1",
    "econtext repl web1 -p '(await web1.call(() => process.versions)).node'",
    `echo 'await web1.call("platform.node")' | econtext repl web1`,
  ],
  args,
  details: `The prompt takes TypeScript with await. Each target is a variable. Names that
are not valid identifiers are changed (web-1.example.com becomes web_1, and
bastion/web1/sudo:root becomes web1_root), and the banner lists them. econtext
connects to a target when you first use it. A function of the prompt runs in
Bun or Node.js there, a name such as platform.node in Python; each is started
when it is first needed.

  $ econtext repl web1 db1
  > function load(cores: number) { return os.loadavg()[0]! / cores }
  > await Promise.all([web1, db1].map((context) => context.call(load, 4)))
  > await web1.call("platform.node")

In scope are the names of the library (connect, broker, kwargs, CallError and
others), os, fs and the other builtin modules, and your imports, also of .py
files: import * as tasks from "./tasks.ts". A function that you pass to call may
use other functions of the prompt and builtin modules. It is refused if it uses
another variable: pass that as an argument.

A paste is one program. A line that begins with .name( continues the previous
one: .map((n) => n + 1) works with its value, which is also _. The last error is
_error, and its stack counts the lines of each input: repl:4:2:9 is line 2 of
input 4. Calls that are not awaited are shown as Call (pending).

.help lists the commands: .python types Python for the current host, !CMD runs a
command there on your terminal (!top works), .connect TARGET opens another host,
.contexts shows all of them.
await all.call(fn) and await all.exec("CMD") run everywhere, and show equal
results together. Tab completes names, also of remote functions in
web1.call("os., targets in connect(", and remote paths in web1.get(".

An import runs the top level of your file, where import.meta.main is false. A
function given to run is not started.

Ctrl-C cancels the current await and the remote call, and ends loops of what was
typed and of your files that it imports. A loop in a package of node_modules
cannot be interrupted: kill the process. Ctrl-D closes everything. The history
is in $XDG_STATE_HOME/econtext/history; ctrl-R searches it. --deadline counts
for each call; without a terminal, for the whole run.

Without a terminal, stdin is one program. The value of its last expression is
printed as by "econtext call". A TARGET that it does not use must be there, too:
the exit status tells of one that is not.`,
  run,
});

async function run({ flags, before, after }: CommandLine, host: Host): Promise<number> {
  if (after !== undefined) throw new Usage("repl", "nothing may follow --");
  const { eval: code, print } = flags;
  if (code !== undefined && print !== undefined) {
    throw new Usage("repl", "one of --eval and --print, not both");
  }
  const source = print ?? code;
  const hasTargets = before.length > 0 || hasHosts(flags);
  const chosen = hasTargets ? await readTargets("repl", before, flags, host) : undefined;
  if (chosen?.takesInput === true && source === undefined) {
    throw new Usage("repl", "standard input is the program: - needs -e or -p");
  }
  const targets = chosen?.names ?? [];
  const { runPrompt, runSource } = await import("../repl-run.ts");
  const isInteractive = source === undefined && host.terminal !== undefined;
  if (isInteractive) return runPrompt({ flags, targets }, host);
  dieWithReader();
  endAtSecondSignal();
  const { printSynchronously } = await import("../program-output.ts");
  printSynchronously();
  for (const output of [host.stdout, host.stderr]) output.writeAtExit();
  const plan = { flags, targets, isPrinted: code === undefined };
  const whole = source === undefined ? plan : { ...plan, source: String(source) };
  return runSource(whole, host);
}
