/**
 * The behaviours that every far side has alike, as one suite: a new kind of far side, or a new way to it, is a file of a few lines
 * that calls this. Knows no transport.
 */
import { afterAll, beforeAll, describe } from "bun:test";
import { calls } from "./calls.ts";
import { control } from "./control.ts";
import { errors } from "./errors.ts";
import { importing } from "./importing.ts";
import { interruption } from "./interruption.ts";
import { output } from "./output.ts";
import { processes } from "./processes.ts";
import { resources } from "./resources.ts";
import type { Capabilities, Connect, Far, Session } from "./session.ts";

const TABLES = { calls, errors, interruption, output, control, processes, importing, resources };
type TableName = keyof typeof TABLES;

/** Inside of a `suite`. One context serves all of it; `only` takes some of the tables. */
export function conformance(
  connect: Connect,
  capabilities: Capabilities,
  only: readonly TableName[] = Object.keys(TABLES) as TableName[],
): void {
  let open: Session | undefined;
  beforeAll(async () => {
    open = await connect();
    await open.context.ready();
  });
  afterAll(() => open?.broker.close());
  const session = (): Session => {
    if (open === undefined) throw new Error("there is no context");
    return open;
  };
  const far: Far = {
    ...capabilities,
    connect,
    session,
    call: (name, ...args) => session().context.call(name, ...args),
    python3: !capabilities.version.startsWith("2"),
  };
  for (const name of only) describe(name, () => TABLES[name](far));
}
