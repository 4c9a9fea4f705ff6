/**
 * Copies of the same folder to one place at the same time, as to hosts that share a home folder:
 * each of them succeeds, and the place then holds the folder and nothing else.
 */
import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Broker, type ConnectOptions } from "../../src/index.ts";
import { bun, NODES, nodeOf } from "../helpers/javascripts.ts";
import { pythonOf, pythonVersions } from "../helpers/pythons.ts";
import { pattern } from "../helpers/random.ts";
import { sample } from "../helpers/sample.ts";
import { suite } from "../helpers/skip.ts";

const ROUNDS = 12;
const COPIES = 3;

const home = mkdtempSync(join(tmpdir(), "econtext-same-place-"));
afterAll(() => rmSync(home, { recursive: true }));

const from = join(home, "app");
// Each folder is one more that the copies make at the same time.
for (let at = 0; at < 50; at++) mkdirSync(join(from, "many", String(at)), { recursive: true });
mkdirSync(join(from, "a/b/c/d"), { recursive: true });
mkdirSync(join(from, "e/f"), { recursive: true });
writeFileSync(join(from, "a/b/c/d/large"), pattern(400_000));
writeFileSync(join(from, "a/small"), "small");
writeFileSync(join(from, "e/f/tool"), "tool");
chmodSync(join(from, "e/f/tool"), 0o750);
chmodSync(join(from, "e/f"), 0o700);
symlinkSync("../small", join(from, "a/b/link"));

/** The path, mode and content of everything in a folder. */
function tree(root: string): readonly unknown[] {
  const paths = readdirSync(root, { recursive: true, encoding: "utf8" }).sort();
  return paths.map((path) => {
    const stats = lstatSync(join(root, path));
    const content = stats.isFile() ? readFileSync(join(root, path), "latin1") : "";
    return [path, stats.mode, content];
  });
}

/** With --resume, all copies find the same unfinished file in every second round. */
const WAYS = [
  { way: "put", resume: false, rounds: ROUNDS },
  { way: "put", resume: true, rounds: 6 },
  { way: "get", resume: false, rounds: 6 },
  { way: "get", resume: true, rounds: 6 },
] as const;

function plant(place: string): void {
  mkdirSync(join(place, "app/a/b/c/d"), { recursive: true });
  writeFileSync(join(place, "app/a/b/c/d/.large.econtext-part"), pattern(400_000).subarray(0, 9));
}

function copies(name: string, options: ConnectOptions): void {
  test(`${name}, ${String(ROUNDS)} rounds`, async () => {
    await using broker = new Broker();
    const contexts = await Promise.all(
      Array.from({ length: COPIES }, () => broker.connect("local", options)),
    );
    for (const { way, resume, rounds } of WAYS) {
      for (let round = 0; round < rounds; round++) {
        const place = mkdtempSync(join(home, "place-"));
        if (resume && round % 2 === 1) plant(place);
        const copying = { recursive: true, resume };
        const all = contexts.map((context) => context[way](from, place, copying));
        for (const result of await Promise.allSettled(all)) {
          if (result.status === "rejected") throw result.reason;
          expect(result.value.files + result.value.same).toBe(3);
        }
        expect(tree(join(place, "app"))).toEqual(tree(from));
        rmSync(place, { recursive: true });
      }
    }
  }, 120_000);
}

for (const version of sample(pythonVersions())) {
  const { python, missing } = pythonOf(version);
  suite(`copies to the same place, python ${version}`, missing, "python", () =>
    copies("python", { kind: "python", python: python?.path ?? "" }),
  );
}
for (const version of sample(NODES)) {
  const { path, missing } = nodeOf(version);
  suite(`copies to the same place, node ${version}`, missing, "node", () =>
    copies("node", { kind: "node", node: path }),
  );
}
suite("copies to the same place, bun", bun().missing, "bun", () =>
  copies("bun", { kind: "bun", bun: bun().path }),
);

test("below a folder that cannot be made, nothing is, and the rest is copied", async () => {
  await using broker = new Broker();
  const place = join(home, "blocked");
  mkdirSync(join(place, "app"), { recursive: true });
  writeFileSync(join(place, "app/a"), "a file stands where a folder should");
  const context = await broker.connect("local", { kind: "bun", bun: process.execPath });
  const failed = context.put(from, place, { recursive: true });
  await expect(failed).rejects.toMatchObject({
    code: "ERR_FILES_COPY",
    failures: [{ path: join(place, "app/a"), problem: "Not a directory" }],
  });
  expect(readFileSync(join(place, "app/e/f/tool"), "utf8")).toBe("tool");
});
