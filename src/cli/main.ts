/**
 * The command line's entry. Answers `--version` by itself and leaves all else to doors.ts, which is not read before: starting an
 * empty program is the measure. Knows no command.
 */
import { version } from "../../package.json";
import { wasClosed } from "./closed.ts";

const args = process.argv.slice(2);
const isVersion = args.length === 1 && (args[0] === "--version" || args[0] === "-V");
if (isVersion && !wasClosed(1)) {
  console.log(`econtext ${version}`);
} else {
  // Not awaited: while this file is, a program of the user's is never seen to have nothing left to do.
  void import("./dispatch.ts")
    .then(({ main }) => main(args))
    // Whatever timer or pipe is still there: the end is the end.
    .then((status) => process.exit(status));
}
