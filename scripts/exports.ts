/**
 * Finds exported names of src/ that no other file imports. A type that its own file uses may stand
 * for a part of what it exports. A name that only tests import is allowed and printed. Where a file
 * is imported as a whole (`import()`, `import * as`, or into JavaScript slaves), each word of the
 * importing text may be a name of it. The public names of src/index.ts need no user.
 */
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const ROOT = dirname(import.meta.dir);
const FILES = new Bun.Glob("{src,scripts,test,stage1,examples}/**/*.{js,ts}");
/** Texts that use names of src/ and are no modules. */
const JOINED = /^(?:scripts\/shared-modules\.ts|stage1\/javascript\/)/;
/** Every file is formatted, so that a pattern finds what a parser would. */
const EXPORT =
  /^export (?:declare |abstract |async )*(const|let|function\*?|class|interface|type|enum) ([\w$]+)/gm;
const NAMES = /^(?:import|export) (?:type )?(?:\w+, )?\{([^}]*)\} from "(\.[^"]+)"/gm;
const WHOLE =
  /\bimport\(\s*"(\.[^"]+)"|^(?:import|export) (?:type )?\* (?:as \w+ )?from "(\.[^"]+)"/gm;

interface Module {
  readonly path: string;
  readonly exported: readonly string[];
  /** As `PATH name`; `PATH *` for all of a file. */
  readonly imported: ReadonlySet<string>;
  readonly words: ReadonlySet<string>;
}

/** @param path from the folder of the repository */
export function moduleOf(path: string, text: string): Module {
  const at = (from = ""): string => normalize(join(dirname(path), from));
  const named = [...text.matchAll(NAMES)].flatMap(([, names = "", from]) =>
    [...names.matchAll(/(?:^|[,\s])(?!type\s)([\w$]+)(?: as [\w$]+)?(?=\s*(?:,|$))/g)].map(
      ([, name]) => `${at(from)} ${name}`,
    ),
  );
  const whole = [...text.matchAll(WHOLE)].map(([, one, other]) => `${at(one ?? other)} *`);
  const isPart = (kind: string, name: string): boolean =>
    /interface|type/.test(kind) && (text.match(new RegExp(`\\b${name}\\b`, "g")) ?? []).length > 1;
  const exported = [...text.matchAll(EXPORT)].flatMap(([, kind = "", name = ""]) =>
    isPart(kind, name) ? [] : [name],
  );
  return {
    path,
    exported,
    imported: new Set([...named, ...whole]),
    words: new Set(text.match(/[\w$]+/g)),
  };
}

function isUsed(user: Module, path: string, name: string): boolean {
  if (user.path === path) return false;
  if (user.imported.has(`${path} ${name}`)) return true;
  return user.words.has(name) && (user.imported.has(`${path} *`) || JOINED.test(user.path));
}

/** @returns the exported names that no other module uses, and those that only tests use */
export function unused(modules: readonly Module[]): { byAll: string[]; byCode: string[] } {
  const [byAll, byCode]: [string[], string[]] = [[], []];
  for (const { path, exported } of modules) {
    if (!path.startsWith("src/") || path === "src/index.ts") continue;
    for (const name of exported) {
      const users = modules.filter((user) => isUsed(user, path, name));
      if (users.length === 0) byAll.push(`${path}: ${name}`);
      else if (users.every((user) => user.path.startsWith("test/")))
        byCode.push(`${path}: ${name}`);
    }
  }
  return { byAll, byCode };
}

if (import.meta.main) {
  const paths = [...FILES.scanSync(ROOT)].filter((path) => !path.includes("node_modules/"));
  const modules = paths.map((path) => moduleOf(path, readFileSync(join(ROOT, path), "utf8")));
  const { byAll, byCode } = unused(modules);
  for (const line of byAll) console.error(`${line} is exported, and no other file imports it`);
  for (const line of byCode) console.log(`only tests import it: ${line}`);
  process.exitCode = byAll.length > 0 ? 1 : 0;
}
