/** The names of variables for the targets of the command line. Knows no context. */

/** Words that cannot be the name of a variable. */
const RESERVED = new Set(
  (
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends false finally for " +
    "function if implements import in instanceof interface let new null package private protected public return static super switch " +
    "this throw true try typeof undefined var void while with yield _ _error"
  ).split(" "),
);
/** A word of a path that enters a user or a container of the same machine. */
const ENTRY = /^[a-z][a-z0-9-]*:(?!\/\/)[^:]*$/;
const ADDRESS = /^[\d.]+$|^\[.*\]$|:.*:/;

/** A unique name for each target, in their order. @param isTaken whether a name exists already */
export function variableNames(
  targets: readonly string[],
  isTaken: (name: string) => boolean,
): string[] {
  const given = new Set<string>();
  return targets.map((target) => {
    const wanted = nameOf(target);
    const isFree = (name: string) => !given.has(name) && !RESERVED.has(name) && !isTaken(name);
    let name = wanted;
    for (let n = 2; !isFree(name); n++) name = `${wanted}${n}`;
    given.add(name);
    return name;
  });
}

/**
 * The machine that a path leads to, and what it was entered by: `bastion/web1/sudo:root` is
 * web1_root.
 */
function nameOf(target: string): string {
  const words = target.match(/(?:ssh:\/\/)?[^/]+/g) ?? [target];
  const machine = words.findLastIndex((word) => !ENTRY.test(word));
  const entered = words.slice(machine + 1).map((word) => word.replace(/^.*:/, ""));
  return [...(machine < 0 ? [] : [words[machine] as string]), ...entered]
    .map(asIdentifier)
    .join("_");
}

/** `ssh://user@web-1.example.com:2222` is web_1, `10.0.0.7` is _10_0_0_7. */
function asIdentifier(target: string): string {
  const host = target.replace(/^[a-z][a-z0-9+.-]*:\/\//i, "").replace(/^.*@/, "");
  const plain = ADDRESS.test(host) ? host : host.replace(/[:/].*$/, "").replace(/(?<=.)\..*$/, "");
  const name = plain.replace(/[^\p{ID_Continue}$]+/gu, "_");
  return /^[\p{ID_Start}$_]/u.test(name) ? name : `_${name}`;
}
