/** `econtext exec`: one command, without a shell, in one or several contexts. */
import type { ArgsDef } from "citty";
import { type Door, makeDoor } from "./door.ts";
import { fail, Usage } from "./exit.ts";
import { COMMON, type CommandLine, readTargets, texts } from "./options.ts";

const args: ArgsDef = {
  "target...": { type: "positional", description: "local, or a destination of ssh" },
  "-- cmd arg...": { type: "positional", required: false, description: "The command, behind --" },
  tty: { type: "boolean", alias: "t", description: "Run it on a terminal, joined to ours" },
  "no-stdin": { type: "boolean", alias: "n", description: "Its standard input is empty" },
  cwd: { type: "string", valueHint: "DIR", description: "Working directory over there" },
  env: {
    type: "string",
    valueHint: "KEY=VALUE",
    description: "For its environment; may be repeated",
  },
  ...COMMON,
};

const details = `The command is run without a shell: no quoting, no variables, no pipes; for those: econtext sh, or -- sh -c 'a | b'.
Our standard input is its; in a loop that reads its own input, use -n. With several targets it is each one's, at the pace
of the slowest: while one of them still connects, the others get the first 16 chunks (of up to 128 KiB) and wait.
Its stdout and stderr are ours, byte for byte.

The exit status is the command's; as in a shell, 128 + N when signal N ended it, 127 when it was not found, 126 when it
could not be run. With several targets they run at the same time, each line begins with the target's name, and the
exit status is the highest. When nobody reads our output any more, the command is killed over there. SIGINT, SIGTERM,
SIGHUP, SIGQUIT, SIGTSTP and SIGCONT are passed on to it; a second one that ends us ends it by force.

  econtext exec web1 -- uname -a
  econtext exec web1 db1 --deadline 10 -- df -h /
  tar c app | econtext exec web1 -- tar x -C /srv
  econtext exec web1 -t -- top`;

export const door: Door = makeDoor({
  name: "exec",
  description: "Run a command over there, as ssh would but without a shell",
  args,
  details,
  run,
});

async function run({ flags, before, after }: CommandLine): Promise<number> {
  const targets = readTargets("exec", before);
  if (after === undefined || after.length === 0 || after[0] === "") {
    throw new Usage("exec", "a command is missing: econtext exec TARGET... -- CMD ARG...");
  }
  const wantsTty = flags["tty"] === true;
  if (wantsTty && targets.length > 1) throw new Usage("exec", "--tty is for one target");
  if (wantsTty && flags["no-stdin"] === true) {
    throw new Usage("exec", "--tty and --no-stdin contradict each other");
  }
  const { runCommands } = await import("./command.ts");
  const { terminalSize } = await import("./own-terminal.ts");
  const { cwd } = flags;
  return runCommands({
    command: "exec",
    flags,
    targets,
    argv: after,
    name: String(after[0]),
    hasInput: flags["no-stdin"] !== true,
    options: {
      ...(wantsTty ? { tty: terminalSize("exec") } : {}),
      ...(typeof cwd === "string" ? { cwd } : {}),
      env: readEnv(texts(flags["env"])),
    },
    failed: async (_target, error) => void (await fail(error)),
  });
}

/** @throws {Usage} */
function readEnv(pairs: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1) throw new Usage("exec", `not KEY=VALUE: --env ${pair}`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
