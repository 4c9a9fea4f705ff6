/**
 * Which command is meant. Each is read only when it is wanted, and the library only when a command runs. citty defines and shows
 * the commands; its `runMain` is not used, because it owns the exit status and prints whole errors.
 */
import { type ArgsDef, type CommandDef, defineCommand, runCommand } from "citty";
import type { Door } from "./door.ts";
import { fail, Usage } from "./exit.ts";
import { showHelp } from "./help.ts";
import { stderr, stdout } from "./output.ts";
import { dieOfSignal } from "./stop.ts";

const DOORS: Readonly<Record<string, () => Promise<Door>>> = {
  call: async () => (await import("./call.ts")).door,
  exec: async () => (await import("./exec.ts")).door,
  cp: async () => (await import("./cp.ts")).door,
  sh: async () => (await import("./sh.ts")).door,
  rsh: async () => (await import("./rsh.ts")).door,
  ping: async () => (await import("./ping.ts")).door,
  bootstrap: async () => (await import("./bootstrap.ts")).door,
  repl: async () => (await import("./repl.ts")).door,
  init: async () => (await import("./init.ts")).door,
};

const root: CommandDef = defineCommand<ArgsDef>({
  meta: {
    name: "econtext",
    description: "Run code elsewhere: nothing to install there, a Python, Node.js or Bun will do",
  },
  args: {
    help: { type: "boolean", description: "Show this; `econtext COMMAND --help` says more" },
    version: { type: "boolean", description: "Show the version" },
  },
  subCommands: Object.fromEntries(
    Object.entries(DOORS).map(([name, load]) => [name, async () => (await load()).command]),
  ),
});

const DETAILS = `TARGET is local, or what ssh accepts: web1, user@web1, ssh://user@web1:2222.

  econtext call web1 platform.node
  econtext call web1 deploy/tasks.ts:restart nginx
  econtext exec web1 db1 -- uname -a
  econtext sh web1 setup.sh
  econtext cp -r app web1:/srv
  econtext repl web1 db1               a prompt: await web1.call(() => process.version)
  econtext deploy.ts web1              a program; also by #!/usr/bin/env econtext

Exit status: 0; 1 the function failed there; 2 wrong usage; 124 the deadline passed; 255 no connection, or it was
lost; 130, 143, 129 interrupted; 141 nobody reads a command's output any more. With several targets: the
highest. A program that none of these ended has its own.`;

/** Of what was given up: for these, a reader that does not read holds nothing up. */
const HURRIED: readonly number[] = [124, 129, 130, 141, 143];
const HURRY_MS = 500;

/** @returns the exit status, when all is written; never rejects. Dies of the signal that ended it, if one did. */
export async function main(args: readonly string[]): Promise<number> {
  const status = await dispatch(args);
  const flushed = Promise.all([stdout.flushed(), stderr.flushed()]);
  await Promise.race(HURRIED.includes(status) ? [flushed, Bun.sleep(HURRY_MS)] : [flushed]);
  await dieOfSignal();
  return status;
}

async function dispatch(args: readonly string[]): Promise<number> {
  const [name = "", ...rest] = args;
  try {
    if (name === "--help" || name === "-h" || (name === "help" && rest.length === 0)) {
      await showHelp(root, undefined, DETAILS);
      return 0;
    }
    if (!Object.hasOwn(DOORS, name)) {
      const { programPath, runProgram } = await import("./program.ts");
      const path = programPath(name);
      if (path !== undefined) return await runProgram(path, rest);
    }
    const load = Object.hasOwn(DOORS, name) ? DOORS[name] : undefined;
    if (load === undefined) throw new Usage("", unknown(name));
    const { command, details } = await load();
    // Its options are another program's.
    if (wantsHelp(name === "rsh" ? rest.slice(0, 1) : rest)) {
      await showHelp(command, root, details);
      return 0;
    }
    const { result } = await runCommand(command, { rawArgs: rest }).catch((error) => {
      // citty's own class is not exported; its errors about arguments have this code.
      throw error?.code === "EARG" ? new Usage(name, error.message) : error;
    });
    return result as number;
  } catch (error) {
    return await fail(error);
  }
}

function unknown(name: string): string {
  const known = Object.keys(DOORS).join(", ");
  if (name === "") return `a command is missing: one of ${known}`;
  const what = name.startsWith("-") ? "option" : "command";
  return `no such ${what}: ${name}; the commands are ${known}`;
}

function wantsHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? args.length : end).some((arg) => arg === "--help" || arg === "-h");
}
