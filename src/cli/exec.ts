/** `econtext exec`: one command, without a shell, in one or several contexts. */
import type { ArgsDef } from "citty";
import { type Door, makeDoor } from "./door.ts";
import { CommandProblem, fail, Usage } from "./exit.ts";
import { COMMON, type CommandLine, readTargets } from "./options.ts";
import { type Output, stderr, stdout } from "./output.ts";

const args: ArgsDef = {
  "target...": { type: "positional", description: "local, or a destination of ssh" },
  "-- cmd arg...": { type: "positional", required: false, description: "The command, behind --" },
  ...COMMON,
};

const details = `The command is run without a shell: no quoting, no variables, no pipes; for those: -- sh -c 'a | b'.
Its standard input is empty (/dev/null). Its stdout and stderr are ours, byte for byte.

The exit status is the command's; as in a shell, 128 + N when signal N ended it, 127 when it was not found, 126 when it
could not be run. With several targets they run at the same time, each line begins with the target's name, and the
exit status is the highest. When nobody reads our output any more, the command is killed over there.

  econtext exec web1 -- uname -a
  econtext exec web1 db1 --deadline 10 -- df -h /`;

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
  const { runSession } = await import("./session.ts");
  const { LinePrefixer } = await import("./prefix.ts");
  /** How output of one target gets to ours. */
  const pipe = (target: string, to: Output) => {
    if (targets.length === 1) {
      return { push: (chunk: Uint8Array) => to.write(chunk), end: async () => {} };
    }
    const lines = new LinePrefixer(target, to.isTerminal);
    return {
      push: (chunk: Uint8Array) => to.write(lines.push(chunk)),
      end: () => to.write(lines.end()),
    };
  };
  return runSession({
    command: "exec",
    flags,
    targets,
    roots: [],
    each: async ({ target, context, limits }) => {
      const [out, err] = [pipe(target, stdout), pipe(target, stderr)];
      const result = await context.exec(after, { ...limits(), stdout: out.push, stderr: err.push });
      await Promise.all([out.end(), err.end()]);
      if (result.problem !== undefined) {
        await fail(new CommandProblem(`${target}: ${after[0]}: ${result.problem}`));
      }
      return result.status;
    },
    failed: async (_target, error) => void (await fail(error)),
  });
}
