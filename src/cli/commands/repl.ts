/** `econtext repl`: a prompt on a terminal; else, or with -e or -p, one source is evaluated. */
import { dieWithReader } from "../../io/libc.ts";
import { makeCommand } from "../command-definition.ts";
import type { Host } from "../host.ts";
import { COMMON, JSON_OPTION, UNPACK } from "../options.ts";
import type { CommandLine, Definitions } from "../parse-line.ts";
import { Usage } from "../report-error.ts";

const args: Definitions = {
  "target...": {
    type: "positional",
    description: "local, or a host as for ssh; each becomes a variable",
  },
  eval: { type: "string", alias: "e", valueHint: "CODE", description: "Evaluate CODE and end" },
  print: {
    type: "string",
    alias: "p",
    valueHint: "CODE",
    description: "The same, and print the value of its last expression",
  },
  json: { ...JSON_OPTION, description: "Print the value as JSON, even if it is text or bytes" },
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
  details: `TypeScript with await at its top level. Each target is a variable. Names that
are not valid identifiers are changed (web-1.example.com is web_1); the banner
lists them. A target is connected to when it is first used. The first call on a
connection decides its language: JavaScript for a function of the prompt, Python
for a name such as platform.node. For the other language, open a second one.

  $ econtext repl web1 db1
  > function load(cores: number) { return os.loadavg()[0]! / cores }
  > await Promise.all([web1, db1].map((context) => context.call(load, 4)))
  > const py = await connect("web1", { kind: "python" })
  > await py.call("platform.node")

In scope: connect, broker, kwargs, CallError and all else of the library; os, fs
and the other builtin modules; what is imported: import * as tasks from
"./tasks.ts", also .py files. A function that is passed to call takes along the
functions of the prompt that it uses, and builtin modules; anything else that it
uses is refused, and has to be passed as an argument.

Ctrl-C cancels the current await and the remote call. A busy loop in local code
cannot be interrupted: kill -9 the process. Ctrl-D closes everything. History is
kept in $XDG_STATE_HOME/econtext/history. ssh may ask for a password only where
--kind, --python, --node or --bun is given: then all targets are connected to
before the first prompt. --deadline is for each call; without a terminal, for
all of it.

Without a terminal, stdin is one program, and the value of its last expression
is printed as "econtext call" prints it.`,
  run,
});

async function run({ flags, before, after }: CommandLine, host: Host): Promise<number> {
  if (after !== undefined) throw new Usage("repl", "nothing may follow --");
  const targets = before.flatMap((text) => text.split(","));
  if (targets.includes("")) throw new Usage("repl", "a TARGET is missing");
  const { eval: code, print } = flags;
  if (code !== undefined && print !== undefined) {
    throw new Usage("repl", "one of --eval and --print, not both");
  }
  const source = print ?? code;
  const { runPrompt, runSource } = await import("../repl-run.ts");
  const isInteractive = source === undefined && host.terminal !== undefined;
  if (isInteractive) return runPrompt({ flags, targets }, host);
  dieWithReader();
  const { printSynchronously } = await import("../program-output.ts");
  printSynchronously();
  for (const output of [host.stdout, host.stderr]) output.writeAtExit();
  const plan = { flags, targets, isPrinted: code === undefined };
  const whole = source === undefined ? plan : { ...plan, source: String(source) };
  return runSource(whole, host);
}
