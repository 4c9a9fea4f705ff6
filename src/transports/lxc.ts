/** `lxc:CONTAINER`: in a container of LXC. Those of LXD and Incus have their own programs. */
import type { TransportData } from "./data.ts";

export const lxc: TransportData = {
  scheme: "lxc",
  destination: { noun: "container", example: "lxc:app" },
  options: { uid: {}, gid: {} },
  argv: [
    "lxc-attach",
    "--clear-env",
    ["--uid={uid}"],
    ["--gid={gid}"],
    "--name={destination}",
    "--",
    "{command}",
  ],
  failures: [
    {
      text: /Failed to get init pid|is not running/,
      cause: "stopped",
      hint: "check the name, and that it runs: lxc-ls --fancy",
    },
    { text: /Permission denied|Operation not permitted/, cause: "permission-denied" },
    { text: /No such file or directory - Failed to exec "sh"/, cause: "no-shell" },
    { text: /^lxc-attach: /m, status: 1, cause: "failed" },
  ],
};
