/**
 * The tsconfig.json of `econtext init`. It is written if there is none, and repaired if init wrote
 * it. A tsconfig.json of the user's own is only read.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";

interface ConfigReport {
  readonly isWritten: boolean;
  /** Advice to the user: steps that init cannot do itself. */
  readonly advice: readonly string[];
}

const MARK = "// Written by `econtext init`; it adds again what is missing.\n";
/** The beginning of a file that init wrote before files had a mark. */
const UNMARKED = '{\n  "compilerOptions": {\n    "target": "esnext",\n    "module": "preserve",\n';

const OPTIONS: Readonly<Record<string, unknown>> = {
  target: "esnext",
  module: "preserve",
  moduleResolution: "bundler",
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  allowImportingTsExtensions: true,
  allowArbitraryExtensions: true,
  resolveJsonModule: true,
  verbatimModuleSyntax: true,
};
/** Without these options, a program does not pass the type checker. */
const NEEDED = ["allowImportingTsExtensions", "allowArbitraryExtensions", "noEmit"];

/**
 * @param hasNodeTypes whether `@types/node` is installed: newer TypeScripts find only types that
 * are named
 */
export function putConfig(path: string, hasNodeTypes: boolean): ConfigReport {
  const wanted = hasNodeTypes ? { ...OPTIONS, types: ["node"] } : OPTIONS;
  const text = existsSync(path) ? readFileSync(path, "utf8") : undefined;
  if (text !== undefined && !text.startsWith(MARK) && !text.startsWith(UNMARKED)) {
    return { isWritten: false, advice: missing(path, optionsOf(text)) };
  }
  const repaired = text === undefined ? whole(wanted) : repair(text, wanted);
  if (repaired === text) return { isWritten: false, advice: [] };
  writeFileSync(path, repaired);
  return { isWritten: true, advice: [] };
}

function whole(options: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(options).map(line);
  return `${MARK}{\n  "compilerOptions": {\n${lines.join(",\n")}\n  }\n}\n`;
}

function line([name, value]: [string, unknown]): string {
  const text = Array.isArray(value)
    ? `[${value.map((one) => JSON.stringify(one)).join(", ")}]`
    : "";
  return `    ${JSON.stringify(name)}: ${text === "" ? JSON.stringify(value) : text}`;
}

/** Repairs a tsconfig.json of init; changes by the user stay. */
function repair(text: string, wanted: Readonly<Record<string, unknown>>): string {
  const found = optionsOf(text);
  const opening = /"compilerOptions"\s*:\s*\{/.exec(text);
  // The file cannot be parsed any more.
  if (found === undefined || opening === null) return whole(wanted);
  const absent = Object.entries(wanted).filter(([name]) => !(name in found));
  if (absent.length === 0) return text;
  const at = opening.index + opening[0].length;
  const isLast = Object.keys(found).length === 0;
  return `${text.slice(0, at)}\n${absent.map(line).join(",\n")}${isLast ? "" : ","}${text.slice(at)}`;
}

function optionsOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const { compilerOptions } = Object(Bun.JSONC.parse(text));
    const isObject = typeof compilerOptions === "object" && compilerOptions !== null;
    return isObject ? compilerOptions : undefined;
  } catch {
    return undefined;
  }
}

/** The options that a tsconfig.json of the user's own lacks. */
function missing(path: string, found: Readonly<Record<string, unknown>> = {}): string[] {
  const absent = NEEDED.filter((option) => !(option in found));
  if (absent.length === 0) return [];
  const list = absent.map((option) => `"${option}": true`).join(", ");
  return [`${path}: left as it is; its compilerOptions want ${list}`];
}
