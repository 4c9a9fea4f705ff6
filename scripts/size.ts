/**
 * The size table: what each file of stage1/ weighs on its way to the far side, and what a
 * connection sends, against the ceilings of stage1/budget.json.
 *
 *     bun scripts/size.ts            prints the table
 *     bun scripts/size.ts --check    fails where something is over its ceiling, or not measured
 */
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { firstStage } from "../src/interpreters/first-stage.ts";
import { preamble } from "../src/interpreters/preamble.ts";
import { quoteForLoginShell } from "../src/shell-quote.ts";
import { minifyPython } from "./minify.ts";
import { minifyCore, minifyJavaScript } from "./minify-javascript.ts";
import {
  compress,
  javascriptCore,
  joinJavaScript,
  joinPython,
  joinShell,
  minifyPythonCore,
  moduleText,
  pythonCore,
  switchTexts,
} from "./stage1.ts";

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
  const list = (folder: string, extension: string) =>
    readdirSync(join(STAGE1, folder))
      .filter((file) => file.endsWith(extension))
      .sort()
      .map((file) => `${folder}/${file}`);
  const all = [
    ...list("python", ".py"),
    ...list("javascript", ".js"),
    ...list("javascript/tier2", ".js"),
    ...list("sh", ".sh"),
  ];
  const rows = all.map((name) => {
    const source = readFileSync(join(STAGE1, name), "utf8");
    const original = Buffer.byteLength(source);
    const oneLine = { ".sh": joinShell, ".js": joinJavaScript }[extname(name)] ?? joinPython;
    // First stages are arguments: they are not compressed, and are part of a command below.
    if (/first_stage|^sh\//.test(name))
      return row(name, { original, minified: oneLine(source).length });
    const minified = (name.endsWith(".py") ? minifyPython : minifyJavaScript)(source);
    return compressed(name, source, minified);
  });
  const modules = readdirSync(join(STAGE1, "python/tier2")).sort();
  const switches = (["python", "javascript"] as const).map((language) => {
    const source = switchTexts(STAGE1, language).join("\n\n");
    const minify = language === "python" ? minifyPython : minifyJavaScript;
    const minified = switchTexts(STAGE1, language).map(minify).join("\n");
    return compressed(`${language}/switch`, source, minified);
  });
  const [python, javascript] = [pythonCore(), javascriptCore()];
  return [
    ...rows,
    ...modules.map((file) => {
      const source = moduleText(STAGE1, "python", file);
      return compressed(`python/tier2/${file}`, source, minifyPython(source));
    }),
    ...switches,
    compressed("python/core", python, minifyPythonCore()),
    compressed("javascript/core", javascript, minifyCore(javascript)),
  ];
}

function compressed(name: string, source: string, minified: string): SizeRow {
  return row(name, {
    original: Buffer.byteLength(source),
    minified: Buffer.byteLength(minified),
    sent: compress(minified).length,
  });
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
  const line = (name: string, ...cells: string[]) =>
    `${name.padEnd(28)}${cells.map((text) => text.padStart(10)).join("")}`.trimEnd();
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
