/**
 * Modules of src/ that JavaScript slaves run too, each joined into one file of their second tier:
 * so both ends have one codec, one way to copy files, and one way to poll.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const SRC = join(import.meta.dir, "../src");

interface SharedModule {
  /** What slaves use of it. Everything that these files import comes along. */
  readonly entries: readonly string[];
  /** What follows the joined text: `e` is its exports, and `core` the core of the slave. */
  readonly glue?: string;
}

/**
 * By the name that they have in a slave, after `econtext.`. In the glue as in each file of the
 * second tier, only a line that is not indented needs a module at once (scripts/tier2.ts).
 */
const SHARED: Readonly<Record<string, SharedModule>> = {
  values: {
    entries: ["protocol/value-encode.ts", "protocol/value-decode.ts"],
    // What a reference stands for is known to the channels, which come with the first sender.
    glue: `
  const refer=v=>core.tier("channels").refer(v),adopt=r=>core.tier("channels").adopt(r);
  e.encodeBounded=(v,r)=>encodeBounded(v,r,refer);e.decodeValue=b=>decodeValue(b,{adopt});`,
  },
  files: {
    entries: ["files/reader.ts", "files/writer.ts", "files/copy-locally.ts"],
    // A copy's channels are the slave's own, and its calls can be cancelled.
    glue: `
// sent along: file_pieces
const {Channel,outletOf}=core.tier("channels"),release=p=>core.tier("gather").discardFrame(p);
const {WIDEN}=core.tier("receivers");
const make=()=>{
const {sender,receiver}=new Channel();
return {sender,receiver,release,widen:credit=>receiver[WIDEN](credit)};
};
const cancel=()=>(core.calling.controller=new AbortController()).signal;
e.read=(p,o,s)=>{
outletOf(s).credit+=o.credit??0;
return read(make,p,o,s,cancel(),(...a)=>core.tier("file_pieces").piecesTo(s)(...a));
};
e.write=(d,o,s)=>write(make,d,o,s,cancel());
e.copy=(p,r,d,w,s)=>copyWithin(make,p,r,d,w,s,cancel());
e.fetch=(p,o,s)=>fetch(p,o,s,cancel());`,
  },
  kernel: { entries: ["io/libc.ts", "io/busy-poll.ts"] },
};

const TRANSPILER = new Bun.Transpiler({ loader: "ts", target: "node" });

/** @returns the text of each shared module, by its name */
export function sharedModules(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(SHARED).map(([name, { entries, glue }]) => [
      name,
      joinModules(withImports(entries), glue),
    ]),
  );
}

/** @returns texts of these files and of all that they import, each after the ones that it needs */
function withImports(entries: readonly string[]): string[] {
  const texts = new Map<string, string>();
  const seen = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    const text = readFileSync(path, "utf8");
    // Imports of types are not among them.
    for (const { path: imported } of TRANSPILER.scanImports(text)) {
      if (imported.startsWith(".")) visit(join(dirname(path), imported));
    }
    texts.set(path, text);
  };
  for (const entry of entries) visit(join(SRC, entry));
  return [...texts.values()];
}

/**
 * Joins modules into one CommonJS module with the exports of all. They may import one another, and
 * what the runtime has.
 *
 * @param sources each after the ones that it needs
 */
function joinModules(sources: readonly string[], glue = ""): string {
  const all: string[] = [];
  const parts = sources.map((source) => {
    const names: string[] = [];
    const body = TRANSPILER.transformSync(source)
      .replace(
        /^import (\{[^}]*\}) from ("(?:node|bun):\w+");$/gm,
        (_, names: string, module: string) =>
          `const ${names.replaceAll(" as ", ": ")} = require(${module});`,
      )
      .replace(/^import [^;]*;$/gm, "")
      .replace(/^export \{([^}]*)\};$/gm, (_, list: string) => {
        names.push(...list.split(",").map((name) => name.trim()));
        return "";
      })
      .replace(/^export ((?:async )?function\*?|class|const|let|var) (\w+)/gm, (_, word, name) => {
        names.push(name);
        return `${word} ${name}`;
      });
    all.push(...names);
    return `const {${names.join()}}=(()=>{${body}\nreturn {${names.join()}};})();`;
  });
  // Errors and values are recognised by the names of their classes, which get short ones.
  const name =
    "for(const n in e)if(typeof e[n]=='function')Object.defineProperty(e[n],'name',{value:n})";
  return `${parts.join("\n")}\nconst e=module.exports={${all.join()}};${name};${glue}`;
}
