/**
 * The drift check: what the documents state in tables is what the code says, and links lead
 * somewhere. One function a check; each returns what is wrong, a line each. A check whose input
 * is not there yet is skipped aloud while there is no README.md, and is a failure from then on.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const ROOT = dirname(import.meta.dir);

class Missing extends Error {}

type Table = ReadonlyMap<string, number>;

const CHECKS: Readonly<Record<string, () => Promise<string[]> | string[]>> = {
  codes,
  messages,
  classes,
  numbers,
  limits,
  statuses,
  kinds,
  ssh,
  embeddedSsh,
  options,
  links,
  sizes,
  words,
};

function codes(): string[] {
  // The whole word: comments speak of `ERR_TRANSPORT_…` too.
  const inCode = new Set(
    sources("src", ".ts").flatMap((text) => text.match(/\bERR_[A-Z0-9_]*[A-Z0-9](?!\w)/g) ?? []),
  );
  const inDocs = new Set(errorRows().map(({ code }) => code));
  // What others begin with is a family: `code.startsWith("ERR_BOOTSTRAP")`.
  for (const code of inCode) {
    if ([...inDocs].some((other) => other.startsWith(`${code}_`))) inCode.delete(code);
  }
  return [
    ...[...inCode.difference(inDocs)].map((code) => `${code} is not in docs/errors.md`),
    ...[...inDocs.difference(inCode)].map((code) => `${code} of docs/errors.md is not in src/`),
  ];
}

/** The words by which a message is found are in the code, and lead to a code that exists. */
function messages(): string[] {
  const rows = [...read("docs/errors.md").matchAll(/^\| ([^|`]+) \| `(ERR_\w+)` \|$/gm)];
  if (rows.length === 0) return ["docs/errors.md lists no messages"];
  const code = sources("src", ".ts").join("\n");
  const known = new Set(errorRows().map((row) => row.code));
  return rows.flatMap(([, words = "", name = ""]) => [
    ...(code.includes(words) ? [] : [`no message in src/ has the words: ${words}`]),
    ...(known.has(name) ? [] : [`${name} has words and no row in docs/errors.md`]),
  ]);
}

/** A code's class is the one that src/ makes with it, its exit status that class's. */
async function classes(): Promise<string[]> {
  type ErrorClass = new (...texts: readonly unknown[]) => { readonly exitStatus: number };
  const errors = (await import(join(ROOT, "src/errors.ts"))) as Record<string, ErrorClass>;
  const made = new Map(
    sources("src", ".ts").flatMap((text) =>
      [...text.matchAll(/\bnew (\w+Error)\(\s*"(ERR_\w+)"/g)].map(([, name, code]) => [code, name]),
    ),
  );
  return errorRows().flatMap(({ code, name, status }) => {
    const known = errors[name];
    if (known === undefined) return [`${code}: src/errors.ts has no class ${name}`];
    const { exitStatus } = new known("", "", "", "", "");
    const wrongClass = (made.get(code) ?? name) !== name;
    return [
      ...(wrongClass ? [`${code} is made as ${String(made.get(code))}, not ${name}`] : []),
      ...(exitStatus === status ? [] : [`${code}: the exit status is ${String(exitStatus)}`]),
    ];
  });
}

function errorRows(): { code: string; name: string; status: number }[] {
  const row = /^\|\s*`(ERR_[A-Z0-9_]+)`\s*\|\s*`?(\w*)`?\s*\|\s*(\d*)\s*\|/gm;
  return [...read("docs/errors.md").matchAll(row)].map(([, code = "", name = "", status = ""]) => ({
    code,
    name,
    status: Number(status),
  }));
}

/**
 * Handles and flags have one spelling and one number in TypeScript, Python, JavaScript and
 * docs/protocol.md.
 */
async function numbers(): Promise<string[]> {
  return [
    ...(await namedNumbers("src/protocol/handles.ts", "HANDLES", "Handles")),
    ...(await namedNumbers("src/protocol/frame.ts", "FLAGS", "Frame")),
    ...differences(
      await constants("src/protocol/handles.ts", "SWITCH"),
      tableOf("The switch"),
      "docs/protocol.md",
    ),
  ];
}

async function namedNumbers(path: string, name: string, chapter: string): Promise<string[]> {
  const code = await constants(path, name);
  return [
    ...differences(code, tableOf(chapter), "docs/protocol.md"),
    ...spelled("stage1/python", ".py", code),
    ...spelled("stage1/javascript", ".js", code),
  ];
}

/** What a core calls them. It need not name what it never compares: BOOT, say. */
function spelled(folder: string, extension: string, code: Table): string[] {
  return [...assigned(folder, extension, code)].flatMap(([word, n]) =>
    code.get(word) === n ? [] : [`${word} is ${String(n)} in ${folder}`],
  );
}

/** Numbers that a core gives these names. */
function assigned(folder: string, extension: string, names: Table): Table {
  const found = sources(folder, extension).flatMap((text) => [
    ...[...text.matchAll(/^(?:const )?([A-Z_]+) = (\d+)\b/gm)].map(
      ([, name = "", n]) => [name, Number(n)] as const,
    ),
    ...[...text.matchAll(/^((?:[A-Z_]+, )+[A-Z_]+) = (range\()?([\d, ]+)/gm)].flatMap(inRow),
  ]);
  const known = new Map(found.filter(([name]) => names.has(name)));
  if (known.size === 0) throw new Missing(`a number of ${folder}`);
  return known;
}

/** Python's `A, B = 1, 2` and `A, B = range(1, 3)`: each name with its number. */
function inRow([, names = "", range, numbers = ""]: RegExpMatchArray): [string, number][] {
  const given = numbers.split(",").map(Number);
  return names.split(", ").map((name, at) => {
    return [name, range === undefined ? (given[at] ?? Number.NaN) : (given[0] ?? 0) + at];
  });
}

async function limits(): Promise<string[]> {
  const code = await constants("src/protocol/limits.ts", "LIMITS");
  return differences(code, tableOf("Limits"), "docs/protocol.md");
}

/** Exit statuses of the first stages, and the protocol's version. */
async function statuses(): Promise<string[]> {
  const stage = await constants("src/interpreters/first-stage.ts", undefined);
  const { PROTOCOL_VERSION } = (await import(join(ROOT, "src/protocol/handles.ts"))) as {
    readonly PROTOCOL_VERSION: number;
  };
  const spec = read("docs/protocol.md");
  const listed = [...spec.matchAll(/^\| (9\d) \|/gm)].map(([, n]) => Number(n));
  const used = [...stage.values()].filter((value) => typeof value === "number");
  const ended = new Set(firstStages().flatMap((text) => text.match(/\b9[7-9]\b/g) ?? []));
  const marker = `econtext/${String(PROTOCOL_VERSION)} NONCE\\n`;
  return [
    ...(listed.sort().join() === used.sort().join()
      ? []
      : [`docs/protocol.md has the statuses ${listed.join()}, and src/ has ${used.join()}`]),
    ...[...ended.symmetricDifference(new Set(listed.map(String)))].map(
      (status) => `the status ${status} is in one only of docs/protocol.md and the first stages`,
    ),
    ...(spec.includes(marker) ? [] : [`docs/protocol.md: the marker is ${marker}`]),
  ];
}

/** Code of all first stages, without comments. */
function firstStages(): string[] {
  const own = ["stage1/python/first_stage.py", "stage1/javascript/first_stage.js"].map(read);
  return [...own, ...sources("stage1/sh", ".sh")].map((text) =>
    text.replace(/^(?:#|\/\/).*$/gm, ""),
  );
}

/**
 * docs/protocol.md has a row for each kind, and one for the work of each language, with the names
 * that are tried.
 */
async function kinds(): Promise<string[]> {
  const { KINDS } = (await import(join(ROOT, "src/interpreters/kind.ts"))) as {
    KINDS: readonly string[];
  };
  const { tried } = (await import(join(ROOT, "src/interpreters/plan.ts"))) as {
    tried(plan: { wants: string; kind?: string }): readonly string[];
  };
  const spec = read("docs/protocol.md");
  const asked = KINDS.map((kind) => [`\`${kind}\``, "", tried({ wants: "any", kind })] as const);
  const wanted = [
    ["", "a Python function", tried({ wants: "python" })],
    ["", "a JavaScript function", tried({ wants: "javascript" })],
    ["", "anything else", tried({ wants: "any" })],
  ] as const;
  return [...asked, ...wanted].flatMap(([kind, work, names]) => {
    const cells = [kind, work, names.join(", ")].map(escapeRegExp);
    const row = new RegExp(`^\\|\\s*${cells.join("\\s*\\|\\s*")}\\b`, "m");
    return row.test(spec)
      ? []
      : [`docs/protocol.md: no row for ${kind}${work}: ${names.join(", ")}`];
  });
}

/** What is added to the user's ssh command line is listed in the documents for users. */
async function ssh(): Promise<string[]> {
  const transport = (await import(join(ROOT, "src/transports/ssh.ts"))) as {
    ssh(destination: string, options: object): { wrap(argv: readonly string[]): string[] };
  };
  const argv = transport.ssh("host", { interactive: false }).wrap([]);
  const added = argv.slice(1, argv.indexOf("--")).filter((word) => word !== "-o");
  return ["docs/guide.md", "docs/security.md"].flatMap((path) => {
    const text = read(path);
    return added.flatMap((word) =>
      text.includes(`\`${word}\``) ? [] : [`${path}: no \`${word}\``],
    );
  });
}

/** docs/embedded-ssh.md has a row `| option | treatment | note |` for each option of ssh. */
async function embeddedSsh(): Promise<string[]> {
  const { OPTIONS } = await import("../src/embedded-ssh/option-table.ts");
  const page = read("docs/embedded-ssh.md");
  const rows = page.match(/^\| \w+ \| (?:honoured|refused|meaningless) \| .*\|$/gm) ?? [];
  const names = Object.entries(OPTIONS).flatMap(([name, { as, note = "" }]) =>
    rows.some((row) => row.startsWith(`| ${name} | ${as} |`) && row.includes(note)) ? [] : [name],
  );
  const wrong = names.map((name) => `docs/embedded-ssh.md: no row for ${name} as the code has it`);
  const count = Object.keys(OPTIONS).length;
  return rows.length === count ? wrong : [...wrong, `docs/embedded-ssh.md: not ${count} rows`];
}

/** Examples of the command line name commands that exist, with options that these have. */
async function options(): Promise<string[]> {
  const { COMMANDS } = await import("../src/cli/dispatch.ts");
  const { PROGRAM_OPTIONS } = await import("../src/cli/program-options.ts");
  const plans = await Promise.all(
    Object.entries(COMMANDS).map(async ([name, load]) => [name, (await load()).plan.args] as const),
  );
  const known = new Map<string, object>([...plans, ["help", {}], ["", PROGRAM_OPTIONS]]);
  const line = /^\s*(?:\$ )?(?:dist\/)?econtext ((?:[a-z]|--).*)$/gm;
  return documents().flatMap((path) =>
    [...codeOf(read(path)).matchAll(line)].flatMap(([, words = ""]) => {
      const own = words.split(/ -- | #/)[0] ?? "";
      // A word with a dot or a slash is a program.
      const command = /^[a-z]+(?![\w./])/.exec(own)?.[0] ?? "";
      const definitions = known.get(command);
      if (definitions === undefined) return [`${path}: ${command}, in: econtext ${words}`];
      const names = own.match(/(?<= --|^--)[a-z][a-z\d-]*/g) ?? [];
      return names.flatMap((name) =>
        name in definitions || ["help", "version"].includes(name)
          ? []
          : [`${path}: --${name}, in: econtext ${words}`],
      );
    }),
  );
}

function links(): string[] {
  return documents().flatMap((path) => {
    const text = withoutCode(read(path));
    return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = ""]) => {
      if (/^[a-z]+:/.test(link)) return [];
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : relative(ROOT, join(ROOT, dirname(path), file));
      if (!existsSync(join(ROOT, target))) return [`${path}: ${link} does not exist`];
      if (anchor === undefined || !target.endsWith(".md") || anchors(read(target)).has(anchor))
        return [];
      return [`${path}: no heading for ${link}`];
    });
  });
}

/** docs/how-it-works.md has a row `| name | bytes | at most |` for all that has a ceiling. */
async function sizes(): Promise<string[]> {
  const page = read("docs/how-it-works.md");
  if (!existsSync(join(ROOT, "scripts/size.ts"))) throw new Missing("scripts/size.ts");
  const { measure } = await import("./size.ts");
  return (await measure()).flatMap(({ name, sent, limit }) => {
    if (limit === undefined || sent === undefined) return [];
    const cells = [name, sent.toLocaleString("en"), limit.toLocaleString("en")];
    const row = new RegExp(`^\\|\\s*${cells.map(escapeRegExp).join("\\s*\\|\\s*")}\\s*\\|`, "m");
    return row.test(page) ? [] : [`docs/how-it-works.md: no row | ${cells.join(" | ")} |`];
  });
}

/** No text names the machine that it was made on. The patterns do not match themselves. */
function words(): string[] {
  const forbidden = [
    /(?<![\w~.])\/(?:work|root)\/\S*/,
    /\bregistry\.(?:npmjs|yarnpkg|npmmirror)\.\w+/,
    /\b(?:test\.)?pypi\.(?:org|io)\b/,
  ];
  const argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const git = Bun.which("git") === null ? undefined : Bun.spawnSync(argv, { cwd: ROOT });
  if (git?.exitCode !== 0) throw new Missing("git and its folder");
  const paths = [...new Set(git.stdout.toString().split("\0"))].filter(isFile);
  return paths.flatMap((path) => {
    const lines = readFileSync(join(ROOT, path), "latin1").split("\n");
    return lines.flatMap((line, index) =>
      forbidden.flatMap((word) => {
        const found = word.exec(line)?.[0];
        return found === undefined ? [] : [`${path}:${String(index + 1)}: ${found}`];
      }),
    );
  });
}

function read(path: string): string {
  if (!existsSync(join(ROOT, path))) throw new Missing(path);
  return readFileSync(join(ROOT, path), "utf8");
}

function isFile(path: string): boolean {
  return statSync(join(ROOT, path), { throwIfNoEntry: false })?.isFile() ?? false;
}

function sources(folder: string, extension: string): string[] {
  if (!existsSync(join(ROOT, folder))) throw new Missing(folder);
  const paths = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" });
  return paths.filter((path) => path.endsWith(extension)).map((path) => read(join(folder, path)));
}

function documents(): string[] {
  const top = readdirSync(ROOT).filter((name) => name.endsWith(".md"));
  const below = ["docs", "stage1", "test"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md"))
      .map((name) => join(folder, name)),
  );
  return [...top, ...below];
}

/** The members of one exported object; without a name, all that the module exports. */
async function constants(path: string, name: string | undefined): Promise<Table> {
  if (!existsSync(join(ROOT, path))) throw new Missing(path);
  const module = (await import(join(ROOT, path))) as Record<string, number | object>;
  const found = name === undefined ? module : module[name];
  return new Map(Object.entries((found ?? {}) as Record<string, number>));
}

/** The rows `| \`name\` | number |` of one chapter of docs/protocol.md. */
function tableOf(chapter: string): Table {
  const text = read("docs/protocol.md")
    .split(/^## /m)
    .find((part) => part.startsWith(`${chapter}\n`));
  const rows = (text ?? "").matchAll(/^\|\s*`(\w+)`\s*\|\s*([\d,]+)\s*\|/gm);
  return new Map([...rows].map(([, name = "", n = ""]) => [name, Number(n.replaceAll(",", ""))]));
}

function differences(code: Table, other: Table, where: string): string[] {
  return [...new Set([...code.keys(), ...other.keys()])].flatMap((name) => {
    const [ours, theirs] = [code.get(name), other.get(name)];
    if (ours === theirs) return [];
    return [
      `${name} is ${String(ours ?? "absent")} in src/ and ${String(theirs ?? "absent")} in ${where}`,
    ];
  });
}

/** Blocks and spans of code, a line each. */
function codeOf(markdown: string): string {
  const found = markdown.matchAll(/^```\w*\n([\s\S]*?)^```|`([^`\n]+)`/gm);
  return [...found].map(([, block, span]) => block ?? span ?? "").join("\n");
}

function withoutCode(markdown: string): string {
  return markdown.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "");
}

/** As GitHub names headings. */
function anchors(markdown: string): Set<string> {
  const headings = markdown.replace(/^```[\s\S]*?^```/gm, "").matchAll(/^#+\s+(.*)$/gm);
  const slug = (text: string) =>
    text
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-");
  return new Set([...headings].map(([, text = ""]) => slug(text)));
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

let failed = false;
for (const [name, check] of Object.entries(CHECKS)) {
  try {
    for (const line of await check()) {
      failed = true;
      console.error(`${name}: ${line}`);
    }
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    const complete = existsSync(join(ROOT, "README.md"));
    failed ||= complete;
    console.log(`${complete ? "" : "SKIP "}${name}: ${error.message} is not there`);
  }
}
process.exitCode = failed ? 1 : 0;
