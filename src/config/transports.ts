/**
 * Transports that a user has defined. Each is the data of a built-in one, in TOML:
 *
 *     [transports.jail]
 *     argv = ["unshare", "--mount", ["--root", "{root}"], "--", "{command}"]
 */
import { CAUSES, type Cause } from "../transports/causes.ts";
import type { Failure, OptionData, Template, TransportData } from "../transports/data.ts";
import { gapsOf } from "../transports/template.ts";
import { LOCAL, SSH } from "../transports/word.ts";
import type { Table } from "./table.ts";

const PROMPTS = ["nonce", "any", "terminal"] as const;
const OWNERS = ["caller", "destination"] as const;
const COMMAND = "{command}";
/** Gaps that are no options. */
const OWN_GAPS = ["command", "destination", "prompt"];

/** @throws {UsageError} `ERR_USAGE_CONFIG` */
export function readTransport(scheme: string, table: Table): TransportData {
  if (!/^[a-z][a-z0-9-]*$/.test(scheme) || scheme === LOCAL || scheme === SSH) {
    throw table.problem(
      "a transport's name has lower-case letters, digits and dashes; local and ssh are taken",
    );
  }
  const argv = readTemplate(table);
  const gaps = new Set(argv.flatMap((part) => gapsOf([part].flat())));
  const prompt = table.choice("prompt", PROMPTS);
  if (gaps.has("prompt") !== (prompt === "nonce")) {
    throw table.problem('{prompt} in argv and prompt = "nonce" belong together', "prompt");
  }
  const noun = table.text("noun") ?? "name";
  const preset = table.text("default");
  const doubled = table.text("doubled");
  if (doubled !== undefined && [...doubled].length !== 1) {
    throw table.problem("expected one character", "doubled");
  }
  const of = table.choice("password_of", OWNERS) ?? "caller";
  const data: TransportData = {
    scheme,
    ...(gaps.has("destination")
      ? { destination: { noun, example: `${scheme}:NAME`, ...(preset && { default: preset }) } }
      : {}),
    options: readOptions(table, argv),
    argv,
    ...(doubled && { doubled }),
    ...(prompt && { password: { prompt, of, argv } }),
    isCustom: true,
    isClient: table.flag("client") ?? false,
    hasNetwork: table.flag("network") ?? false,
    failures: table.tables("failures").map(readFailure),
  };
  table.finish();
  return data;
}

function readTemplate(table: Table): Template {
  const list = table.list("argv");
  if (list === undefined || list.length === 0) {
    throw table.problem(`needed: a list of words, with ${COMMAND} for the command`, "argv");
  }
  for (const part of list) {
    const isWords = typeof part === "string" || (Array.isArray(part) && part.every(isText));
    if (!isWords) throw table.problem("expected texts, and lists of texts", "argv");
  }
  const template = list as Template;
  if (typeof template[0] !== "string" || template[0] === "" || gapsOf([template[0]]).length > 0) {
    throw table.problem("the first word names the program to run", "argv");
  }
  const words = template.filter((part) => part === COMMAND).length;
  const all = template.flat().filter((word) => word.includes(COMMAND)).length;
  if (words !== 1 || all !== 1) {
    throw table.problem(`${COMMAND} is needed once, as a word of its own`, "argv");
  }
  return template;
}

const isText = (value: unknown): value is string => typeof value === "string";

/** Each gap that has no other meaning is an option. */
function readOptions(table: Table, argv: Template): Readonly<Record<string, OptionData>> {
  const defaults = table.table("defaults");
  const [single, grouped] = [argv.filter(isText), argv.filter((part) => !isText(part)).flat()];
  const names = gapsOf([...single, ...grouped]).filter((name) => !OWN_GAPS.includes(name));
  const needed = gapsOf(single).filter((name) => name === "prompt" || names.includes(name));
  const options = Object.fromEntries(
    names.map((name) => {
      const preset = defaults.text(name);
      return [name, preset === undefined ? {} : { default: preset }] as const;
    }),
  );
  const missing = needed.find((name) => options[name]?.default === undefined);
  if (missing !== undefined) {
    throw table.problem(`{${missing}} may be missing: ${adviceFor(missing)}`, "argv");
  }
  defaults.finish();
  return options;
}

function adviceFor(gap: string): string {
  if (gap !== "prompt") return "it needs a list of its own, or a default in defaults";
  return (
    "it needs a list of its own, as no question is asked where nothing can answer: " +
    '["sudo", ["-S", "-p", "{prompt}"], "--", "{command}"]'
  );
}

function readFailure(table: Table): Failure {
  const text = table.text("text");
  const status = table.integer("status");
  const hint = table.text("hint");
  const cause = table.choice("cause", Object.keys(CAUSES) as Cause[]) ?? "failed";
  if (!text && status === undefined) {
    throw table.problem("needed: text (part of what the program prints), status, or both");
  }
  table.finish();
  return {
    ...(text && { text: new RegExp(text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")) }),
    ...(status === undefined ? {} : { status }),
    ...(hint && { hint }),
    cause,
  };
}
