/**
 * Checks the subjects of commits: `area: imperative`, at most 72 columns, one thought.
 *
 * New commits are those after the one that added this file: git finds it, also after a rebase. In
 * a clone with a part of the history it is the oldest commit that there is. Without git, or
 * without its folder, there is nothing to check, which is said.
 */
import { dirname } from "node:path";

const ROOT = dirname(import.meta.dir);
const MAX_COLUMNS = 72;
const SUBJECT = /^(?<area>[a-z0-9][\w./-]*(?:, [\w./-]+)*): (?<verb>[a-z][a-z-]*)\b/;
/** How a verb ends that is not imperative: "adds", "added", "adding". */
const OTHER_FORM = /(?:ed|ing|[^s]s)$/;
/** Imperatives with such an end. */
const IMPERATIVES = new Set(
  "bias bring embed exceed feed focus need proceed seed shed speed succeed".split(" "),
);

/** @returns what is wrong with a commit's subject; undefined if nothing is */
export function problemOf(subject: string): string | undefined {
  if (subject.length > MAX_COLUMNS) return `${subject.length} columns (at most ${MAX_COLUMNS})`;
  const verb = SUBJECT.exec(subject)?.groups?.["verb"];
  if (verb === undefined) return "expected `area: imperative`, in lower case";
  if (OTHER_FORM.test(verb) && !IMPERATIVES.has(verb)) return `"${verb}" is no imperative`;
  if (/[.;]$|; /.test(subject)) return "one thought, without a full stop or a semicolon";
  return undefined;
}

function git(...args: readonly string[]): string | undefined {
  if (Bun.which("git") === null) return undefined;
  const { exitCode, stdout } = Bun.spawnSync(["git", ...args], { cwd: ROOT });
  return exitCode === 0 ? stdout.toString().trim() : undefined;
}

if (import.meta.main) {
  const added = git("log", "--diff-filter=A", "--format=%H", "--", "scripts/commits.ts");
  const base = added?.split("\n").at(-1);
  const log = base ? git("log", "--no-merges", "--format=%h %s", `${base}..HEAD`) : undefined;
  if (added === undefined) console.log("SKIP there is no history of git");
  const wrong = (log ?? "").split("\n").flatMap((line) => {
    const [, hash = "", subject = ""] = /^(\w+) (.*)$/.exec(line) ?? [];
    const problem = hash === "" ? undefined : problemOf(subject);
    return problem === undefined ? [] : [`${hash} ${subject}\n  ${problem}`];
  });
  for (const line of wrong) console.error(line);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}
