/**
 * Finds the command and runs it. A command is loaded when it is wanted, and the library when the
 * command runs.
 */
import { version } from "../../package.json";
import { closest } from "../closest.ts";
import { type Command, type CommandPlan, type HelpText, readLine } from "./command-definition.ts";
import { ENDED_EARLY, ENDED_EARLY_MS } from "./exit-statuses.ts";
import { showHelp, showOptions } from "./help.ts";
import { HELP_TOPICS } from "./help-entries.ts";
import { TARGETS_HELP } from "./help-targets.ts";
import type { Host, Output } from "./host.ts";
import { BROKEN_PIPE, isBrokenPipe } from "./interruption.ts";
import { insteadOfCommand } from "./other-programs.ts";
import { fail, Usage } from "./report-error.ts";
import { wantsHelp } from "./words.ts";

/** The commands: each is loaded when it is wanted. */
export const COMMANDS = {
  call: async () => (await import("./commands/call.ts")).command,
  exec: async () => (await import("./commands/exec.ts")).command,
  cp: async () => (await import("./commands/cp.ts")).command,
  sh: async () => (await import("./commands/sh.ts")).command,
  rsh: async () => (await import("./commands/rsh.ts")).command,
  ping: async () => (await import("./commands/ping.ts")).command,
  doctor: async () => (await import("./commands/doctor.ts")).command,
  bootstrap: async () => (await import("./commands/bootstrap.ts")).command,
  repl: async () => (await import("./commands/repl.ts")).command,
  init: async () => (await import("./commands/init.ts")).command,
  completion: async () => (await import("./commands/completion.ts")).command,
  man: async () => (await import("./commands/man.ts")).command,
  up: async () => (await import("./commands/up.ts")).command,
  down: async () => (await import("./commands/down.ts")).command,
  ps: async () => (await import("./commands/ps.ts")).command,
} satisfies Record<string, () => Promise<Command>>;

/** The text of `econtext --help`. */
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
Or it is a path, each word opened through the one before it: web1/podman:app,
bastion/web1/sudo:root. docs/transports.md lists the words. Several targets are
a set: web1,web2 or 'web[01-20]' or @group (econtext help targets). The remote
machine needs Python, Node.js or Bun.

econtext help COMMAND shows more about a command, and econtext help options the
options that all commands share. -V prints the version.

Options before PROGRAM.ts apply to each of its connections: the options that all
commands share, but no --deadline. --unpack and --unpack-into are those of call.
--roots DIR adds a folder whose modules may be sent.`,
};

/**
 * @returns the exit status, when all output is written; never rejects. Does not return if a signal
 * ended the command.
 */
export async function main(args: readonly string[], host: Host): Promise<number> {
  const { stdout, stderr } = host;
  const status = await dispatch(args, host);
  const flushed = Promise.all([stdout.flushed(), stderr.flushed()]);
  await Promise.race(
    ENDED_EARLY.includes(status) ? [flushed, Bun.sleep(ENDED_EARLY_MS)] : [flushed],
  );
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
      const line = readProgramLine(args, host);
      if (line !== undefined)
        return await (await import("./commands/program.ts")).runProgram(line, host);
      const { PROGRAM_OPTIONS } = await import("./program-options.ts");
      throw new Usage("", unknown(name, Object.keys(PROGRAM_OPTIONS)));
    }
    const command = await load();
    const { plan } = command;
    const line = readLine(plan, rest);
    if (wantsHelp(line, plan.begins !== undefined)) {
      await showHelp(plan, host.stdout);
      return 0;
    }
    return await command.run({ line, host, catalogue: { root: ROOT, plans } });
  } catch (error) {
    if (isBrokenPipe(error)) return BROKEN_PIPE;
    return await fail(error, host);
  }
}

function loaderOf(name: string): (() => Promise<Command>) | undefined {
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name as keyof typeof COMMANDS] : undefined;
}

/** @throws {Usage} */
async function showHelpOf([name, ...more]: readonly string[], stdout: Output): Promise<void> {
  if (more.length > 0) throw new Usage("", "help is for one command: econtext help COMMAND");
  if (name === "options") return await showOptions(stdout);
  if (name === "targets") return await stdout.write(TARGETS_HELP);
  if (name !== undefined) {
    const load = loaderOf(name);
    if (load === undefined) throw new Usage("", unknownHelp(name));
    return await showHelp((await load()).plan, stdout);
  }
  const commands = (await plans()).map((plan) => `  ${plan.name.padEnd(10)} ${plan.description}`);
  await showHelp(ROOT, stdout, commands);
}

function unknownHelp(name: string): string {
  const topics = HELP_TOPICS.map(({ text }) => text);
  const commands = Object.keys(COMMANDS);
  const meant = closest(name, [...topics, ...commands]);
  const what = `no help for ${name}`;
  if (meant !== undefined) return `${what}; did you mean ${meant}?`;
  return `${what}; there is help for ${[...topics, ...commands].join(", ")}`;
}

async function plans(): Promise<CommandPlan[]> {
  const all = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  return all.map(({ plan }) => plan);
}

function unknown(name: string, options: readonly string[] = []): string {
  const known = Object.keys(COMMANDS).join(", ");
  if (name === "") return `a command is missing: one of ${known}`;
  const what = name.startsWith("-") ? "option" : "command";
  const instead = insteadOfCommand(name);
  if (instead !== undefined) return `no such command: ${name}; write ${instead}`;
  const meant = closest(
    name.replace(/^--/, ""),
    what === "option" ? options : Object.keys(COMMANDS),
  );
  if (meant !== undefined) {
    return `no such ${what}: ${name}; did you mean ${what === "option" ? "--" : ""}${meant}?`;
  }
  return `no such ${what}: ${name}; the commands are ${known}`;
}
