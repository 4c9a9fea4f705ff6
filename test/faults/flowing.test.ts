/**
 * A context whose values flow as fast as they are taken hears what it is told meanwhile: a
 * question, or that nothing more is wanted. One that does not hear that in time is ended.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Broker, type Context } from "../../src/index.ts";
import { javascriptKind } from "../conformance/javascript.ts";
import type { Kind } from "../conformance/kind.ts";
import { pythonKind } from "../conformance/python.ts";
import { bun, nodeOf } from "../helpers/javascripts.ts";
import { pythonOf } from "../helpers/pythons.ts";
import { suite } from "../helpers/skip.ts";

/** Contexts at once: so each has little of the processors. A new one sends the most at once. */
const LANES = 4;
const CONTEXTS = 3;
const ROUNDS = 4;
const VALUES = 8000;

function rows(kind: Kind, path: string): void {
  let broker: Broker;
  beforeAll(() => {
    broker = new Broker({ roots: kind.roots });
  });
  afterAll(() => broker.close());

  /** Leaves the values when a question is answered that is asked when the first comes. */
  async function askWhileValuesFlow(context: Context): Promise<void> {
    let taken = 0;
    let asked: Promise<unknown> | undefined;
    let isAnswered = false;
    for await (const value of context.call(kind.fn("tasks.flow.count"), VALUES)) {
      expect(value).toBe(taken++);
      asked ??= context.ping().then(() => {
        isAnswered = true;
      });
      if (isAnswered) break;
    }
    await asked;
  }

  test("several contexts whose values flow", async () => {
    const lane = async (): Promise<void> => {
      for (let i = 0; i < CONTEXTS; i++) {
        const context = await broker.connect("local", { kind: kind.kind, [kind.kind]: path });
        for (let round = 0; round < ROUNDS; round++) await askWhileValuesFlow(context);
        for (let round = 0; round < ROUNDS; round++) {
          for await (const value of context.call(kind.fn("tasks.flow.count"), VALUES)) {
            expect(value).toBe(0);
            break;
          }
        }
        await context.close();
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
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
