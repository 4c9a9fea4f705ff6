/** Every Node.js of test/nodes, over a pipe. */
import { NODES, nodeOf, nodeVersions } from "../helpers/javascripts.ts";
import { suite } from "../helpers/skip.ts";
import { rowsByPipe } from "./extent.ts";
import { javascriptKind } from "./javascript.ts";
import { opener } from "./session.ts";
import { conformance } from "./suite.ts";

for (const version of NODES) {
  const { path, missing } = nodeOf(version);
  const kind = javascriptKind("node", version);
  const rows = rowsByPipe(version, nodeVersions());
  const connect = opener("local", kind, () => ({ kind: "node", node: path }));
  suite(`node ${version}, local`, missing, "node", () => conformance(connect, kind, rows));
}
