/** `chroot:FOLDER`: in another root folder. Only root may use it. The command starts in `/`. */
import type { TransportData } from "./data.ts";

export const chroot: TransportData = {
  scheme: "chroot",
  destination: { noun: "folder", example: "chroot:%2Fsrv%2Froot", isFolder: true },
  options: { user: {} },
  argv: ["chroot", ["--userspec={user}"], "{destination}", "{command}"],
  failures: [
    { text: /chroot: invalid (user|group|spec)/, cause: "unknown-user" },
    {
      text: /change root directory to .*(No such file|Not a directory)/,
      cause: "not-found",
      hint: "check the folder; a slash in it is written %2F",
    },
    { text: /Operation not permitted|Permission denied/, status: 125, cause: "permission-denied" },
    { text: /failed to run command .sh.: No such file/, cause: "no-shell" },
    { text: /^chroot: /m, status: 125, cause: "failed" },
  ],
};
