/**
 * stage1/ → what is embedded in the program: minified, and the core compressed as it is sent.
 *
 * Runs while src/interpreters/embedded.ts is bundled (scripts/macros.ts), so a compiled binary
 * holds only the results and no generated file can be stale. The same input gives the same bytes:
 * that is what `econtext bootstrap --sha256` promises. Knows nothing of hosts or connections.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, parse } from "node:path";
import { eachProgram, type SwitchPrograms } from "../src/interpreters/switch-programs.ts";
import { minifyPython } from "./minify.ts";
import { minifyCore, minifyJavaScript } from "./minify-javascript.ts";
import { packPython } from "./pack-python.ts";
import { sharedModules } from "./shared-modules.ts";
import { type Dependencies, dependencies, neededAtOnce } from "./tier2.ts";

/** Only data: a macro's result is written into the bundle as a literal. */
export interface Stage1 {
  /** zlib stream of the minified core, in base64. */
  readonly pythonCore: string;
  /** The files of stage1/python/tier2, minified, by their name without `.py`. */
  readonly pythonTier2: Readonly<Record<string, string>>;
  /** By such a name: the modules that are sent along with that one. */
  readonly pythonDependencies: Dependencies;
  /** Of those, the modules without which that one does not load. */
  readonly pythonAtOnce: Dependencies;
  readonly pythonFirstStage: string;
  /** As Python's: the core, the files of stage1/javascript/tier2, and the first stage. */
  readonly javascriptCore: string;
  readonly javascriptTier2: Readonly<Record<string, string>>;
  readonly javascriptDependencies: Dependencies;
  readonly javascriptFirstStage: string;
  /** The programs of a hop's switch. Python's are zlib streams in base64. */
  readonly pythonSwitch: SwitchPrograms<string>;
  readonly javascriptSwitch: SwitchPrograms<string>;
  /** A program for the thread that reads the stream: it ends a slave that is stopped. */
  readonly javascriptStopped: string;
  /** The same for an interpreter whose kind is known. */
  readonly nodeFirstStage: string;
  readonly bunFirstStage: string;
  readonly findPython: string;
  readonly findJavascript: string;
  readonly findAny: string;
  readonly runJavascript: string;
  readonly runPython: string;
}

const STAGE1 = join(import.meta.dir, "../stage1");
const CORE = "core";
const FIRST_STAGE = "first_stage";
const TIER2 = "tier2";
/** The program of a hop's switch. It is no module: the thread that reads the stream runs it. */
const SWITCH = "switch";
/** A module that says where the roots are: each master writes its own. */
const WRITTEN_BY_MASTER = "roots";
export function buildStage1(folder: string = STAGE1): Stage1 {
  const read = (...path: string[]) => readFileSync(join(folder, ...path), "utf8");
  const shell = (name: string) => joinShell(read("sh", `${name}.sh`));
  const javascriptStage = read("javascript", `${FIRST_STAGE}.js`);
  const python = tier2Sources(folder, "python");
  const javascript = { ...tier2Sources(folder, "javascript"), ...sharedModules() };
  return {
    pythonCore: compress(minifyPythonCore(folder)).toBase64(),
    pythonTier2: minifyAll(python, minifyPython),
    pythonDependencies: dependencies(python),
    pythonAtOnce: neededAtOnce(python),
    pythonFirstStage: joinPython(read("python", `${FIRST_STAGE}.py`)),
    javascriptCore: deflate(minifyCore(javascriptCore(folder))).toBase64(),
    javascriptTier2: minifyAll(javascript, minifyJavaScript),
    javascriptDependencies: dependencies(javascript, [WRITTEN_BY_MASTER]),
    pythonSwitch: eachProgram(pythonSwitch(folder, python["vectored_io"]), (text) =>
      compress(text).toBase64(),
    ),
    javascriptSwitch: eachProgram(switchTexts(folder, "javascript"), minifyJavaScript),
    javascriptStopped: minifyJavaScript(read("javascript", SWITCH, "stopped.js")),
    javascriptFirstStage: joinJavaScript(javascriptStage),
    nodeFirstStage: joinJavaScript(stageOf("node", javascriptStage)),
    bunFirstStage: joinJavaScript(stageOf("bun", javascriptStage)),
    findPython: shell("find_python"),
    findJavascript: shell("find_javascript"),
    findAny: shell("find_any"),
    runJavascript: shell("run_javascript"),
    runPython: shell("run_python"),
  };
}

/** Modules of the second tier that are folders: their files, in the order in which they run. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  "python/values": ["types", "decode"],
  "javascript/splice_worker": [
    "common",
    "kernel",
    "sinks",
    "sources",
    "stream",
    "turns",
    "program",
  ],
};
/** The files of a switch's programs, in the order in which they run. */
const SWITCH_PARTS = {
  python: [
    ["start"],
    ["processes", "downstream", "upstream", "child", "relays", "own", "secret", "switch"],
    ["connection"],
  ],
  javascript: [
    ["start", "bun_process", "program", "early"],
    [
      ...["common", "state", "processes", "memory", "scanner", "relays"],
      ...["own", "upstream", "downstream", "child", "switch"],
    ],
    ["connection"],
  ],
} as const;
const EXTENSIONS: Readonly<Record<string, string>> = { python: "py", javascript: "js" };

/** The modules of the second tier that are files here, or folders: their texts, by name. */
export function tier2Sources(folder: string, language: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(join(folder, language, TIER2))
      .filter((file) => !file.startsWith("."))
      .sort()
      .map((file) => [parse(file).name, moduleText(folder, language, file)]),
  );
}

/** The text of a module of the second tier: a file, or the joined files of a folder. */
export function moduleText(folder: string, language: string, file: string): string {
  const path = join(folder, language, TIER2, file);
  const parts = PARTS[`${language}/${file}`];
  return parts === undefined ? readFileSync(path, "utf8") : partsText(path, language, parts);
}

/** The texts of a switch's programs. */
export function switchTexts(
  folder: string,
  language: keyof typeof SWITCH_PARTS,
): SwitchPrograms<string> {
  const path = join(folder, language, SWITCH);
  const parts: SwitchPrograms<readonly string[]> = SWITCH_PARTS[language];
  return eachProgram(parts, (names) => partsText(path, language, names));
}

function partsText(folder: string, language: string, parts: readonly string[]): string {
  const path = (name: string) => join(folder, `${name}.${EXTENSIONS[language]}`);
  return parts.map((name) => readFileSync(path(name), "utf8")).join("\n\n");
}

/** The switch cannot fetch a module, so that the one which it needs is in its text. */
export function pythonSwitch(folder: string, vectoredIo = ""): SwitchPrograms<string> {
  const [start, rest, connections] = eachProgram(switchTexts(folder, "python"), minifyPython);
  const module = `VECTORED_IO = ${JSON.stringify(minifyPython(vectoredIo))}\n`;
  return [start, module + rest, connections];
}

function minifyAll(sources: Record<string, string>, minify: (source: string) => string) {
  return Object.fromEntries(Object.entries(sources).map(([name, text]) => [name, minify(text)]));
}

/**
 * The parts of stage1/python/core, in the order in which the core runs them. The parts of one line
 * are compiled together.
 */
const PYTHON_CORE = [
  ["codec"],
  ["modules", "stream"],
  ["end", "calls", "logs"],
  ["guard"],
  ["boot"],
] as const;
/** A text of this name, which only the guard compiles. */
const LATER = "guard";

/** The files of stage1/python/core as one text. */
export function pythonCore(folder: string = STAGE1): string {
  return PYTHON_CORE.flat()
    .map((name) => pythonPart(folder, name))
    .join("\n");
}

/** The core as it is sent: each text but the last is compiled by itself. */
export function minifyPythonCore(folder: string = STAGE1): string {
  const texts = PYTHON_CORE.map((names) => {
    const parts = names.map((name) => packPython(minifyPython(pythonPart(folder, name))));
    const text = parts.join("\n");
    if (names[0] === LATER) return `${LATER}=r'''${text}'''`;
    return names[0] === "boot" ? text : `exec(r'''${text}''')`;
  });
  return texts.join("\n");
}

function pythonPart(folder: string, name: string): string {
  return readFileSync(join(folder, "python", CORE, `${name}.py`), "utf8");
}

/**
 * The files of stage1/javascript/core as one text: what both threads use, and behind it a function
 * for each thread. The first stage leaves `R` in the main thread alone.
 */
export function javascriptCore(folder: string = STAGE1): string {
  const [shared, main, boot, worker] = ["shared", "main", "boot", "worker"].map((name) =>
    readFileSync(join(folder, "javascript", CORE, `${name}.js`), "utf8"),
  );
  return `${shared}(typeof R==="function"?()=>{${main}${boot}}:()=>{${worker}})();`;
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

/** One line from statements that are each one line. */
export function joinJavaScript(source: string): string {
  const lines = source.split("\n").filter((line) => line !== "" && !line.startsWith("//"));
  return quotable(lines.join(";"));
}

/** The JavaScript first stage without what only an interpreter of the other kind needs. */
function stageOf(kind: "node" | "bun", source: string): string {
  const inflater = /\(p\.isBun\?(.+):(.+inflateRawSync)\)/;
  if (!inflater.test(source)) throw new Error("first stage: no choice of an inflater");
  if (kind === "node") return source.replace(inflater, "$2");
  return source.replace(inflater, "$1").replace(/^p\.versions\.modules<.*\n/m, "");
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
