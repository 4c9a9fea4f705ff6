/** `econtext call`: one function, on one or several targets. */
import { isPythonRoot } from "../../program/python-names.ts";
import { readArguments, readFunction } from "../arguments.ts";
import { makeCommand } from "../command-definition.ts";
import type { Host } from "../host.ts";
import { readInterpreter, readUnpack, texts } from "../option-values.ts";
import { COMMON, FLEET, JSON_OPTION, RESULTS, TARGETS, UNPACK } from "../options.ts";
import type { CommandLine, Definitions } from "../parse-line.ts";
import { Usage } from "../report-error.ts";
import type { Plan } from "../run-targets.ts";
import { hasHosts, readTargets } from "../targets.ts";

const args: Definitions = {
  target: {
    type: "positional",
    description: "local, a host as for ssh, a path, or a set: web[01-20],@db",
  },
  function: {
    type: "positional",
    description: "os.getpid, pkg.mod:Class.method, node:os.hostname, tasks.py:fn or tasks.ts:fn",
  },
  "arg...": { type: "positional", description: "JSON or text; KEY=VALUE is a keyword argument" },
  ...FLEET,
  ...RESULTS,
  json: JSON_OPTION,
  "python-path": {
    type: "string",
    valueHint: "DIR",
    repeated: true,
    description: "Folder or zip file whose modules the remote Python may import; may be repeated",
  },
  ...TARGETS,
  ...UNPACK,
  ...COMMON,
};

export const command = makeCommand({
  name: "call",
  description: "Call a Python or JavaScript function and print its result",
  usage: [
    "[OPTIONS] TARGET[,TARGET...] FUNCTION [ARG...]",
    "[OPTIONS] TARGET... -- FUNCTION [ARG...]",
  ],
  examples: [
    "econtext call web1,web2 platform.node",
    `econtext call web1 json.dumps '{"a": [1, 2]}' indent=2`,
    "econtext call web1 deploy/tasks.ts:restart nginx",
  ],
  args,
  exitStatus: `0; 1 the function failed; 124 the deadline passed; 255 no connection.
With several targets, the highest.`,
  details: `An ARG that is valid JSON is that value; any other ARG is text. KEY=VALUE is a
keyword argument if KEY is an identifier. A JavaScript function gets keyword
arguments as one object, its last argument. After a leading "=" the rest is
text: "=5" is the text 5, "=a=b" the text a=b, "key==5" the text 5 for key.
After "--" no argument is an option. A negative number never is.

Without --kind, the function decides which interpreter is looked for: bun or
node for tasks.ts:fn and node:os.hostname; python3, python or python2 for all
others. With --kind node or bun, Math.max is a global. --python, --node and
--bun name the only interpreter: a function of the other language is an error.

Modules that the remote Python does not have are looked up in --python-path,
then in the folder of the file of FUNCTION, then in the current folder. Imports
of a .ts or .js file come from the folder of the nearest package.json (or its
own folder), and from node_modules.

Text is printed as text, bytes as bytes unless stdout is a terminal, and other
results as JSON. No result (None, null, undefined) prints nothing. The values of
a generator are printed as they come, one a line. Values that JSON has no type
for are {"!b": BASE64}, {"!s": SET}, {"!m": [[KEY, VALUE]]}, {"!d":
MILLISECONDS} and {"!f": "nan"}. With several targets each line begins with the
target's name; with --json, each is an object with value or error, and the error
has its traceback. Output and logs of the function go to stderr.`,
  begins: isFunction,
  // Code is never run where other code has been: an edited module would stay as it was.
  needs: async (line, host) => ({
    targets: (await readTargets("call", read(line, host).words, line.flags, host)).names,
    reuses: false,
  }),
  run,
});

/** @returns whether a word looks like a FUNCTION */
function isFunction(word: string): boolean {
  return /^[\w./-]*[\w/-][.:][\w.:]+$/.test(word) && !word.includes(",");
}

async function run(line: CommandLine, host: Host): Promise<number> {
  const { words, called, name, written, positional, named, roots } = read(line, host);
  const { names: targets } = await readTargets("call", words, line.flags, host);
  const { kwargs } = await import("../../index.ts");
  const { hinted } = await import("../call-hints.ts");
  const { runSession } = await import("../run-targets.ts");
  const { checkPackages } = await import("../../program/unpack-names.ts");
  checkPackages(readUnpack("call", line.flags).unpack ?? [], roots);
  let isGenerator = false;
  const plan: Plan = {
    command: "call",
    flags: line.flags,
    targets,
    roots,
    yields: () => (isGenerator ? "values" : "value"),
    isBare: true,
    sends: [`function  ${written.name}`, `roots     ${roots.join(", ") || "none"}`],
    words: ["--", ...called],
    each: async ({ target, context, limits, output }) => {
      const given = [...positional, kwargs(named)] as const;
      const result =
        typeof name === "string"
          ? context.callWith(limits(), name, ...given)
          : context.callWith(limits(), name, ...given);
      const value = await result.catch((error) => {
        throw hinted(error, { target, ...written });
      });
      isGenerator = isIterable(value);
      if (isIterable(value)) for await (const one of value) await output.value(one);
      else await output.value(value);
      return { status: 0 };
    },
  };
  return runSession(plan, host);
}

/** @returns whether the function was a generator */
function isIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

function read({ flags, before, after }: CommandLine, host: Host) {
  // The first word is the target, unless all targets are in a file.
  const count = hasHosts(flags) ? 0 : 1;
  const words = after === undefined ? before.slice(0, count) : before;
  const [text, ...args] = after ?? before.slice(count);
  if (words.length === 0 && !hasHosts(flags)) throw new Usage("call", "a TARGET is missing");
  if (text === undefined) throw new Usage("call", "a FUNCTION is missing");
  const { name, roots } = readFunction(text, args[0], (path) => host.path(path));
  const written = { name: text, isFollowed: isFunction(args[0] ?? "") };
  const named = texts(flags["python-path"]).map((folder) => {
    const path = host.path(folder);
    if (isPythonRoot(path)) return path;
    throw new Usage("call", `not a folder, and not a zip file: --python-path ${folder}`);
  });
  // Every JavaScript runtime has its globals: no folder of this machine is needed.
  const { kind, node, bun } = readInterpreter("call", flags);
  const isGlobal =
    typeof name === "string" &&
    !name.includes(":") &&
    (kind ?? (node || bun ? "node" : "python")) !== "python";
  const folders = [...named, ...(isGlobal ? [] : roots)];
  return { words, called: [text, ...args], name, written, roots: folders, ...readArguments(args) };
}
