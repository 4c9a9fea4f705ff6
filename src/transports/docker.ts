/** `docker:CONTAINER`: in a container that runs. The service may be on another machine. */
import type { TransportData } from "./data.ts";
import { RUNTIME } from "./podman.ts";

const START = "docker start NAME, or docker unpause NAME";

export const docker: TransportData = {
  scheme: "docker",
  destination: { noun: "container", example: "docker:app" },
  options: { user: {}, cwd: { isFolder: true }, context: {} },
  argv: [
    "docker",
    ["--context={context}"],
    "exec",
    "-i",
    ["--user={user}"],
    ["--workdir={cwd}"],
    "{destination}",
    "{command}",
  ],
  hasNetwork: true,
  isClient: true,
  failures: [
    ...RUNTIME,
    { text: /No such container/, cause: "not-found", hint: "docker ps lists those that run" },
    { text: /is not running|is paused/, cause: "stopped", hint: START },
    { text: /permission denied while trying to connect/, cause: "permission-denied" },
    { text: /annot connect to the Docker daemon|error during connect/, cause: "unreachable" },
    { text: /context ".*".* not found/, cause: "failed", hint: "docker context ls lists them" },
    { text: /^Error response from daemon: /m, cause: "failed" },
  ],
};
