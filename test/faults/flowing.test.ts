/**
 * A context whose values flow as fast as they are taken hears what it is told meanwhile. Between
 * two processes of one machine, what is under way when a question is asked is what a pipe holds.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Broker, type Context } from "../../src/index.ts";
import { javascriptKind } from "../conformance/javascript.ts";
import type { Kind } from "../conformance/kind.ts";
import { pythonKind } from "../conformance/python.ts";
import { bun, nodeOf } from "../helpers/javascripts.ts";
import { pythonOf } from "../helpers/pythons.ts";
import { suite } from "../helpers/skip.ts";

const ROUNDS = 20;
/** A new context sends more of them at once than one that is warm: so some are in a new one. */
const CONTEXTS = 4;
const VALUES = 8000;
const MAX_BEFORE_ANSWER = 2500;

function rows(kind: Kind, path: string): void {
  let broker: Broker;
  beforeAll(() => {
    broker = new Broker({ roots: kind.roots });
  });
  afterAll(() => broker.close());

  /** How many values come before the answer to a question that is asked at the first. */
  async function valuesBeforeAnswer(context: Context): Promise<number> {
    let taken = 0;
    let isAnswered = false;
    let pinged: Promise<unknown> | undefined;
    for await (const value of context.call(kind.fn("tasks.flow.count"), VALUES)) {
      expect(value).toBe(taken++);
      pinged ??= context.ping().then(() => {
        isAnswered = true;
      });
      if (isAnswered) break;
    }
    await pinged;
    return taken;
  }

  test("a question is answered while values flow", async () => {
    const seen: number[] = [];
    for (let i = 0; i < CONTEXTS; i++) {
      const context = await broker.connect("local", { kind: kind.kind, [kind.kind]: path });
      for (let round = 0; round < ROUNDS / CONTEXTS; round++) {
        seen.push(await valuesBeforeAnswer(context));
      }
      await context.close();
    }
    expect(Math.max(...seen)).toBeLessThan(MAX_BEFORE_ANSWER);
  });
}

for (const version of ["2.7", "3.13"] as const) {
  const { python, missing } = pythonOf(version);
  suite(`python ${version}`, missing, "python", () =>
    rows(pythonKind(version), python?.path ?? ""),
  );
}
suite("bun", bun().missing, "bun", () =>
  rows(javascriptKind("bun", process.versions.bun), bun().path),
);
for (const version of ["18", "26"] as const) {
  const { path, missing } = nodeOf(version);
  suite(`node ${version}`, missing, "node", () =>
    rows(javascriptKind("node", version), path ?? ""),
  );
}
