/** Files: trees of them there and back, what is kept of each, and what cannot be copied. */
import { afterAll, beforeAll, beforeEach, expect } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CopyFailure, CopyProgress } from "../../src/index.ts";
import { eventually, type Far, failureOf } from "./session.ts";

const LARGE = 2_700_001; // enough for its last pieces to be spliced

export function files(far: Far): void {
  const { test, everyVersion } = far;
  const context = () => far.session().context;
  let home = "";
  let folder = "";
  let count = 0;
  const at = (...names: string[]) => join(folder, ...names);

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), "econtext-files-"));
  });
  beforeEach(() => {
    folder = join(home, String(count++));
    mkdirSync(folder);
  });
  afterAll(() => {
    execFileSync("chmod", ["-R", "u+rwX", home]);
    rmSync(home, { recursive: true });
  });

  const plant = (): void => {
    mkdirSync(at("tree/sub/deep"), { recursive: true });
    mkdirSync(at("tree/empty"));
    writeFileSync(at("tree/small"), "small\n", { mode: 0o751 });
    chmodSync(at("tree/small"), 0o751);
    writeFileSync(at("tree/nothing"), "");
    writeFileSync(at("tree/sub/large"), noise(LARGE));
    writeFileSync(at("tree/sub/deep/é ü\n"), "odd");
    symlinkSync("../small", at("tree/sub/link"));
    symlinkSync("/nowhere", at("tree/dangling"));
    utimesSync(at("tree/small"), 1_000_000_000, 1_000_000_000.5);
    utimesSync(at("tree/sub/deep"), 1_000_000_000, 1_000_000_001);
    chmodSync(at("tree/sub/deep"), 0o555);
    writeFileSync(at("tree/old"), "");
    // Python 2.7 knows no fraction of a second before 1970.
    utimesSync(at("tree/old"), 0, "-314999999");
  };

  everyVersion("a tree there and back: contents, permissions, times and links", async () => {
    plant();
    const result = { files: 5, bytes: LARGE + 9, same: 0 };
    expect(await context().put(at("tree"), at("there"), { recursive: true })).toEqual(result);
    expect(tree(at("there"))).toEqual(tree(at("tree")));
    expect(await context().get(at("there"), at("back"), { recursive: true })).toEqual(result);
    expect(tree(at("back"))).toEqual(tree(at("tree")));
  });

  test("special bits too; a folder that is there gets its source's mode", async () => {
    mkdirSync(at("from/tree/inner"), { recursive: true });
    writeFileSync(at("from/tree/tool"), "tool");
    const modes = { "": 0o1770, "/inner": 0o2710, "/tool": 0o6755 };
    for (const [name, mode] of Object.entries(modes)) chmodSync(at(`from/tree${name}`), mode);
    const modesOf = (folder: string) =>
      Object.keys(modes).map((name) => statSync(at(`${folder}${name}`)).mode & 0o7777);
    for (const copy of ["put", "get"] as const) {
      const there = at(copy);
      mkdirSync(join(there, "tree/inner"), { recursive: true, mode: 0o755 });
      const before = statSync(there).mode;
      await context()[copy](at("from/tree"), there, { recursive: true });
      expect(modesOf(`${copy}/tree`)).toEqual(Object.values(modes));
      // Its contents alone: the folder that they go into stays as it is.
      await context()[copy](`${at("from/tree")}/.`, there, { recursive: true });
      expect([statSync(there).mode, ...modesOf(`${copy}/tree`)]).toEqual([
        before,
        ...Object.values(modes),
      ]);
      expect(statSync(join(there, "inner")).mode & 0o7777).toBe(0o2710);
    }
    chmodSync(at("from/tree/inner"), 0o700);
    const options = { recursive: true, checksum: true };
    await context().put(at("from/tree"), at("put"), options);
    expect(statSync(at("put/tree/inner")).mode & 0o7777).toBe(0o700);
  });

  test("sources that would overwrite one another are refused before anything is written", async () => {
    for (const name of ["1/both", "2/both", "2/other", "1/sub/one", "2/sub/two"]) {
      mkdirSync(join(at(name), ".."), { recursive: true });
      writeFileSync(at(name), name);
    }
    mkdirSync(at("there"));
    const problem = "another source has the same name: nothing is copied";
    for (const copy of ["put", "get"] as const) {
      for (const sources of [
        ["1/both", "2/both", "2/other"],
        ["1/.", "2/."],
      ]) {
        const paths = sources.map((source) => `${folder}/${source}`);
        const failed = await failureOf(context()[copy](paths, at("there"), { recursive: true }));
        const failures = [{ problem }, { problem }];
        expect(failed).toMatchObject({ code: "ERR_FILES_COPY", failures });
        expect(list(at("there"))).toEqual([]);
      }
      rmSync(at("1/both"));
      await context()[copy]([`${folder}/1/.`, `${folder}/2/.`], at("there"), { recursive: true });
      expect(list(at("there/sub"))).toEqual(["one", "two"]);
      writeFileSync(at("1/both"), "both");
      rmSync(at("there"), { recursive: true });
      mkdirSync(at("there"));
    }
  });

  test("into a folder that is there, else as the name says; several only into a folder", async () => {
    writeFileSync(at("a"), "a");
    writeFileSync(at("b"), "b");
    mkdirSync(at("folder"));
    await context().put(at("a"), at("c"));
    await context().put([at("a"), at("b")], at("folder"));
    await context().get([at("a"), at("b")], `${at("folder")}/`);
    expect([list(at("folder")), readFileSync(at("c"), "utf8")]).toEqual([["a", "b"], "a"]);
    for (const copy of [
      () => context().put([at("a"), at("b")], at("absent")),
      () => context().get([at("a"), at("b")], at("c")),
      () => context().put(at("a"), `${at("absent")}/`),
    ]) {
      expect(await failureOf(copy())).toMatchObject({ code: "ERR_FILES_COPY" });
    }
    expect(existsSync(at("absent"))).toBe(false);
    mkdirSync(at("tree"));
    writeFileSync(at("tree/x"), "x");
    await context().put(`${at("tree")}/.`, at("folder"), { recursive: true });
    expect(list(at("folder"))).toEqual(["a", "b", "x"]);
  });

  everyVersion("what cannot be copied is told with its reason, and the others are", async () => {
    plant();
    execFileSync("mkfifo", [at("tree/pipe")]);
    mkdirSync(at("there/tree/nothing"), { recursive: true });
    const failures: CopyFailure[] = [];
    const onFailure = (failure: CopyFailure) => failures.push(failure);
    const sources = [at("absent"), at("tree")];
    const options = { recursive: true, onFailure };
    const failed = await failureOf(context().put(sources, at("there"), options));
    const expected = [
      { context: "", path: at("absent"), problem: "No such file or directory" },
      { context: context().name, path: at("there/tree/nothing"), problem: "Is a directory" },
      { context: "", path: at("tree/pipe"), problem: "not a file, a folder or a link" },
    ];
    expect(failures.map((failure) => ({ ...failure, problem: plain(failure.problem) }))).toEqual(
      expected,
    );
    expect(failed).toMatchObject({ code: "ERR_FILES_COPY", failures });
    expect(readFileSync(at("there/tree/small"), "utf8")).toBe("small\n");

    const back = await failureOf(context().get(sources, at("there"), { recursive: true }));
    const { failures: told } = back as { failures: CopyFailure[] };
    expect(told.map(({ context: name, path }) => [name, path])).toEqual([
      [context().name, at("absent")],
      ["", at("there/tree/nothing")],
      [context().name, at("tree/pipe")],
    ]);
    expect(await failureOf(context().get(at("tree"), at("new")))).toMatchObject({
      failures: [{ path: at("tree"), problem: "Is a directory" }],
    });
  });

  test("a link that is there is not followed", async () => {
    mkdirSync(at("elsewhere"));
    mkdirSync(at("there/tree"), { recursive: true });
    mkdirSync(at("tree/sub"), { recursive: true });
    writeFileSync(at("tree/sub/file"), "new");
    writeFileSync(at("tree/plain"), "new");
    writeFileSync(at("elsewhere/plain"), "old");
    symlinkSync(at("elsewhere"), at("there/tree/sub"));
    symlinkSync(at("elsewhere/plain"), at("there/tree/plain"));
    for (const copy of ["put", "get"] as const) {
      const failed = await failureOf(context()[copy](at("tree"), at("there"), { recursive: true }));
      expect(failed).toMatchObject({ failures: [{ path: at("there/tree/sub") }] });
    }
    expect(list(at("elsewhere"))).toEqual(["plain"]);
    expect(readFileSync(at("elsewhere/plain"), "utf8")).toBe("old");
    expect(readFileSync(at("there/tree/plain"), "utf8")).toBe("new");
  });

  test("an interrupted copy leaves the old file, and nothing besides", async () => {
    mkdirSync(at("there"));
    writeFileSync(at("there/large"), "old");
    const controller = new AbortController();
    const { signal } = controller;
    async function* endless() {
      yield new Uint8Array(1 << 20);
      while (list(at("there")).length < 2) await Bun.sleep(1);
      controller.abort();
      yield new Uint8Array(1 << 20);
    }
    const failed = await failureOf(context().writeFile(at("there/large"), endless(), { signal }));
    expect(failed).toMatchObject({ code: "ERR_CANCELLED" });
    // The context ends the copy when the cancel arrives.
    expect(await eventually(() => list(at("there")).join() === "large")).toBe(true);
    expect(readFileSync(at("there/large"), "utf8")).toBe("old");
  });

  test("a source that fails is the error, and leaves the old file", async () => {
    writeFileSync(at("large"), "old");
    const source = new ReadableStream({ pull: () => Promise.reject(new RangeError("no more")) });
    expect(await failureOf(context().writeFile(at("large"), source))).toBeInstanceOf(RangeError);
    expect(readFileSync(at("large"), "utf8")).toBe("old");
  });

  test("resumed, it goes on where it was", async () => {
    const content = noise(5_000_000);
    writeFileSync(at("large"), content);
    mkdirSync(at("there"));
    for (const copy of ["put", "get"] as const) {
      for (const [part, name] of [
        [content.subarray(0, 3_000_000), "its beginning"],
        [noise(3_000_000), "something else"],
        [content, "all of it, not yet named"],
      ] as const) {
        writeFileSync(at("there/large"), "old");
        writeFileSync(at("there/.large.econtext-part"), part);
        await context()[copy](at("large"), at("there"), { resume: true });
        expect(readFileSync(at("there/large")).equals(content), `${copy}: ${name}`).toBe(true);
        expect(list(at("there"))).toEqual(["large"]);
      }
    }
  });

  test("with checksums, what is the same is left as it is", async () => {
    plant();
    await context().put(at("tree"), at("there"), { recursive: true });
    writeFileSync(at("there/small"), "SMALL\n");
    const { ino } = statSync(at("there/sub/large"));
    const options = { recursive: true, checksum: true };
    const result = { files: 3, bytes: 6, same: 2 };
    expect(await context().put(`${at("tree")}/.`, at("there"), options)).toEqual(result);
    expect(statSync(at("there/sub/large")).ino).toBe(ino);
    expect(contents(at("there"))).toEqual(contents(at("tree")));
    writeFileSync(at("there/small"), "SMALL\n");
    expect(await context().get(`${at("tree")}/.`, at("there"), options)).toEqual(result);
    expect(contents(at("there"))).toEqual(contents(at("tree")));
  });

  test("holes stay holes", async () => {
    writeFileSync(at("holes"), noise(100_000));
    truncateSync(at("holes"), 20_000_000);
    writeFileSync(at("holes"), "end", { flag: "a" });
    truncateSync(at("holes"), 40_000_000);
    for (const copy of ["put", "get"] as const) {
      await context()[copy](at("holes"), at(copy));
      expect(readFileSync(at(copy)).equals(readFileSync(at("holes")))).toBe(true);
      expect(statSync(at(copy)).blocks * 512).toBeLessThan(2_000_000);
    }
  });

  test("progress, up to the whole", async () => {
    plant();
    for (const copy of ["put", "get"] as const) {
      const seen: CopyProgress[] = [];
      const onProgress = (progress: CopyProgress) => seen.push(progress);
      await context()[copy](at("tree"), at(copy), { recursive: true, onProgress });
      const all = { files: 5, totalFiles: 5, bytes: LARGE + 9, totalBytes: LARGE + 9 };
      expect(seen.at(-1)).toEqual(all);
    }
  });

  test("patterns and the home, if they are to be expanded", async () => {
    for (const name of ["b1", "b2", ".b3", "c", "[x]"]) writeFileSync(at(name), name);
    const there = (name: string) => {
      mkdirSync(at(name), { recursive: true });
      return at(name);
    };
    await context().get([at("b*"), at("[x]")], there("1"), { expand: true });
    expect(list(at("1"))).toEqual(["[x]", "b1", "b2"]);
    await context().get(at("[bc]?"), there("2"), { expand: true });
    expect(list(at("2"))).toEqual(["b1", "b2"]);
    mkdirSync(at("b4"));
    await context().get(`${at("b*")}/`, there("4"), { expand: true, recursive: true });
    expect(list(at("4"))).toEqual(["b4"]);
    const none = await failureOf(context().get(at("d*"), there("3"), { expand: true }));
    expect(none).toMatchObject({ failures: [{ path: at("d*"), problem: "nothing matches" }] });
    expect(await failureOf(context().get(at("b*"), at("3")))).toMatchObject({
      failures: [{ problem: "No such file or directory" }],
    });
    expect(await failureOf(context().readFile("~/absent/x", { expand: true }))).toMatchObject({
      code: "ERR_FILES_COPY",
    });
  });

  test("between two contexts", async () => {
    plant();
    await using other = await far.connect();
    await context().copy(at("tree"), other.context, at("there"), { recursive: true });
    expect(tree(at("there"))).toEqual(tree(at("tree")));
  });

  test("within one context, and with checksums", async () => {
    plant();
    const options = { recursive: true, deadline: 20_000 };
    const result = { files: 5, bytes: LARGE + 9, same: 0 };
    expect(await context().copy(at("tree"), context(), at("there"), options)).toEqual(result);
    expect(tree(at("there"))).toEqual(tree(at("tree")));
    writeFileSync(at("there/small"), "SMALL\n");
    const again = { ...options, checksum: true };
    const changed = { files: 3, bytes: 6, same: 2 };
    expect(await context().copy(`${at("tree")}/.`, context(), at("there"), again)).toEqual(changed);
    expect(contents(at("there"))).toEqual(contents(at("tree")));
    const [absent, sources] = ["No such file or directory", [at("tree"), at("there")]];
    for (const [to, problem] of Object.entries({ absent, "tree/small": "Not a directory" })) {
      const refused = context().copy(sources, context(), at(to), options);
      expect(await failureOf(refused)).toMatchObject({ failures: [{ problem }] });
    }
    const none = await failureOf(context().copy(at("none"), context(), at("x")));
    expect(none).toMatchObject({ failures: [{ context: context().name, problem: absent }] });
  });
}

function list(path: string): string[] {
  return readdirSync(path).sort();
}

export function noise(bytes: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65536) {
    crypto.getRandomValues(all.subarray(at, Math.min(at + 65536, bytes)));
  }
  return all;
}

/** What the languages put into different words. */
function plain(problem: string): string {
  return problem.replace(/illegal operation on a directory/i, "Is a directory");
}

/** All that a copy keeps. */
function tree(root: string): readonly unknown[] {
  return paths(root).map((path) => {
    const stats = lstatSync(join(root, path));
    const isLink = stats.isSymbolicLink();
    const isOld = path === "small" || path === "sub/deep" || path === "old";
    const content = isLink ? readlinkSync(join(root, path)) : "";
    const data = stats.isFile() ? readFileSync(join(root, path)).toString("base64") : content;
    return [
      path,
      stats.mode,
      isOld ? stats.mtimeMs : 0,
      isLink ? 0 : Math.round(stats.mtimeMs),
      data,
    ];
  });
}

function contents(root: string): readonly unknown[] {
  return paths(root).map((path) => {
    const isFile = lstatSync(join(root, path)).isFile();
    return [path, isFile ? readFileSync(join(root, path)).toString("base64") : ""];
  });
}

function paths(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" }).sort();
}
