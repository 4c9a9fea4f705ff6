/**
 * Pythons with a part of the standard library, as Debian's python3-minimal has it: no json, no
 * termios, no multiprocessing. Debian's own where apt has it, else and in addition what
 * test/helpers/minimal-pythons.ts makes of whole ones.
 */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Broker, CallError } from "../../src/index.ts";
import { PYTHON_TIER2 } from "../../src/interpreters/embedded.ts";
import {
  MINIMAL,
  type MinimalVersion,
  missingMinimal,
  modulesOf,
  prune,
  unpackDebian,
} from "../helpers/minimal-pythons.ts";
import { suite } from "../helpers/skip.ts";
import { ALL_ROWS, EVERY_VERSION_ROWS, type Rows, without } from "./extent.ts";
import { pythonKind } from "./python.ts";
import { opener } from "./session.ts";
import { conformance } from "./suite.ts";

/**
 * Rows that look for the failure themselves, and those that count requests: econtext.json_codec is
 * one more.
 */
const LACKING = [
  /^arguments by position and by name$/, // json
  /^every spelling of a function's name$/, // xml
  /^the language's own exceptions$/, // json
  /^a terminal/,
  /^cancelled, it is killed with all that it started/, // on a terminal, too
  /^source in an encoding that only Python knows$/, // _codecs_jp
  /^a package of thirty modules comes with the call/,
  /^functions of the standard library need none of our modules$/,
  /^names made at run time cost a request/,
  /^what may be missing is missed without asking$/,
  /^what the far side has wins over/, // colorsys
  /^getting ready for a module that the far side has/,
  /^a namespace package over two roots$/,
];
/** Modules of ours for what is not there. */
const OWN_LACKING = ["econtext.spawned"]; // multiprocessing
const folder = mkdtempSync(join(tmpdir(), "econtext-minimal-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function minimal(version: MinimalVersion, python: string, rows: Rows): void {
  const kind = pythonKind(version);
  const connect = opener("local", kind, () => ({ kind: "python", python }));
  // What the functions of a row import themselves need not be there; what our own modules import
  // has to.
  const listed = modulesOf(version);
  const excuse = (error: unknown): boolean => {
    if (!(error instanceof CallError) || error.traceback.includes('File "econtext.')) return false;
    const [, module] = /^No module named '(\w+)/.exec(error.remoteMessage) ?? [];
    return module !== undefined && !listed.has(module);
  };
  conformance(connect, kind, without(rows, LACKING, excuse));

  test("a terminal is refused, by the name of what is missing", async () => {
    await using session = await connect();
    const tty = { columns: 80, rows: 24, term: "vt100" };
    const { exited } = session.context.exec(["true"], { tty });
    const advice = `install python${version}; libpython${version}-stdlib has it`;
    const problem = expect.stringMatching(new RegExp(`termios.*${RegExp.escape(advice)}`));
    expect(await exited).toEqual({ status: 126, problem });
  });

  test("every module of ours can be imported", async () => {
    await using session = await connect();
    const ofPython3 = Object.keys(PYTHON_TIER2).filter((name) => name !== "importer_27");
    const names = ofPython3.map((name) => `econtext.${name}`);
    expect(
      await session.context.call("tasks.minimal.missing", ["json", "_json", ...names]),
    ).toEqual([...(version === "3.13" ? [] : ["json", "_json"]), ...OWN_LACKING]);
  });

  test("values that are shown by json elsewhere", async () => {
    await using broker = new Broker();
    const context = await broker.connect("local", { kind: "python", python });
    const text = '\u0000\b\t\n\f\r\u001f "\\/ \u007f é \u2028 \u{1f600} ✓';
    const values = [text, [], {}, [null, true, false, 0, -1.5, 1e300, 2 ** 53], { [text]: [text] }];
    expect(await context.call("copy.copy", values)).toEqual(values);
  });
}

const debian = unpackDebian(folder);
const missing = "missing" in debian ? debian.missing : undefined;
suite("Debian's minimal python, local", missing, "debian", () => {
  if ("path" in debian) minimal(debian.version, debian.path, ALL_ROWS);
});
for (const version of MINIMAL) {
  if ("path" in debian && debian.version === version) continue;
  suite(`python ${version}, minimal, local`, missingMinimal(version), "python", () => {
    minimal(version, prune(version, folder), EVERY_VERSION_ROWS);
  });
}
