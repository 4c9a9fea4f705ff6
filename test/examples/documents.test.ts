/**
 * What README.md and docs/guide.md show is true: each program runs, and so does each command that
 * needs no host but this machine. Commands run in a copy of what they name, and in place of /tmp
 * they have a folder of their own.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ECONTEXT, type Run } from "../cli/econtext.ts";
import { writeScript } from "../helpers/scripts.ts";

const ROOT = join(import.meta.dir, "../..");
const DOCUMENTS = ["README.md", "docs/guide.md"];
const quoted = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(" ");
/** Commands that are meant to fail, by a part of their text. */
const STATUSES: readonly (readonly [part: string, status: number])[] = [["--deadline 1 ", 124]];

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "econtext-documents-"));
  for (const name of ["LICENSE", "README.md", "docs", "examples"])
    cpSync(join(ROOT, name), join(dir, name), { recursive: true });
  mkdirSync(join(dir, "bin"));
  mkdirSync(join(dir, "scratch"));
  writeScript(join(dir, "bin/econtext"), `exec ${quoted(ECONTEXT)} "$@"`);
  // The `bun` that npm puts on the PATH of its scripts cannot run.
  symlinkSync(process.execPath, join(dir, "bin/bun"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function run(argv: readonly string[]): Promise<Run> {
  await using child = Bun.spawn([...argv], {
    cwd: dir,
    env: { ...process.env, PATH: `${join(dir, "bin")}:${process.env["PATH"] ?? ""}` },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return { stdout, stderr, status: child.exitCode };
}

/** Blocks of code of a document, with the language that each names. */
function blocks(document: string): (readonly [language: string, code: string])[] {
  const text = readFileSync(join(ROOT, document), "utf8");
  const found = text.matchAll(/^```(\w*)\n([\s\S]*?)^```/gm);
  return [...found].map(([, language = "", code = ""]) => [language, code]);
}

/** Command lines of a document that need nothing but this machine. */
function commands(document: string): string[] {
  const lines = blocks(document).flatMap(([language, code]) =>
    language === "" ? code.split("\n") : [],
  );
  const own = lines.filter((line) => /(^|\| )econtext /.test(line) && line.includes("local"));
  // `vendor` is a folder of the reader's; a demand for a kind needs that kind.
  return own.filter((line) => !/vendor|--kind/.test(line));
}

for (const document of DOCUMENTS) {
  const programs = blocks(document).filter(([language]) => language === "ts");
  test.concurrent(`${document}: ${programs.length} programs`, async () => {
    expect(programs.length).toBeGreaterThan(0);
    const runs = programs.map(async ([, code], index) => {
      const name = `program-${document.replaceAll("/", "-")}-${index}.ts`;
      writeFileSync(join(dir, name), code.replaceAll("/tmp/", `${dir}/scratch/`));
      const { stdout, stderr, status } = await run(["econtext", name]);
      return { code, stdout: stdout === "" ? "nothing" : "something", stderr, status };
    });
    for (const one of await Promise.all(runs))
      expect(one).toMatchObject({ stdout: "something", status: 0 });
  });

  test.concurrent(`${document}: commands`, async () => {
    expect(commands(document).length).toBeGreaterThan(0);
    for (const line of commands(document)) {
      const { stderr, status } = await run([
        "bash",
        "-c",
        line.replaceAll("/tmp/", `${dir}/scratch/`),
      ]);
      const expected = STATUSES.find(([part]) => line.includes(part))?.[1] ?? 0;
      expect({ line, stderr, status }).toEqual({ line, stderr, status: expected });
    }
  });
}
