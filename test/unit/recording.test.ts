/**
 * What a module's first context was sent is sent to the next one at once, in this run and in later
 * ones, as long as nothing that it came from has changed.
 */
import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Disk } from "../../src/modules/disk.ts";
import { JavaScriptFinder } from "../../src/modules/javascript/finder.ts";
import { JavaScriptResponder } from "../../src/modules/javascript/responder.ts";
import { TransformCache } from "../../src/modules/transform-cache.ts";
import { encodeValue } from "../../src/protocol/value.ts";
import { offeredRecords, recordsOf } from "../helpers/module-messages.ts";

const FILES: Readonly<Record<string, string>> = {
  "app/main.ts": `import "./a"; import "pkg"; export const late = () => import("./late.ts");`,
  "app/a.ts": `import "./deep/c.ts"; export const a = 1;`,
  "app/deep/c.ts": `import text from "./d.txt" with { type: "text" }; export const c = text;`,
  "app/deep/d.txt": "a text",
  "app/late.ts": `import "./a"; export const late = 1;`,
  "node_modules/pkg/package.json": `{"name":"pkg","main":"one.js"}`,
  "node_modules/pkg/one.js": "module.exports = 1",
  "node_modules/pkg/two.js": "module.exports = 2",
};
const TIER = { importer: "i", linker: "l", console: "o", values: "v" };
const FRESH = ["a.ts", "c.ts", "d.txt", "main.ts", "one.js"];

let dir = "";
let later = 0;
let clock = spyOn(Date, "now");
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "econtext-recording-")));
  mkdirSync(join(dir, "cache"), { mode: 0o700 });
  for (const [file, text] of Object.entries(FILES)) write(file, text);
  later = 10_000;
  clock = spyOn(Date, "now").mockImplementation(
    () => performance.timeOrigin + performance.now() + later,
  );
});
afterEach(() => {
  clock.mockRestore();
  rmSync(dir, { recursive: true, force: true });
});

const at = (file: string): string => join(dir, file);
const write = (file: string, text: string): void => {
  mkdirSync(dirname(at(file)), { recursive: true });
  writeFileSync(at(file), text);
};
/** Another run of the program. */
const finder = (roots = [dir]): JavaScriptFinder =>
  new JavaScriptFinder(roots, new TransformCache(at("cache")));
const context = (of = finder()): JavaScriptResponder =>
  new JavaScriptResponder(of, { tier2: TIER });

type Sent = ReadonlyMap<string, unknown>;

/** What a context is sent for the program, by the names of its modules. */
function sent(to: JavaScriptResponder, file = "app/main.ts"): Sent {
  return new Map(
    offeredRecords(to.offer([at(file)], []))
      .filter(([name]) => !String(name).startsWith("econtext."))
      .map((record) => [String(record[0]).replace(/^.*\//, ""), record]),
  );
}
const names = (all: Sent): string[] => [...all.keys()].sort();
const ask = (to: JavaScriptResponder, request: unknown) =>
  recordsOf(to.answer(Buffer.concat(encodeValue(request).chunks)));
/** The texts of modules that were read while `run` ran. */
function readBy(run: () => void): string[] {
  const read = spyOn(Disk.prototype, "read");
  try {
    run();
    return read.mock.calls.map(([path]) => path.replace(/^.*\//, ""));
  } finally {
    read.mockRestore();
  }
}
const keptFiles = (): string[] => {
  const [folder = ""] = readdirSync(at("cache"));
  return readdirSync(at(`cache/${folder}`)).map((name) => at(`cache/${folder}/${name}`));
};

test("a later run sends the same, and reads no module", () => {
  const first = sent(context());
  expect(names(first)).toEqual(FRESH);
  const read = readBy(() => expect(sent(context())).toEqual(first));
  expect(read).toEqual([]);
});

test("what a context asks for is sent at once the next time, in this run and a later one", () => {
  const shared = finder();
  const one = context(shared);
  const two = context(shared);
  sent(one);
  sent(two);
  ask(one, [at("app/main.ts"), "./late.ts", "import"]);
  // Only the first context adds to the recording: the others would add the same.
  ask(two, at("node_modules/pkg/two.js"));
  const all = [...FRESH, "late.ts"].sort();
  expect(names(sent(context(shared)))).toEqual(all);
  const next = context();
  expect(names(sent(next))).toEqual(all);
  // A later run adds to it, too.
  ask(next, at("node_modules/pkg/two.js"));
  expect(names(sent(context()))).toEqual([...all, "two.js"].sort());
});

test("a context that was sent a recording may ask for what its modules name", () => {
  sent(context());
  const next = context();
  sent(next);
  expect(ask(next, at("app/deep/d.txt"))[0]?.[4]).toBe("a text");
  expect(ask(next, [at("node_modules/pkg/one.js"), "./two", "require"])[0]?.[0]).toBe(
    at("node_modules/pkg/two.js"),
  );
});

test("each change is seen", () => {
  const text = (all: Sent, name: string) => String(JSON.stringify(all.get(name)));
  const changes: readonly [what: string, change: () => void, right: (all: Sent) => boolean][] = [
    [
      "as many bytes, and the same time of modification",
      () => {
        const { atime, mtime } = statSync(at("app/a.ts"));
        write("app/a.ts", FILES["app/a.ts"]?.replace("a = 1", "a = 2") ?? "");
        utimesSync(at("app/a.ts"), atime, mtime);
      },
      (all) => text(all, "a.ts").includes("a = 2"),
    ],
    [
      "another main file",
      () => write("node_modules/pkg/package.json", `{"name":"pkg","main":"two.js"}`),
      (all) => all.has("two.js") && !all.has("one.js"),
    ],
    [
      "a package in a nearer folder",
      () => write("app/node_modules/pkg/index.js", "module.exports = 'near'"),
      (all) => text(all, "index.js").includes("near"),
    ],
    [
      "an alias",
      () => {
        write("app/alias.ts", "export const alias = 1");
        write("app/tsconfig.json", `{"compilerOptions":{"paths":{"pkg":["./alias.ts"]}}}`);
      },
      (all) => all.has("alias.ts"),
    ],
    ["a file that is gone", () => rmSync(at("app/deep/c.ts")), (all) => !all.has("c.ts")],
    [
      "a folder that is a link now",
      () => {
        cpSync(at("app/deep"), at("app/other"), { recursive: true });
        rmSync(at("app/deep"), { recursive: true });
        symlinkSync(at("app/other"), at("app/deep"));
      },
      (all) => text(all, "c.ts").includes(at("app/other/c.ts")),
    ],
    [
      "another text",
      () => write("app/deep/d.txt", "b text"),
      (all) => text(all, "d.txt").includes("b text"),
    ],
  ];
  for (const [what, change, right] of changes) {
    rmSync(at("app"), { recursive: true, force: true });
    for (const [file, content] of Object.entries(FILES)) write(file, content);
    const before = sent(context());
    expect(readBy(() => sent(context()))).toEqual([]);
    change();
    const uncached = sent(context(new JavaScriptFinder([dir])));
    const after = sent(context());
    expect([what, after]).toEqual([what, uncached]);
    expect([what, right(before), right(after)]).toEqual([what, false, true]);
  }
});

test("a change to what was asked for leaves the rest of the recording", () => {
  const one = context();
  sent(one);
  ask(one, at("app/late.ts"));
  ask(one, at("node_modules/pkg/two.js"));
  write("app/late.ts", "export const late = 2;");
  expect(names(sent(context()))).toEqual(FRESH);
  const next = context();
  expect(readBy(() => expect(names(sent(next))).toEqual(FRESH))).toEqual([]);
  ask(next, at("app/late.ts"));
  expect(JSON.stringify(sent(context()).get("late.ts"))).toContain("late = 2");
});

test("files that were changed just now are not relied on", () => {
  later = 0;
  write("app/a.ts", "export const a = 3;");
  sent(context());
  expect(readBy(() => sent(context()))).toContain("a.ts");
  later = 10_000;
  sent(context());
  expect(readBy(() => sent(context()))).toEqual([]);
});

test("other roots have another recording; a run without a cache has none", () => {
  sent(context());
  expect(names(sent(context(finder([at("app")]))))).toEqual(
    FRESH.filter((name) => name !== "one.js"),
  );
  const read = readBy(() => sent(context(new JavaScriptFinder([dir]))));
  expect(read).toContain("main.ts");
});

test("positions are found in modules that this run has not read", () => {
  write("app/main.ts", "const a: number = 1; export const f = (): void => { throw a; };");
  const one = finder();
  const body = JSON.stringify(sent(context(one)).get("main.ts"));
  const stack = (column: number) => `E\n    at f (${at("app/main.ts")}:1:${column})`;
  const column = String(JSON.parse(body)[4]).indexOf("throw") + 1;
  const mapped = one.mapStack(stack(column));
  expect(mapped).toBe(stack(53));
  const next = finder();
  sent(context(next));
  expect(next.mapStack(stack(column))).toBe(mapped);
  const changed = finder();
  sent(context(changed));
  write("app/main.ts", "export const other = 1;");
  expect(changed.mapStack(stack(column))).toBe(stack(column));
});

test("a recording that is damaged is made again; where nothing can be written, nothing fails", () => {
  const first = sent(context());
  const one = context();
  sent(one);
  ask(one, at("app/late.ts"));
  // Something else has written to it: what is whole counts.
  for (const file of keptFiles()) appendFileSync(file, "half a piece");
  expect(names(sent(context()))).toEqual([...FRESH, "late.ts"].sort());
  for (const file of keptFiles()) writeFileSync(file, readFileSync(file).subarray(0, 40));
  expect(sent(context())).toEqual(first);
  expect(readBy(() => sent(context()))).toEqual([]);
  for (const file of keptFiles()) rmSync(file);
  const late = context();
  expect(sent(late)).toEqual(first);
  for (const file of keptFiles()) rmSync(file);
  ask(late, at("app/late.ts"));
  expect(names(sent(context()))).toEqual(FRESH);
  // What is whole and holds no recording is made again, too.
  for (const text of ["", "no JSON\n", "{}\n", '{"looks":[]}\n', "[]\n"]) {
    const sum = Bun.hash(Buffer.from(text)).toString(36);
    for (const file of keptFiles()) writeFileSync(file, `${sum} ${text.length}\n${text}`);
    expect(sent(context())).toEqual(first);
  }
  // Others may write there: nothing is read or kept.
  chmodSync(dirname(keptFiles()[0] ?? ""), 0o770);
  expect(readBy(() => expect(sent(context())).toEqual(first))).toContain("main.ts");
});
