/**
 * The tables through other contexts: a hop of each language, in its oldest and newest version, with
 * a far side of the same version behind it; and two hops of different languages.
 */
import { afterAll, beforeAll } from "bun:test";
import type { ConnectOptions } from "../../src/index.ts";
import { bun, nodeOf, nodeVersions } from "../helpers/javascripts.ts";
import { pythonOf, pythonVersions } from "../helpers/pythons.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { ALL_ROWS, EVERY_VERSION_ROWS, type Rows } from "./extent.ts";
import { javascriptKind } from "./javascript.ts";
import type { Kind } from "./kind.ts";
import { pythonKind } from "./python.ts";
import { conformance } from "./suite.ts";
import { openerThrough } from "./through.ts";

interface Place {
  readonly kind: Kind;
  readonly options: ConnectOptions;
  readonly missing: string | undefined;
}

function onPython(version: ReturnType<typeof pythonVersions>[number]): Place {
  const { python, missing } = pythonOf(version);
  const options: ConnectOptions = { kind: "python", python: python?.path ?? "" };
  return { kind: pythonKind(version), options, missing };
}

function onNode(version: ReturnType<typeof nodeVersions>[number]): Place {
  const { path, missing } = nodeOf(version);
  return { kind: javascriptKind("node", version), options: { kind: "node", node: path }, missing };
}

function onBun(): Place {
  const { path, missing } = bun();
  const kind = javascriptKind("bun", process.versions.bun);
  return { kind, options: { kind: "bun", bun: path }, missing };
}

suite("sshd", missingSshd(), "sshd", () => {
  let server: SshServer | undefined;
  beforeAll(async () => {
    server = await startSshd();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  /** @param way the hops, and the far side last */
  function through(rows: Rows, ...way: readonly Place[]): void {
    const names = way.map(({ kind }) => `${kind.kind} ${kind.version}`);
    const missing = way.find((place) => place.missing !== undefined)?.missing;
    const target = way.at(-1);
    if (target === undefined) return;
    const connect = openerThrough(
      way.map(({ options }) => options),
      target.kind,
      () => ["-F", server?.configPath ?? ""],
    );
    suite(names.join(", then "), missing, target.kind.kind, () =>
      conformance(connect, target.kind, rows),
    );
  }

  const [oldPython, newPython] = [pythonVersions().at(0), pythonVersions().at(-1)];
  const [oldNode, newNode] = [nodeVersions().at(0), nodeVersions().at(-1)];
  if (oldPython !== undefined)
    through(EVERY_VERSION_ROWS, onPython(oldPython), onPython(oldPython));
  if (newPython !== undefined) through(ALL_ROWS, onPython(newPython), onPython(newPython));
  if (oldNode !== undefined) through(EVERY_VERSION_ROWS, onNode(oldNode), onNode(oldNode));
  if (newNode !== undefined) through(ALL_ROWS, onNode(newNode), onNode(newNode));
  through(EVERY_VERSION_ROWS, onBun(), onBun());
  if (newPython !== undefined)
    through(EVERY_VERSION_ROWS, onPython(newPython), onBun(), onPython(newPython));
});
