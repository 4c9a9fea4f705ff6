/** A few Nodes of test/nodes, through the system's ssh client and a real sshd. */
import { afterAll, beforeAll } from "bun:test";
import { nodeOf, nodeVersions } from "../helpers/javascripts.ts";
import { sample } from "../helpers/sample.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { rowsBySsh } from "./extent.ts";
import { javascriptKind } from "./javascript.ts";
import { opener } from "./session.ts";
import { conformance } from "./suite.ts";

suite("sshd", missingSshd(), "sshd", () => {
  let server: SshServer | undefined;
  beforeAll(async () => {
    server = await startSshd();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  for (const version of sample(nodeVersions())) {
    const { path, missing } = nodeOf(version);
    const kind = javascriptKind("node", version);
    const rows = rowsBySsh(version, nodeVersions());
    const connect = opener("target", kind, () => ({
      kind: "node",
      node: path,
      ssh: { options: ["-F", server?.configPath ?? ""] },
    }));
    suite(`node ${version}, ssh`, missing, "node", () => conformance(connect, kind, rows));
  }
});
