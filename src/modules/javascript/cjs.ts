/**
 * Wraps a CommonJS module into a function for the slave's loader:
 * `(function(exports,require,module,__filename,__dirname,IMPORT){SOURCE})`. The source is
 * unchanged, except for `import(…)`. Twin: stage1/javascript/tier2/importer.js, "CommonJS".
 */
import type { Edits } from "../../syntax/edits.ts";
import { lower, USING } from "../../syntax/lower.ts";
import type { AnyNode, Program } from "../../syntax/parse.ts";
import { names } from "../../syntax/reserved-names.ts";
import { type Request, Requests } from "./requests.ts";

/** @param scope whether functions may be looked up and made in its top-level scope */
export function wrapCommonJs(
  source: string,
  program: Program,
  edits: Edits,
  scope: boolean,
): readonly Request[] {
  const own = names(source);
  const requests = new Requests();
  requests.find(program, edits, own.import);
  const { needsUsing } = lower(program as unknown as AnyNode, edits, own);
  const params = `exports,require,module,__filename,__dirname,${own.import}`;
  const [first] = program.body as { directive?: string }[];
  // A directive counts only at the very beginning.
  const strict = first?.directive === "use strict" ? '"use strict";' : "";
  let prologue = needsUsing ? `${strict}const ${own.using}=${USING};` : "";
  if (scope) {
    const accessor = 'function(){"use strict";return eval(arguments[0])}';
    prologue = `${prologue || strict}${own.link}(${accessor});`;
  }
  edits.wrap(`(function(${params}${scope ? `,${own.link}` : ""}){${prologue}`, "\n})");
  return requests.found;
}
