/** `unshare?ns=NAMES`: in namespaces of its own. With `user`, an ordinary user may do it. */
import type { TransportData } from "./data.ts";

export const unshare: TransportData = {
  scheme: "unshare",
  options: {
    ns: {
      default: "mount",
      words: {
        mount: ["--mount"],
        // The first process of the namespace is a child, and must not outlive unshare.
        pid: ["--pid", "--fork", "--kill-child", "--mount-proc"],
        net: ["--net"],
        uts: ["--uts"],
        ipc: ["--ipc"],
        cgroup: ["--cgroup"],
        user: ["--user", "--map-root-user"],
      },
    },
    root: { isFolder: true },
    cwd: { isFolder: true },
  },
  argv: ["unshare", "{ns}", ["--root={root}"], ["--wd={cwd}"], "--", "{command}"],
  failures: [
    {
      text: /unshare failed: Operation not permitted/,
      cause: "permission-denied",
      hint: "take the way of a user who may: sudo:root/unshare; or add user to ns",
    },
    { text: /cannot change (root )?directory|cannot chdir/, cause: "no-folder" },
    { text: /failed to execute sh: No such file/, cause: "no-shell" },
    { text: /^unshare: /m, status: 1, cause: "failed" },
  ],
};
