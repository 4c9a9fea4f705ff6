/** Every Python of this machine, over a pipe. */
import { pythonOf, pythonVersions, SUPPORTED } from "../helpers/pythons.ts";
import { suite } from "../helpers/skip.ts";
import { rowsByPipe } from "./extent.ts";
import { pythonKind } from "./python.ts";
import { opener } from "./session.ts";
import { conformance } from "./suite.ts";

for (const version of SUPPORTED) {
  const { python, missing } = pythonOf(version);
  const kind = pythonKind(version);
  const rows = rowsByPipe(version, pythonVersions());
  const connect = opener("local", kind, () => ({ kind: "python", python: python?.path ?? "" }));
  suite(`python ${version}, local`, missing, "python", () => conformance(connect, kind, rows));
}
