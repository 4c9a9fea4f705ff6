/**
 * The command line's entry. Answers `--version` by itself and leaves all else to doors.ts, which is not read before: starting an
 * empty program is the measure. Knows no command.
 */
import { version } from "../../package.json";

const args = process.argv.slice(2);
if (args.length === 1 && args[0] === "--version") {
  console.log(`econtext ${version}`);
} else {
  const { main } = await import("./doors.ts");
  // Whatever timer or pipe is still there: the end is the end.
  process.exit(await main(args));
}
