/**
 * econtext.values as it is sent to JavaScript contexts, in every Node.js found: built from the
 * master's own codec, it must do with each vector what the master does: read it and write it again
 * as the same bytes, or refuse it with the same code.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JS_TIER2 } from "../../src/interpreters/embedded.ts";
import { decodeValue, encodeValue } from "../../src/protocol/value.ts";
import { NODES, nodeOf } from "../helpers/javascripts.ts";
import { suite } from "../helpers/skip.ts";
import { bodyOf, flatten, VECTORS } from "../helpers/value-notation.ts";

const BODIES = VECTORS.map((vector) => bodyOf(vector).toHex());

/** Runs in the slave's interpreter, with the codec as module.exports. */
const PROBE = `
const { decodeValue, encodeValue } = module.exports;
const bodies = JSON.parse(require("fs").readFileSync(0, "utf8"));
const outcomes = bodies.map((hex) => {
  try {
    const value = decodeValue(new Uint8Array(Buffer.from(hex, "hex")));
    return Buffer.concat(encodeValue(value, { root: "value" }).chunks).toString("hex");
  } catch (e) {
    return e.code;
  }
});
console.log(JSON.stringify(outcomes));
`;

/** References stay what they are. */
const CORE =
  "const core = { tier: () => ({ refer: () => undefined, adopt: (reference) => reference }) };";

function ours(hex: string): string {
  try {
    return flatten(encodeValue(decodeValue(Uint8Array.fromHex(hex)))).toHex();
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
}

for (const version of NODES) {
  const { path, missing } = nodeOf(version);
  suite(`values, node ${version}`, missing, "node", () => {
    test("every vector is read, written and refused as the master does it", () => {
      const dir = mkdtempSync(join(tmpdir(), "econtext-values-"));
      try {
        const file = join(dir, "values.js");
        writeFileSync(file, `${CORE}\n${JS_TIER2["values"] ?? ""}\n${PROBE}`);
        const stdin = new TextEncoder().encode(JSON.stringify(BODIES));
        const { stdout, stderr } = Bun.spawnSync([path, file], { stdin });
        expect(stderr.toString()).toBe("");
        const outcomes = JSON.parse(stdout.toString()) as string[];
        expect(outcomes).toEqual(BODIES.map(ours));
        expect(outcomes).toContain("ERR_PROTOCOL_VALUE");
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    });
  });
}
