/**
 * Dependencies of the second tier, read from its files while the program is built. The master sends
 * them along with a module, so that the slave does not have to ask for each of them.
 *
 * A file states them where it uses them:
 *
 * - a line that is not indented takes a module while the file loads: `tier("NAME")`, or in Python
 *   `from econtext.NAME import …`;
 * - a comment `needed at once: NAME, NAME` names modules that its first function is going to take;
 * - a comment `sent along: NAME, NAME` names modules that its functions may take.
 *
 * A function that takes a module which is not sent along waits for one round trip, once.
 */

/** By a module's name without `econtext.`: all that goes with it, each after what it needs. */
export type Dependencies = Readonly<Record<string, readonly string[]>>;

const AT_ONCE = /^(?=\S).*?\btier\("([\w-]+)"\)|^from econtext\.(\w+) import/gm;
const NEEDED = /(?:#|\/\/) .*\bneeded at once: ([\w, -]+)/g;
const SENT_ALONG = /(?:#|\/\/) .*\bsent along: ([\w, -]+)/g;

/**
 * @param sources texts of the second tier, comments included, by name
 * @returns for each, what is needed at once: `dependencies` without what is sent along
 */
export function neededAtOnce(sources: Readonly<Record<string, string>>): Dependencies {
  const direct = new Map(Object.entries(sources).map(([name, text]) => [name, atOnce(text)]));
  return Object.fromEntries(Object.keys(sources).map((name) => [name, closure(name, direct)]));
}

/**
 * @param sources texts of the second tier, comments included, by name
 * @param known names that a file may state besides these
 * @throws {Error} a file states a module that does not exist
 */
export function dependencies(
  sources: Readonly<Record<string, string>>,
  known: readonly string[] = [],
): Dependencies {
  const direct = new Map(Object.entries(sources).map(([name, text]) => [name, stated(text)]));
  for (const name of known) direct.set(name, []);
  for (const [name, needs] of direct) {
    const missing = needs.find((need) => !direct.has(need));
    if (missing !== undefined) throw new Error(`stage1: ${name} needs ${missing}: no such module`);
  }
  return Object.fromEntries(Object.keys(sources).map((name) => [name, closure(name, direct)]));
}

function atOnce(text: string): string[] {
  const taken = [...text.matchAll(AT_ONCE)].map(([, tier, module]) => tier ?? module ?? "");
  return [...taken, ...named(text, NEEDED)];
}

function stated(text: string): string[] {
  if (text.match(SENT_ALONG)?.length !== text.match(/\bsent along: /g)?.length) {
    throw new Error("stage1: `sent along:` must stand in a comment of one line");
  }
  return [...new Set([...atOnce(text), ...named(text, SENT_ALONG)])];
}

/** The names in comments that match. */
function named(text: string, pattern: RegExp): string[] {
  const lists = [...text.matchAll(pattern)].map(([, names = ""]) => names);
  return lists.flatMap((names) => names.split(/, */)).map((name) => name.trim());
}

/** Everything that `name` needs, directly or not, without itself. */
function closure(name: string, direct: ReadonlyMap<string, readonly string[]>): string[] {
  const found = new Set<string>();
  const seen = new Set([name]);
  const visit = (from: string): void => {
    for (const need of direct.get(from) ?? []) {
      if (seen.has(need)) continue;
      seen.add(need);
      visit(need);
      found.add(need);
    }
  };
  visit(name);
  return [...found];
}
