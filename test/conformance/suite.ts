/**
 * The behaviours that every far side has alike, as one suite: a new kind of far side, or a new way
 * to it, is a file of a few lines that calls this. Knows no transport. What a language alone has is
 * in tables of its own, each with the reason why.
 */
import { describe } from "bun:test";
import { calls } from "./calls.ts";
import { channels } from "./channels.ts";
import { commandEndings } from "./command-endings.ts";
import { commands } from "./commands.ts";
import { control } from "./control.ts";
import { errors } from "./errors.ts";
import type { Rows } from "./extent.ts";
import { fileContents } from "./file-contents.ts";
import { files } from "./files.ts";
import { importing } from "./importing.ts";
import { interruption } from "./interruption.ts";
import { javascriptModules } from "./javascript-modules.ts";
import { javascriptRuntime } from "./javascript-runtime.ts";
import type { Kind } from "./kind.ts";
import { output } from "./output.ts";
import { processes } from "./processes.ts";
import { pythonFiles } from "./python-files.ts";
import { pythonModules } from "./python-modules.ts";
import { pythonRuntime } from "./python-runtime.ts";
import { resources } from "./resources.ts";
import type { Connect, Far } from "./session.ts";
import { sharedSession } from "./shared.ts";

type Table = (far: Far) => void;

const SHARED = {
  calls,
  errors,
  interruption,
  output,
  control,
  processes,
  channels,
  commands,
  commandEndings,
  files,
  fileContents,
  importing,
};
const OWN: Readonly<Record<Kind["language"], Readonly<Record<string, Table>>>> = {
  python: { pythonRuntime, pythonModules, pythonFiles, resources },
  javascript: { javascriptRuntime, javascriptModules },
};

/** Inside of a `suite`. One context serves all of it. */
export function conformance(connect: Connect, kind: Kind, rows: Rows): void {
  const session = sharedSession(connect);
  const far: Far = {
    ...kind,
    ...rows,
    connect,
    session,
    call: (name, ...args) => session().call(name, ...args),
    callWith: (options, name, ...args) => session().callWith(options, name, ...args),
  };
  for (const [name, table] of Object.entries({ ...SHARED, ...OWN[kind.language] })) {
    describe(name, () => table(far));
  }
}
