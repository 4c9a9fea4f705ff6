/** Files of which only the content is wanted: read, written, streamed. */
import { afterAll, beforeAll, beforeEach, expect } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { noise } from "./files.ts";
import { type Far, failureOf } from "./session.ts";

const LARGE = 2_700_001; // enough for its last pieces to be spliced

export function fileContents(far: Far): void {
  const { test } = far;
  const context = () => far.session().context;
  let home = "";
  let folder = "";
  let count = 0;
  const at = (name: string) => join(folder, name);

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), "econtext-files-"));
  });
  beforeEach(() => {
    folder = join(home, String(count++));
    mkdirSync(folder);
  });
  afterAll(() => rmSync(home, { recursive: true }));

  test("the files that a pattern matches are read one behind the other", async () => {
    for (const name of ["b2", "b1", "b*"]) writeFileSync(at(name), `${name}\n`);
    const text = async (name: string) =>
      String(Buffer.from(await context().readFile(at(name), { expand: true })));
    expect(await text("b?")).toBe("b*\nb1\nb2\n");
    expect(await text("b*")).toBe("b*\n"); // a file of that name
    expect(await failureOf(text("d*"))).toMatchObject({
      failures: [{ path: at("d*"), problem: "nothing matches" }],
    });
    expect(await failureOf(context().readFile(at("b?")))).toMatchObject({
      failures: [{ path: at("b?"), problem: "No such file or directory" }],
    });
    mkdirSync(at("in"));
    writeFileSync(at("in/b1"), "in\n");
    expect(await text("*/b1")).toBe("in\n"); // files beside the folder hold nothing
    // What cannot be read is told behind all that can be.
    mkdirSync(at("b0"));
    symlinkSync("absent", at("b3"));
    execFileSync("mkfifo", [at("b4")]);
    writeFileSync(at("b5"), "b5\n");
    let read = "";
    const all = async () => {
      for await (const piece of context().readStream(at("b?"), { expand: true })) {
        read += Buffer.from(piece).toString();
      }
    };
    expect(await failureOf(all())).toMatchObject({
      failures: [
        { path: at("b0"), problem: "Is a directory" },
        { path: at("b3"), problem: "No such file or directory" },
        { path: at("b4"), problem: "not a file" },
      ],
    });
    expect(read).toBe("b*\nb1\nb2\nb5\n");
  });

  test("one file as bytes: read, written, streamed", async () => {
    const content = noise(LARGE);
    await context().writeFile(at("file"), content, { mode: 0o640 });
    expect(statSync(at("file")).mode & 0o777).toBe(0o640);
    expect(await context().readFile(at("file"))).toEqual(content);
    await context().writeFile(at("file"), "text é");
    expect(statSync(at("file")).mode & 0o777).toBe(0o640);
    expect(readFileSync(at("file"), "utf8")).toBe("text é");
    async function* parts() {
      yield "a";
      yield new Uint8Array([98]);
    }
    await context().writeFile(at("other"), parts());
    expect(readFileSync(at("other"), "utf8")).toBe("ab");
    for await (const piece of context().readStream("/dev/zero")) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    expect(await failureOf(context().readFile(at("absent")))).toMatchObject({
      failures: [{ path: at("absent"), problem: "No such file or directory" }],
    });
    expect(await failureOf(context().writeFile(at("absent/x"), "x"))).toMatchObject({
      failures: [{ path: at("absent/x"), problem: "No such file or directory" }],
    });
  });
}
