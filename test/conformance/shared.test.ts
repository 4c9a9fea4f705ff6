/** A context that dies, or hangs, costs one row, which says what is known of the end. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { pythons } from "../helpers/pythons.ts";

const FIXTURE = join(import.meta.dir, "../fixtures/dying-context.ts");
const python = pythons().at(-1)?.path;

test.if(python !== undefined)(
  "a shared context that dies fails its row, and no other",
  async () => {
    const child = Bun.spawn([process.execPath, "test", "--timeout=50000", FIXTURE], {
      stdio: ["ignore", "ignore", "pipe"],
      env: {
        ...process.env,
        ECONTEXT_TEST_PYTHON: python,
        ECONTEXT_TEST_RUN: crypto.randomUUID(),
      },
    });
    const said = await child.stderr.text();
    const results = [...said.matchAll(/^\((pass|fail)\) one context > ([^[\n]+?)(?: \[|$)/gm)];
    expect(results.map(([, result, title]) => `${result}: ${title}`)).toEqual([
      "pass: first",
      "fail: it dies",
      "pass: behind a death",
      "fail: it dies, and no test notices",
      "pass: behind another",
      "fail: it hangs until its time is over",
      "pass: behind one that hung",
    ]);
    expect(said).toMatch(/^error: after this row .*DisconnectError/m);
    expect(said).toContain("\n  stdout: last words\n");
  },
  60_000,
);
