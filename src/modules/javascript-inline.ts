/**
 * The source of one function as it is sent to be made over there, by `[MODULE, SOURCE]`: what it imports goes through the far loader. Knows
 * nothing of which functions may be sent. Twin: stage1/js/importer.js, "Functions".
 */
import { Edits } from "./javascript-edits.ts";
import { Requests } from "./javascript-requests.ts";
import { parse } from "./javascript-syntax.ts";

/** In the place of `import`, and as long. */
const IMPORT = "__impt";

/**
 * @param source a function expression in JavaScript, as `Function.prototype.toString` gives it
 * @throws {SyntaxError} when it is none
 */
export function inlineSource(source: string): string {
  if (!source.includes("import")) return source;
  const text = `(${source}\n)`;
  const edits = new Edits(text);
  new Requests().find(parse(text, "module"), edits, IMPORT);
  return edits.apply().text.slice(1, -2);
}
