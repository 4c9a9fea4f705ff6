/**
 * The size table: what each text that the program holds weighs on its way to the far side, and what
 * a connection sends, against the ceilings of stage1/budget.json. A text is a file of stage1/, or
 * what files were joined into. One of src/ (scripts/shared-modules.ts) has no original size.
 *
 *     bun scripts/size.ts            prints the table
 *     bun scripts/size.ts --check    fails where something is over its ceiling, or not measured
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateRawSync, inflateSync } from "node:zlib";
import * as embedded from "../src/interpreters/embedded.ts";
import { firstStage } from "../src/interpreters/first-stage.ts";
import { preamble } from "../src/interpreters/preamble.ts";
import { quoteForLoginShell } from "../src/shell-quote.ts";
import { compress, javascriptCore, pythonCore, switchTexts, tier2Sources } from "./stage1.ts";

export interface SizeRow {
  readonly name: string;
  readonly original?: number;
  readonly minified?: number;
  /** What crosses the wire; absent for what goes inside something else. */
  readonly sent?: number;
  readonly limit?: number;
  /** How far below the limit it has to stay: the room that is kept for what is planned. */
  readonly room?: number;
}

const STAGE1 = join(import.meta.dir, "../stage1");

/** Of ordinary length, as the bounds are meant. */
const BOOT = {
  id: 1,
  nonce: "0123456789abcdefghijkl",
  name: "web1",
  argv0: "econtext:alice@workstation:12345",
  level: 20,
  lease: 45000,
  rate: 1048576,
} as const;

export function measure(): SizeRow[] {
  const { room, ...budget } = readBudget();
  const sent = new Map(connection());
  const names = new Set([...Object.keys(budget), ...Object.keys(room), ...sent.keys()]);
  const rows = [...names].map((name) =>
    row(name, { sent: sent.get(name), limit: budget[name], room: room[name] }),
  );
  return [...files(), ...rows];
}

/** What is wrong with the table, a line each. */
export function violations(rows: readonly SizeRow[]): string[] {
  return rows.flatMap(({ name, sent, limit, room = 0 }) => {
    if (limit === undefined) return [];
    if (sent === undefined) return [`${name}: not measured`];
    if (sent > limit) return [`${name}: ${sent} bytes, ${sent - limit} over ${limit}`];
    const left = limit - sent;
    return left < room ? [`${name}: room for ${left} bytes is left, and ${room} are kept`] : [];
  });
}

function files(): SizeRow[] {
  return [
    ...onCommandLines(),
    ...tier2("python", embedded.PYTHON_TIER2),
    ...tier2("javascript", embedded.JS_TIER2),
    ...pythonSwitch(),
    ...javascriptSwitch(),
    packed("python/core", pythonCore(), embedded.PYTHON_CORE, inflateSync),
    packed("javascript/core", javascriptCore(), embedded.JS_CORE, inflateRawSync),
  ];
}

/** They are arguments: not compressed, and a part of the commands below. */
function onCommandLines(): SizeRow[] {
  const lines: readonly [file: string, line: string][] = [
    ["python/first_stage.py", embedded.PYTHON_FIRST_STAGE],
    ["javascript/first_stage.js", embedded.JS_FIRST_STAGE],
    ["javascript/first_stage.js, node", embedded.NODE_FIRST_STAGE],
    ["javascript/first_stage.js, bun", embedded.BUN_FIRST_STAGE],
    ["sh/find_any.sh", embedded.FIND_ANY],
    ["sh/find_javascript.sh", embedded.FIND_JS],
    ["sh/find_python.sh", embedded.FIND_PYTHON],
    ["sh/run_javascript.sh", embedded.RUN_JS],
    ["sh/run_python.sh", embedded.RUN_PYTHON],
  ];
  return lines.map(([name, line]) => {
    const [file = name] = name.split(",");
    return row(name, { original: bytesOf(sourceOf(file)), minified: bytesOf(line) });
  });
}

/** As if each module went alone: those that go together are compressed together, to less. */
function tier2(
  language: "python" | "javascript",
  modules: Readonly<Record<string, string>>,
): SizeRow[] {
  const sources = tier2Sources(STAGE1, language);
  return Object.entries(modules).map(([name, text]) => {
    const source = sources[name];
    return row(`${language}/tier2/${name}`, {
      original: source === undefined ? undefined : bytesOf(source),
      minified: bytesOf(text),
      sent: compress(text).length,
    });
  });
}

/** In the order in which they are sent. */
const SWITCH_PROGRAMS = ["start", "rest", "connections"] as const;

/** The original size leaves out vectored_io, which the build puts into the second program. */
function pythonSwitch(): SizeRow[] {
  const sources = switchTexts(STAGE1, "python");
  return SWITCH_PROGRAMS.map((name, at) =>
    packed(`python/switch, ${name}`, sources[at] ?? "", embedded.PYTHON_SWITCH[at], inflateSync),
  );
}

/** What runs on the thread that reads the stream goes as it is: it has nothing that inflates. */
function javascriptSwitch(): SizeRow[] {
  const sources = switchTexts(STAGE1, "javascript");
  const rows = SWITCH_PROGRAMS.map((name, at) => {
    const sent = embedded.JS_SWITCH[at]?.length;
    return row(`javascript/switch, ${name}`, {
      original: bytesOf(sources[at] ?? ""),
      minified: sent,
      sent,
    });
  });
  const file = "javascript/switch/stopped.js";
  const sent = bytesOf(embedded.JS_STOPPED);
  return [...rows, row(file, { original: bytesOf(sourceOf(file)), minified: sent, sent })];
}

/** A text that the program holds compressed. */
function packed(
  name: string,
  source: string,
  sent: Uint8Array = new Uint8Array(),
  inflate: (bytes: Uint8Array) => Uint8Array,
): SizeRow {
  const minified = inflate(sent).length;
  return row(name, { original: bytesOf(source), minified, sent: sent.length });
}

function sourceOf(file: string): string {
  return readFileSync(join(STAGE1, file), "utf8");
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}

/** What a connection sends, from the code that sends it. */
function connection(): [name: string, bytes: number][] {
  const command = (argv: readonly string[]) => argv.map(quoteForLoginShell).join(" ").length;
  return [
    ["ssh command, known python", command(firstStage({ wants: "python", path: "python3" }))],
    ["ssh command, finds python", command(firstStage({ wants: "python" }))],
    ["ssh command, known node", command(firstStage({ wants: "javascript", kind: "node" }))],
    ["ssh command, known bun", command(firstStage({ wants: "javascript", kind: "bun" }))],
    ["ssh command, finds bun or node", command(firstStage({ wants: "javascript" }))],
    ["ssh command, finds any", command(firstStage({ wants: "any" }))],
    ["python preamble", preamble(BOOT, { wants: "python" }).length],
    ["javascript preamble", preamble(BOOT, { wants: "javascript" }).length],
  ];
}

/** Ceilings in bytes, by what is sent; and the room that has to be left below some of them. */
type Budget = Readonly<Record<string, number>> & {
  readonly room: Readonly<Record<string, number>>;
};

function readBudget(): Budget {
  return JSON.parse(readFileSync(join(STAGE1, "budget.json"), "utf8")) as Budget;
}

/** A row without the columns that have no number. */
function row(name: string, numbers: Record<string, number | undefined>): SizeRow {
  const known = Object.entries(numbers).filter(([, value]) => value !== undefined);
  return { name, ...(Object.fromEntries(known) as Record<string, number>) };
}

function format(rows: readonly SizeRow[]): string {
  const cell = (value: number | undefined) => (value?.toLocaleString("en") ?? "").padStart(10);
  const width = Math.max(...rows.map(({ name }) => name.length));
  const line = (name: string, ...cells: string[]) =>
    `${name.padEnd(width)}${cells.map((text) => text.padStart(10)).join("")}`.trimEnd();
  return [
    line("", "original", "minified", "sent", "at most"),
    ...rows.map(({ name, original, minified, sent, limit }) =>
      line(name, cell(original), cell(minified), cell(sent), cell(limit)),
    ),
  ].join("\n");
}

if (import.meta.main) {
  const rows = measure();
  console.log(format(rows));
  const wrong = process.argv.includes("--check") ? violations(rows) : [];
  for (const line of wrong) console.error(`size: ${line}`);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}
