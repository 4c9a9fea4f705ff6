/**
 * Which command is meant. Each is read only when it is wanted, and the library only when a command runs. citty defines and shows
 * the commands; its `runMain` is not used, because it owns the exit status and prints whole errors.
 */
import { runCommand } from "citty";
import { version } from "../../package.json";
import type { Door, HelpText } from "./command-definition.ts";
import { showHelp, showOptions } from "./help.ts";
import type { Host, Output } from "./host.ts";
import { fail, Usage } from "./report-error.ts";
import { closest } from "./typos.ts";
import { wantsHelp } from "./words.ts";

const DOORS: Readonly<Record<string, () => Promise<Door>>> = {
  call: async () => (await import("./commands/call.ts")).door,
  exec: async () => (await import("./commands/exec.ts")).door,
  cp: async () => (await import("./commands/cp.ts")).door,
  sh: async () => (await import("./commands/sh.ts")).door,
  rsh: async () => (await import("./commands/rsh.ts")).door,
  ping: async () => (await import("./commands/ping.ts")).door,
  bootstrap: async () => (await import("./commands/bootstrap.ts")).door,
  repl: async () => (await import("./commands/repl.ts")).door,
  init: async () => (await import("./commands/init.ts")).door,
};

/** What `econtext --help` shows. */
const ROOT: HelpText = {
  name: "",
  description: "Run commands, scripts and functions on other machines, over ssh",
  usage: ["COMMAND [OPTIONS] ...", "[OPTIONS] PROGRAM.ts [ARG...]"],
  examples: [
    "econtext exec web1 db1 -- df -h /",
    "econtext sh web1 setup.sh",
    "econtext cp -r app web1:/srv",
    "econtext call web1 deploy/tasks.ts:restart nginx",
    "econtext deploy.ts web1             a program of yours",
  ],
  args: {},
  exitStatus: `0 success; 1 the function failed; 2 wrong usage; 124 the deadline
passed; 255 no connection, or it was lost; 129, 130, 143 ended by a signal; 141
the reader of the output is gone. With several targets, the highest.`,
  details: `TARGET is local, or what ssh accepts: web1, user@web1, ssh://user@web1:2222.
Several: web1,web2. The remote machine needs Python, Node.js or Bun.

econtext help COMMAND, or econtext COMMAND --help, shows more. econtext help
options explains the options that all commands share. -V prints the version.

Options before PROGRAM.ts apply to each of its connections: -F, -o, --ssh,
--kind, --python, --node, --bun, --lend-runtime, --log-level, --log-format.
--roots DIR adds a folder whose modules may be sent.`,
};

/** Of what was given up: for these, a reader that does not read holds nothing up. */
const HURRIED: readonly number[] = [124, 129, 130, 141, 143];
const HURRY_MS = 500;

/** @returns the exit status, when all output is written; never rejects. Does not return if a signal ended the command. */
export async function main(args: readonly string[], host: Host): Promise<number> {
  const { stdout, stderr } = host;
  const status = await dispatch(args, host);
  const flushed = Promise.all([stdout.flushed(), stderr.flushed()]);
  await Promise.race(HURRIED.includes(status) ? [flushed, Bun.sleep(HURRY_MS)] : [flushed]);
  await host.ending.conclude();
  return status;
}

async function dispatch(args: readonly string[], host: Host): Promise<number> {
  const [name = "", ...rest] = args;
  try {
    if (["--version", "-V"].includes(name)) {
      await host.stdout.write(`econtext ${version}\n`);
      return 0;
    }
    if (["--help", "-h", "help"].includes(name)) {
      await showHelpOf(rest, host.stdout);
      return 0;
    }
    const load = loaderOf(name);
    if (load === undefined) {
      const { readProgramLine } = await import("./program-options.ts");
      const line = readProgramLine(args);
      if (line !== undefined)
        return await (await import("./commands/program.ts")).runProgram(line, host);
      const { PROGRAM_OPTIONS } = await import("./program-options.ts");
      throw new Usage("", unknown(name, Object.keys(PROGRAM_OPTIONS)));
    }
    const { command, help, takesWords } = await load();
    // The options of rsh are another program's.
    if (wantsHelp(help.args, name === "rsh" ? rest.slice(0, 1) : rest, takesWords)) {
      await showHelp(help, host.stdout);
      return 0;
    }
    const { result } = await runCommand(command, { rawArgs: [...rest], data: host }).catch(
      (error) => {
        // citty's own class is not exported; its errors about arguments have this code.
        throw error?.code === "EARG" ? new Usage(name, error.message) : error;
      },
    );
    return result as number;
  } catch (error) {
    return await fail(error, host);
  }
}

function loaderOf(name: string): (() => Promise<Door>) | undefined {
  return Object.hasOwn(DOORS, name) ? DOORS[name] : undefined;
}

/** @throws {Usage} */
async function showHelpOf([name, ...more]: readonly string[], stdout: Output): Promise<void> {
  if (more.length > 0) throw new Usage("", "help is for one command: econtext help COMMAND");
  if (name === "options") return await showOptions(stdout);
  if (name !== undefined) {
    const load = loaderOf(name);
    if (load === undefined) throw new Usage("", unknown(name));
    return await showHelp((await load()).help, stdout);
  }
  const doors = await Promise.all(Object.values(DOORS).map((load) => load()));
  const commands = doors.map(({ help }) => `  ${help.name.padEnd(10)} ${help.description}`);
  await showHelp(
    { ...ROOT, details: `Commands:\n${commands.join("\n")}\n\n${ROOT.details}` },
    stdout,
  );
}

function unknown(name: string, options: readonly string[] = []): string {
  const known = Object.keys(DOORS).join(", ");
  if (name === "") return `a command is missing: one of ${known}`;
  const what = name.startsWith("-") ? "option" : "command";
  const meant = closest(name.replace(/^--/, ""), what === "option" ? options : Object.keys(DOORS));
  if (meant !== undefined) {
    return `no such ${what}: ${name}; did you mean ${what === "option" ? "--" : ""}${meant}?`;
  }
  return `no such ${what}: ${name}; the commands are ${known}`;
}
