/**
 * stage1/python/tier2/values under every Python found: the vectors, its own checks, and values
 * that go there and come back. Each with the interpreter's own JSON, and with
 * stage1/python/tier2/json_codec.py.
 */
import { describe as about, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { decodeValue, encodeValue } from "../../src/protocol/value.ts";
import { makeDice, randomValue, SEED } from "../helpers/random.ts";
import {
  bodyOf,
  concat,
  describe,
  flatten,
  type Notation,
  sorted,
  throughPython,
  VECTORS,
} from "../helpers/value-notation.ts";

const VERSIONS = ["2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"];
const ROOT = join(import.meta.dir, "../..");
const FIXTURE = [
  join(import.meta.dir, "values_fixture.py"),
  join(ROOT, "stage1/python/tier2/values"),
];

/** The interpreter of a version: on the PATH, or pyenv's. */
function findPython(version: string): string | undefined {
  const onPath = Bun.which(`python${version}`);
  if (onPath && Bun.spawnSync([onPath, "-c", ""]).success) return onPath;
  const versions = join(process.env.PYENV_ROOT ?? join(homedir(), ".pyenv"), "versions");
  try {
    const found = readdirSync(versions).find((name) => name.startsWith(`${version}.`));
    return found && join(versions, found, "bin/python");
  } catch {
    return undefined;
  }
}

function runFixture(python: string, ...args: string[]): unknown {
  const { stdout, stderr } = Bun.spawnSync([python, "-B", ...FIXTURE, ...args]);
  expect(stderr.toString()).toBe("");
  return JSON.parse(stdout.toString());
}

interface Outcome {
  readonly name: string;
  readonly value?: Notation;
  readonly refused?: string;
  readonly encoded?: string;
  readonly again?: Notation;
  readonly accepted: number[];
}

/** Where our own JSON may differ: there is none of it in the other versions either. */
const OWN = ["2.7", "3.6", "3.9", "3.13"];
const ROWS = VERSIONS.flatMap((version) =>
  (OWN.includes(version) ? ["c", "own"] : ["c"]).map((json) => ({ version, json })),
);

for (const { version, json } of ROWS) {
  const python = findPython(version);
  if (!python) {
    test.skip(`python ${version}: not found`, () => {});
    continue;
  }

  about(`python ${version}, json: ${json}`, () => {
    test("vectors", () => {
      const outcomes = runFixture(python, json, "vectors", join(ROOT, "test/vectors/values.json"));
      for (const [i, outcome] of (outcomes as Outcome[]).entries()) {
        const vector = VECTORS[i];
        if (!vector) throw new Error("more outcomes than vectors");
        const { name, refused, value = null, python: override, loose } = vector;
        const expected = override !== undefined ? override : refused ? "refused" : value;
        const got = outcome.refused === undefined ? sorted(outcome.value ?? null) : "refused";
        if (expected !== "any") expect([name, got]).toEqual([name, sorted(expected)]);
        if (outcome.encoded !== undefined) {
          const body = Uint8Array.fromHex(outcome.encoded);
          expect([name, describe(decodeValue(body))]).toEqual([name, sorted(value)]);
          expect([name, sorted(outcome.again ?? null)]).toEqual([name, sorted(value)]);
          if (!loose) expect([name, outcome.encoded]).toEqual([name, bodyOf(vector).toHex()]);
        }
        const closed = !refused && /^(00|5b|7b|22)/.test(bodyOf(vector).toHex());
        if (closed) expect([name, outcome.accepted]).toEqual([name, []]);
      }
      expect((outcomes as Outcome[]).length).toBe(VECTORS.length);
    });

    test("checks", () => {
      expect(runFixture(python, json, "checks")).toEqual([]);
    });

    test(`values go there and come back (ECONTEXT_TEST_SEED=${SEED})`, async () => {
      const dice = makeDice(SEED);
      const values = Array.from({ length: 1000 }, () => randomValue(dice, 4));
      const bodies = values.map((value) => flatten(encodeValue(value)));
      const input = concat(bodies.flatMap((body) => [lengthOf(body), body]));
      await using child = Bun.spawn([python, "-B", ...FIXTURE, json, "echo"], {
        stdin: input,
        stdout: "pipe",
        stderr: "pipe",
      });
      const [output, stderr] = await Promise.all([child.stdout.bytes(), child.stderr.text()]);
      expect(stderr).toBe("");
      let at = 0;
      for (const value of values) {
        const length = new DataView(output.buffer, output.byteOffset + at).getUint32(0);
        const body = output.slice(at + 4, at + 4 + length);
        at += 4 + length;
        expect(describe(decodeValue(body))).toEqual(throughPython(describe(value)));
      }
      expect(at).toBe(output.length);
    });
  });
}

function lengthOf(body: Uint8Array): Uint8Array {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, body.length);
  return head;
}
