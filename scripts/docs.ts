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
  handles,
  limits,
  links,
  sizes,
  words,
};

function codes(): string[] {
  const inCode = new Set(
    sources("src", ".ts").flatMap((text) => text.match(/\bERR_[A-Z0-9_]*[A-Z0-9]/g) ?? []),
  );
  const rows = read("docs/errors.md").matchAll(/^\|\s*`(ERR_[A-Z0-9_]+)`/gm);
  const inDocs = new Set([...rows].map(([, code]) => code ?? ""));
  return [
    ...[...inCode.difference(inDocs)].map((code) => `${code} is not in docs/errors.md`),
    ...[...inDocs.difference(inCode)].map((code) => `${code} of docs/errors.md is not in src/`),
  ];
}

async function handles(): Promise<string[]> {
  const code = await constants("src/protocol/handles.ts", "HANDLES");
  const python = new Map(
    sources("stage1/python", ".py").flatMap((text) =>
      [...text.matchAll(/^([A-Z_]+) = (\d+)\b/gm)].map(
        ([, name, n]) => [name ?? "", Number(n)] as const,
      ),
    ),
  );
  const known = new Map([...python].filter(([name]) => code.has(name)));
  return [
    ...differences(code, tableOf("Handles"), "docs/protocol.md"),
    ...differences(code, known, "stage1/python"),
  ];
}

async function limits(): Promise<string[]> {
  const code = await constants("src/protocol/limits.ts", "LIMITS");
  return differences(code, tableOf("Limits"), "docs/protocol.md");
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

/** README.md has a row `| name | bytes | at most |` for all that has a ceiling. */
async function sizes(): Promise<string[]> {
  const readme = read("README.md");
  if (!existsSync(join(ROOT, "scripts/size.ts"))) throw new Missing("scripts/size.ts");
  const { measure } = await import("./size.ts");
  return (await measure()).flatMap(({ name, sent, limit }) => {
    if (limit === undefined || sent === undefined) return [];
    const cells = [name, sent.toLocaleString("en"), limit.toLocaleString("en")];
    const row = new RegExp(`^\\|\\s*${cells.map(escapeRegExp).join("\\s*\\|\\s*")}\\s*\\|`, "m");
    return row.test(readme) ? [] : [`README.md: no row | ${cells.join(" | ")} |`];
  });
}

/** Where something was made is nobody's business. The patterns do not match themselves. */
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
  const docs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" });
  return [...top, ...docs.filter((name) => name.endsWith(".md")).map((name) => join("docs", name))];
}

async function constants(path: string, name: string): Promise<Table> {
  if (!existsSync(join(ROOT, path))) throw new Missing(path);
  const module = (await import(join(ROOT, path))) as Record<string, Record<string, number>>;
  return new Map(Object.entries(module[name] ?? {}));
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
