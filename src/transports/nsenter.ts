/**
 * `nsenter:PID`, or the name of a container of podman, docker or systemd: in the namespaces of a
 * process that runs there. `?ns=mount+net` enters some of them; all is the default.
 */
import type { TransportData } from "./data.ts";

/** Finds the process of a container, and becomes nsenter. Its messages begin with `econtext:`. */
const ENTER =
  "t=$0;n=;" +
  "case $t in *[!0-9]*)t=;for c in podman docker;do command -v $c >/dev/null||continue;" +
  "n=1;t=$($c inspect --type container --format '{{.State.Pid}}' \"$0\" 2>/dev/null)&&break;t=;done;" +
  'if [ -z "$t" ]&&command -v machinectl >/dev/null;then n=1;' +
  't=$(machinectl show --property=Leader --value "$0" 2>/dev/null);fi;' +
  '[ -n "$n" ]||{ echo "econtext: no program to find containers with">&2;exit 125;};' +
  '[ -n "$t" ]||{ echo "econtext: no such container">&2;exit 125;};' +
  '[ "$t" != 0 ]||{ echo "econtext: not running">&2;exit 125;};esac;' +
  'command -v nsenter >/dev/null||{ echo "econtext: no nsenter">&2;exit 125;};' +
  'exec nsenter --target="$t" "$@"';

export const nsenter: TransportData = {
  scheme: "nsenter",
  destination: { noun: "process or container", example: "nsenter:1234 or nsenter:app" },
  options: {
    ns: {
      default: "all",
      words: {
        all: ["--all"],
        mount: ["--mount"],
        pid: ["--pid"],
        net: ["--net"],
        uts: ["--uts"],
        ipc: ["--ipc"],
        cgroup: ["--cgroup"],
        user: ["--user"],
        // Of a process in a chroot.
        root: ["--root", "--wd"],
      },
    },
    cwd: { isFolder: true },
  },
  argv: ["sh", "-c", ENTER, "{destination}", "{ns}", ["--wd={cwd}"], "--", "{command}"],
  failures: [
    { text: /^econtext: no nsenter/m, cause: "no-program" },
    { text: /^econtext: not running/m, cause: "stopped" },
    { text: /^econtext: no such container/m, cause: "not-found" },
    {
      text: /^econtext: no program to find/m,
      cause: "not-found",
      hint: "give the number of a process, or install podman, docker or machinectl",
    },
    { text: /\/proc\/\d+\/ns\/\w+( failed)?: No such file/, cause: "not-found" },
    { text: /nsenter: .*(Permission denied|not permitted)/, cause: "permission-denied" },
    { text: /failed to execute sh: No such file/, cause: "no-shell" },
    { text: /^nsenter: /m, status: 1, cause: "failed" },
  ],
};
