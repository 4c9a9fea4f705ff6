/**
 * `systemd-run`: a unit of its own, with its own limits and name in the journal. systemd starts the
 * command, with our pipes.
 *
 * `machinectl:MACHINE`: the same in a container of systemd. `machinectl shell` itself would put a
 * terminal between, which changes bytes.
 */
import type { Failure, Template, TransportData } from "./data.ts";

const UNIT: Template = [
  "--quiet",
  "--collect",
  "--pipe",
  "--wait",
  ["--uid={user}"],
  ["--working-directory={cwd}"],
  ["--slice={slice}"],
  "--",
  "{command}",
];

/** systemd puts variables in the place of `$NAME`, before any shell sees the word. */
const DOLLAR = "$";

/** The statuses are of systemd's own, for a unit whose command could not be started. */
const FAILURES: readonly Failure[] = [
  { status: 217, cause: "unknown-user" },
  { status: 200, cause: "no-folder" },
  { status: 203, cause: "no-shell" },
  { text: /No machine .* known/, cause: "not-found", hint: "machinectl list shows all" },
  { text: /not been booted with systemd|Failed to connect to bus/, cause: "unreachable" },
  { text: /Failed to create bus connection/, cause: "unreachable" },
  { text: /authentication required|Access denied/i, cause: "permission-denied" },
  { text: /^Failed to /m, status: 1, cause: "failed" },
];

const OPTIONS = { user: {}, cwd: { isFolder: true }, slice: {} };

export const systemdRun: TransportData = {
  scheme: "systemd-run",
  options: OPTIONS,
  argv: ["systemd-run", ...UNIT],
  doubled: DOLLAR,
  isClient: true,
  failures: FAILURES,
};

export const machinectl: TransportData = {
  scheme: "machinectl",
  destination: { noun: "machine", example: "machinectl:app" },
  options: OPTIONS,
  argv: ["systemd-run", "--machine={destination}", ...UNIT],
  doubled: DOLLAR,
  isClient: true,
  failures: FAILURES,
};
