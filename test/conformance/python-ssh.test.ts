/** A few Pythons of this machine, through the system's ssh client and a real sshd. */
import { afterAll, beforeAll } from "bun:test";
import { pythonOf, pythonVersions } from "../helpers/pythons.ts";
import { sample } from "../helpers/sample.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { rowsBySsh } from "./extent.ts";
import { pythonKind } from "./python.ts";
import { opener } from "./session.ts";
import { conformance } from "./suite.ts";

suite("sshd", missingSshd(), "sshd", () => {
  let server: SshServer | undefined;
  beforeAll(async () => {
    server = await startSshd();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  for (const version of sample(pythonVersions())) {
    const { python, missing } = pythonOf(version);
    const kind = pythonKind(version);
    const rows = rowsBySsh(version, pythonVersions());
    const connect = opener("target", kind, () => ({
      kind: "python",
      python: python?.path ?? "",
      ssh: { options: ["-F", server?.configPath ?? ""] },
    }));
    suite(`python ${version}, ssh`, missing, "python", () => conformance(connect, kind, rows));
  }
});
