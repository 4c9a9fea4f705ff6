/**
 * `podman:CONTAINER`: in a container that runs. Signals to podman do not reach the command, which
 * gets an end of file instead.
 */
import type { Failure, TransportData } from "./data.ts";

/** What the runtimes of containers print, whichever program starts them. */
export const RUNTIME: readonly Failure[] = [
  {
    text: /unable to find user /,
    cause: "unknown-user",
    hint: "the accounts of the container count: cat /etc/passwd in it",
  },
  { text: /chdir to cwd /, cause: "no-folder" },
  { text: /exec: "sh": executable file not found/, cause: "no-shell" },
];

export const podman: TransportData = {
  scheme: "podman",
  destination: { noun: "container", example: "podman:app" },
  options: { user: {}, cwd: { isFolder: true } },
  argv: [
    "podman",
    "exec",
    "-i", // without it, standard input is empty
    ["--user={user}"],
    ["--workdir={cwd}"],
    "{destination}",
    "{command}",
  ],
  isClient: true,
  failures: [
    ...RUNTIME,
    { text: /no such container/, cause: "not-found", hint: "podman ps lists those that run" },
    {
      text: /container state improper|is not running/,
      cause: "stopped",
      hint: "podman start NAME",
    },
    { text: /permission denied/i, status: 125, cause: "permission-denied" },
    { text: /^Error: /m, status: 125, cause: "failed" },
  ],
};
