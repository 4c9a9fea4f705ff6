/**
 * stage1/ → what is embedded in the program: minified, and the core compressed as it is sent.
 *
 * Runs while src/interpreters/embedded.ts is bundled (a Bun macro), so a compiled binary holds only
 * the results and no generated file can be stale. The same input gives the same bytes: that is
 * what `econtext bootstrap --sha256` promises. Knows nothing of hosts or connections.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, parse } from "node:path";
import { minifyPython } from "./minify.ts";
import { minifyCore, minifyJavaScript } from "./minify-javascript.ts";

/** Only strings: a macro's result is written into the bundle as a literal. */
export interface Stage1 {
  /** zlib stream of the minified core, in base64. */
  readonly pythonCore: string;
  /** The files of stage1/python/tier2, minified, by their name without `.py`. */
  readonly pythonTier2: Readonly<Record<string, string>>;
  readonly pythonFirstStage: string;
  /** As Python's: the core, the files of stage1/javascript/tier2, and the first stage. */
  readonly javascriptCore: string;
  readonly javascriptTier2: Readonly<Record<string, string>>;
  readonly javascriptFirstStage: string;
  readonly findPython: string;
  readonly findJavascript: string;
  readonly findAny: string;
  readonly runJavascript: string;
  readonly runPython: string;
}

const STAGE1 = join(import.meta.dir, "../stage1");
const SRC = join(import.meta.dir, "../src");
const CORE = "core";
const FIRST_STAGE = "first_stage";
const TIER2 = "tier2";
/**
 * One codec for both ends: in this order, each needs only what stands before it. It becomes
 * `econtext.values`.
 */
const CODEC = [
  "text.ts",
  "errors.ts",
  "protocol/limits.ts",
  "protocol/value-types.ts",
  "protocol/value-encode.ts",
  "protocol/value-decode.ts",
] as const;
/** Likewise for reading and writing trees of files: `econtext.files`. */
const FILES = [
  "paths",
  "records",
  "disk",
  "mode",
  "glob",
  "stale-files",
  "atomic-file",
  "destination",
  "reader",
  "writer",
  "copy-locally",
] as const;

/** And for reading what comes in a flood, in Bun: `econtext.kernel`. */
const KERNEL = ["io/libc.ts", "io/busy-poll.ts"] as const;

export function buildStage1(folder: string = STAGE1): Stage1 {
  const read = (...path: string[]) => readFileSync(join(folder, ...path), "utf8");
  const shell = (name: string) => joinShell(read("sh", `${name}.sh`));
  const tier2 = (language: string, minify: (source: string) => string) =>
    Object.fromEntries(
      readdirSync(join(folder, language, TIER2))
        .filter((file) => !file.startsWith("."))
        .sort()
        .map((file) => [parse(file).name, minify(read(language, TIER2, file))]),
    );
  return {
    pythonCore: compress(minifyPython(read("python", `${CORE}.py`))).toBase64(),
    pythonTier2: tier2("python", minifyPython),
    pythonFirstStage: joinPython(read("python", `${FIRST_STAGE}.py`)),
    javascriptCore: deflate(minifyCore(read("javascript", `${CORE}.js`))).toBase64(),
    javascriptTier2: {
      ...tier2("javascript", minifyJavaScript),
      values: minifyJavaScript(
        joinModules(
          CODEC.map((file) => readFileSync(join(SRC, file), "utf8")),
          REFERENCES,
        ),
      ),
      kernel: minifyJavaScript(
        joinModules(KERNEL.map((file) => readFileSync(join(SRC, file), "utf8"))),
      ),
      files: minifyJavaScript(
        joinModules(
          FILES.map((file) => readFileSync(join(SRC, "files", `${file}.ts`), "utf8")),
          COPYING,
        ),
      ),
    },
    javascriptFirstStage: joinJavaScript(read("javascript", `${FIRST_STAGE}.js`)),
    findPython: shell("find_python"),
    findJavascript: shell("find_javascript"),
    findAny: shell("find_any"),
    runJavascript: shell("run_javascript"),
    runPython: shell("run_python"),
  };
}

/**
 * A zlib stream (RFC 1950) by libdeflate: 5 % smaller than fflate's at its best level, 2 % smaller
 * than zlib's, and within 0.5 % of zopfli's, which takes sixty times as long. Bun links it in, and
 * package.json pins Bun, so the bytes are as reproducible as those of a library.
 */
export function compress(text: string): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(new TextEncoder().encode(text));
  const body = deflate(text);
  const stream = new Uint8Array(2 + body.length + 4);
  stream.set([0x78, 0xda]); // deflate, window of 32 KiB, best compression
  stream.set(body, 2);
  new DataView(stream.buffer).setUint32(2 + body.length, Bun.hash.adler32(bytes));
  return stream;
}

/** The same without its frame (RFC 1951). */
export function deflate(text: string): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(new TextEncoder().encode(text));
  return Bun.deflateSync(bytes, { level: 12, library: "libdeflate" });
}

/** One line from simple statements. */
export function joinPython(source: string): string {
  const lines = minifyPython(source).split("\n");
  const nested = lines.find((line) => /^ |:$/.test(line));
  if (nested !== undefined) throw new Error(`first stage: not a simple statement: ${nested}`);
  return quotable(lines.filter((line) => line !== "").join(";"));
}

/**
 * In a slave, what a reference stands for is known to its channels, which come when the first one
 * does.
 */
const REFERENCES = `const refer=v=>core.tier("channels").refer(v),adopt=r=>core.tier("channels").adopt(r);
e.encodeBounded=(v,r)=>encodeBounded(v,r,refer);e.decodeValue=b=>decodeValue(b,{adopt});`;

/** In a slave, a copy's channels are of its own, and its calls can be cancelled. */
const COPYING = `const {Channel}=core.tier("channels"),make=()=>new Channel();
const cancel=()=>(core.calling.controller=new AbortController()).signal;
e.read=(p,o,s)=>read(make,p,o,s,cancel());e.write=(d,o,s)=>write(make,d,o,s,cancel());
e.copy=(p,r,d,w,s)=>copyWithin(make,p,r,d,w,s,cancel());
e.fetch=(p,o,s)=>fetch(p,o,s,cancel());`;

/**
 * Modules whose imports are of one another only, and of the runtime's own, as one CommonJS module
 * with the exports of all.
 *
 * @param glue what follows: there, `e` is its exports
 */
export function joinModules(sources: readonly string[], glue = ""): string {
  const all: string[] = [];
  const parts = sources.map((source) => {
    const names: string[] = [];
    const body = new Bun.Transpiler({ loader: "ts", target: "node" })
      .transformSync(source)
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
  // Errors and values are told by the names of their classes, which get short ones.
  const name =
    "for(const n in e)if(typeof e[n]=='function')Object.defineProperty(e[n],'name',{value:n})";
  return `${parts.join("\n")}\nconst e=module.exports={${all.join()}};${name};${glue}`;
}

/** One line from statements that are each one line. */
export function joinJavaScript(source: string): string {
  const lines = source.split("\n").filter((line) => line !== "" && !line.startsWith("//"));
  return quotable(lines.join(";"));
}

/** One line from a script without quotes over several lines, here-documents or `case`. */
export function joinShell(source: string): string {
  const lines = source.split("\n").map((line) => line.trim());
  const code = lines.filter((line) => line !== "" && !line.startsWith("#")).join(";");
  return quotable(code.replace(/(\b(?:do|then|else)|\{|&&|\|\|?);/g, (_, word) => `${word} `));
}

/** What every login shell passes through single quotes as it is: csh expands `!` even there. */
function quotable(code: string): string {
  const bad = /[^ -~]|['!\\]/.exec(code)?.[0];
  if (bad !== undefined) throw new Error(`first stage: ${JSON.stringify(bad)} in ${code}`);
  return code;
}
