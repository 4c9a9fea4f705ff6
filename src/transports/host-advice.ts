/**
 * What may be meant by a word of a path that went to ssh, where no host has this name: a transport
 * with a typing error, or without its destination; a path with colons for slashes; a host that is
 * known by a name nearly the same.
 */
import { closest } from "../closest.ts";
import type { DestinationData } from "./data.ts";
import { LOCAL, type Schemes } from "./word.ts";

/** @returns the advice, without an end; undefined if there is nothing to guess */
export function wordMeantBy(destination: string, schemes: Schemes): string | undefined {
  if (/^[^:/]+:\d+$/.test(destination)) return `for a port: ssh://${destination}`;
  if (/^[^:]*:[^:]*:[\da-f:.%]*$/i.test(destination)) return undefined; // an address
  const [, head = "", tail = ""] = /^([^:?/]*)(.*)$/su.exec(destination) ?? [];
  const scheme = schemeMeantBy(head, schemes);
  if (scheme !== undefined) return adviceFor(scheme, tail, schemes.get(scheme)?.destination);
  const [, rest = ""] = /^:([^:?/].*)$/su.exec(tail) ?? [];
  if (rest === "") return undefined;
  return `a path is written with slashes: ${head}/${rest} (there is no transport ${head})`;
}

/**
 * @param names hosts that are known
 * @returns the advice for a destination that none of them is
 */
export function hostMeantBy(destination: string, names: readonly string[]): string | undefined {
  // With a port, or as an address, it was not written as a name.
  const [, user = "", host = ""] = /^([^@:/]*@)?([^@:/]+)$/.exec(destination) ?? [];
  const meant = names.includes(host) ? undefined : closest(host, names);
  return meant === undefined ? undefined : `did you mean ${user}${meant}?`;
}

/**
 * @param names hosts of this machine's configuration, which no ssh behind a hop reads
 * @returns the advice for one of them
 */
export function hostKnownHere(destination: string, names: readonly string[]): string | undefined {
  const host = destination.slice(destination.lastIndexOf("@") + 1);
  if (!names.includes(host)) return undefined;
  const way = `--ssh embedded, or ProxyJump and ${host} alone`;
  return `${host} is a Host of this machine's configuration: use ${way}`;
}

function schemeMeantBy(head: string, schemes: Schemes): string | undefined {
  const name = head.toLowerCase();
  const names = [LOCAL, ...schemes.keys()];
  return names.includes(name) ? name : closest(name, names);
}

/** @param tail what follows the scheme, with its colon or question mark */
function adviceFor(scheme: string, tail: string, rule: DestinationData | undefined): string {
  const isMissing = rule !== undefined && rule.default === undefined && !/^:[^?]/.test(tail);
  // `local` has no destination and no options.
  const rest = rule === undefined ? "" : tail;
  if (!isMissing) return `did you mean ${scheme}${rest}?`;
  const { noun, example } = rule;
  const article = /^[aeiou]/.test(noun) ? "an" : "a";
  const form = example.includes("%") ? example : `${scheme}:NAME`;
  return `${scheme} needs ${article} ${noun}: ${form}`;
}
