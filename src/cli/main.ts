/**
 * The entry of the command line. It answers `--version` by itself, and loads dispatch.ts only for
 * the rest: `--version` starts as fast as an empty program. Knows no command.
 */
import { version } from "../../package.json";
import { wasClosed } from "./closed.ts";

const args = process.argv.slice(2);
/** The link that ssh starts when it asks something: prompts/askpass.ts. */
const isAskpass = /\/econtext-\d+-\w{6}\/ask-\d+$/.test(process.argv0);
const isVersion = args.length === 1 && (args[0] === "--version" || args[0] === "-V");
if (isAskpass) {
  void import("./askpass-program.ts")
    .then(({ runAskpass }) => runAskpass(process.argv0, args[0] ?? ""))
    .then((status) => process.exit(status));
} else if (isVersion && !wasClosed(1)) {
  console.log(`econtext ${version}`);
} else {
  // Not awaited: while this file waits, Bun never reports that a user's program has nothing to do.
  void Promise.all([import("./dispatch.ts"), import("./process-host.ts")])
    .then(([{ main }, { ProcessHost }]) => main(args, new ProcessHost()))
    // A timer or a pipe that is left does not keep the process alive.
    .then((status) => process.exit(status));
}
