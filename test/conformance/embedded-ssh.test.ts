/**
 * A Python, a Node and a Bun through the embedded ssh and a real sshd: all rows for one of them,
 * and for the others those that rest on the way. For one of them, a hop makes the connection.
 */
import { afterAll, beforeAll } from "bun:test";
import type { ConnectOptions } from "../../src/index.ts";
import { bun, nodeOf, nodeVersions } from "../helpers/javascripts.ts";
import { pythonOf, pythonVersions } from "../helpers/pythons.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { ALL_ROWS, EVERY_VERSION_ROWS } from "./extent.ts";
import { javascriptKind } from "./javascript.ts";
import { pythonKind } from "./python.ts";
import { opener } from "./session.ts";
import { conformance } from "./suite.ts";

suite("the embedded ssh", missingSshd(), "sshd", () => {
  let server: SshServer | undefined;
  beforeAll(async () => {
    server = await startSshd();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  const ssh = (): ConnectOptions => ({
    ssh: { engine: "embedded", options: ["-F", server?.configPath ?? ""] },
  });
  const python = pythonVersions().at(-1) ?? "3.13";
  const { python: found, missing } = pythonOf(python);
  suite(`python ${python}`, missing, "python", () => {
    const kind = pythonKind(python);
    const own = { kind: "python", python: found?.path ?? "" } as const;
    conformance(
      opener("target", kind, () => ({ ...own, ...ssh() })),
      kind,
      ALL_ROWS,
    );
  });

  const version = nodeVersions().at(-1) ?? "26";
  const node = nodeOf(version);
  suite(`node ${version}`, node.missing, "node", () => {
    const kind = javascriptKind("node", version);
    conformance(
      opener("target", kind, () => ({ kind: "node", node: node.path, ...ssh() })),
      kind,
      EVERY_VERSION_ROWS,
    );
  });

  const its = bun();
  suite(`bun ${process.versions.bun}, behind a hop`, its.missing, "bun", () => {
    const kind = javascriptKind("bun", process.versions.bun);
    conformance(
      opener("local/target", kind, () => ({ kind: "bun", bun: its.path, ...ssh() })),
      kind,
      EVERY_VERSION_ROWS,
    );
  });
});
