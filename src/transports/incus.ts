/** `incus:INSTANCE`, and `lxd:INSTANCE` for its predecessor: in a container or virtual machine. */
import type { TransportData } from "./data.ts";

export const incus = incusLike("incus", "incus");
export const lxd = incusLike("lxd", "lxc");

function incusLike(scheme: string, program: string): TransportData {
  return {
    scheme,
    destination: { noun: "instance", example: `${scheme}:app or ${scheme}:REMOTE:app` },
    options: { uid: {}, gid: {}, cwd: { isFolder: true }, project: {} },
    argv: [
      program,
      "exec",
      "{destination}",
      "--force-noninteractive", // no terminal
      ["--project={project}"],
      ["--user={uid}"],
      ["--group={gid}"],
      ["--cwd={cwd}"],
      "--",
      "{command}",
    ],
    hasNetwork: true,
    isClient: true,
    failures: [
      { text: /not found/, status: 1, cause: "not-found", hint: `${program} list shows all` },
      { text: /not running|is stopped/, cause: "stopped", hint: `${program} start NAME` },
      { text: /permission denied|not authorized|Forbidden/i, cause: "permission-denied" },
      { text: /connection refused|unreachable|no such file|daemon/i, cause: "unreachable" },
      { text: /Command not found/, cause: "no-shell" },
      { text: /^Error: /m, status: 1, cause: "failed" },
    ],
  };
}
