/**
 * `kubectl:POD`, `kubectl:NAMESPACE:POD`, `kubectl:NAMESPACE:POD:CONTAINER`: in a pod of a cluster.
 * In `NAMESPACE:deploy%2Fweb`, kubectl takes a pod of that deployment.
 */
import type { TransportData } from "./data.ts";

const CAN_I = "check the rights: kubectl auth can-i create pods/exec";

const CONTEXTS = "kubectl config get-contexts lists the contexts";

export const kubectl: TransportData = {
  scheme: "kubectl",
  destination: {
    noun: "pod",
    example: "kubectl:POD, kubectl:NAMESPACE:POD or kubectl:NAMESPACE:POD:CONTAINER",
    parts: [["pod"], ["namespace", "pod"], ["namespace", "pod", "container"]],
  },
  options: { context: {} },
  argv: [
    "kubectl",
    ["--context={context}"],
    ["--namespace={namespace}"],
    "exec",
    "-i",
    ["--container={container}"],
    "{pod}",
    "--",
    "{command}",
  ],
  hasNetwork: true,
  isClient: true,
  failures: [
    { text: /\(NotFound\)/, cause: "not-found", hint: "kubectl get pods lists them" },
    {
      text: /container .* is not valid for pod|container not found/,
      cause: "not-found",
      hint: "kubectl get pod NAME -o jsonpath={.spec.containers[*].name} lists its containers",
    },
    { text: /in a completed pod|is not running/, cause: "stopped", hint: "kubectl get pods" },
    { text: /\(Forbidden\)|Unauthorized/, cause: "permission-denied", hint: CAN_I },
    {
      text: /was refused|Unable to connect to the server|i\/o timeout/,
      cause: "unreachable",
      hint: "check the cluster and the context: kubectl cluster-info",
    },
    { text: /exec: "sh": executable file not found|starting container .* "sh"/, cause: "no-shell" },
    { text: /context .*(was not found|does not exist)/, cause: "not-found", hint: CONTEXTS },
    { text: /^error: |^Error from server/m, status: 1, cause: "failed" },
  ],
};
