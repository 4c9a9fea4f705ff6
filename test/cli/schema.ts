/** Checks a value against a schema of docs/, for the keywords that it uses. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

interface Schema {
  readonly type?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean;
  readonly const?: unknown;
  readonly if?: Schema;
  readonly then?: Schema;
}

const FILE = join(import.meta.dir, "../../docs/result.schema.json");
const RESULT = JSON.parse(readFileSync(FILE, "utf8")) as Schema;

/** @returns what is wrong with a record of `--json`; empty if nothing is */
export function wrongIn(value: unknown, schema: Schema = RESULT, at = "record"): string[] {
  const { type, required = [], properties = {}, additionalProperties = true } = schema;
  if (type !== undefined && !isOf(type, value)) return [`${at} is no ${type}`];
  if ("const" in schema && schema.const !== value) return [`${at} is not ${schema.const}`];
  if (!isOf("object", value)) return [];
  const isThen = schema.if !== undefined && wrongIn(value, schema.if, at).length === 0;
  const members = value as Readonly<Record<string, unknown>>;
  return [
    ...(isThen ? wrongIn(value, schema.then, at) : []),
    ...required.filter((name) => !(name in members)).map((name) => `${at}.${name} is missing`),
    ...Object.entries(members).flatMap(([name, member]) => {
      const known = properties[name];
      if (known !== undefined) return wrongIn(member, known, `${at}.${name}`);
      return additionalProperties ? [] : [`${at}.${name} is not known`];
    }),
  ];
}

function isOf(type: string, value: unknown): boolean {
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isSafeInteger(value);
  if (type === "object")
    return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === type;
}
