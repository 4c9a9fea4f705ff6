/** `jexec:JAIL`: in a jail of FreeBSD. */
import type { TransportData } from "./data.ts";

export const jexec: TransportData = {
  scheme: "jexec",
  destination: { noun: "jail", example: "jexec:web" },
  options: { user: {} },
  // The user is one of the jail's.
  argv: ["jexec", ["-U", "{user}"], "{destination}", "{command}"],
  failures: [
    { text: /jail ".*" not found|no such jail/, cause: "not-found", hint: "jls lists them" },
    { text: /no such user|unknown user/, cause: "unknown-user" },
    { text: /jail_attach.*not permitted/, cause: "permission-denied" },
    { text: /jexec: execvp: sh: No such file/, cause: "no-shell" },
    { text: /^jexec: /m, status: 1, cause: "failed" },
  ],
};
