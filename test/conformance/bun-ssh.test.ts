/** The Bun that runs the tests, through the system's ssh client and a real sshd. */
import { afterAll, beforeAll } from "bun:test";
import { bun } from "../helpers/javascripts.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { ALL_ROWS } from "./extent.ts";
import { javascriptKind } from "./javascript.ts";
import { opener } from "./session.ts";
import { conformance } from "./suite.ts";

suite("sshd", missingSshd(), "sshd", () => {
  let server: SshServer | undefined;
  beforeAll(async () => {
    server = await startSshd();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  const { path, missing } = bun();
  const kind = javascriptKind("bun", process.versions.bun);
  const connect = opener("target", kind, () => ({
    kind: "bun",
    bun: path,
    ssh: { options: ["-F", server?.configPath ?? ""] },
  }));
  suite(`bun ${kind.version}, ssh`, missing, "bun", () => conformance(connect, kind, ALL_ROWS));
});
