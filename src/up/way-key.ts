/**
 * Tells whether two ways lead to one place, so that one kept context serves both, and in which
 * order ways are shown.
 */
import type { PathStep } from "../tree/target-path.ts";

const BATCH_MODE = "BatchMode=yes";

/** The program and the arguments of each transport. To find them, files of ssh may be read. */
const texts = new WeakMap<PathStep["transport"], string>();

/** @returns what must be the same for two ways to be one: clients, their arguments, places */
export function keyOf(way: readonly PathStep[]): string {
  return `[${way.map(({ transport }) => textOf(transport)).join()}]`;
}

/** Orders ways by the names of their words, each after the ways that lead to it. */
export function compareWays(one: readonly PathStep[], other: readonly PathStep[]): number {
  for (const [at, { transport }] of one.entries()) {
    const rest = other[at]?.transport;
    if (rest === undefined) return 1;
    const byName = transport.label.localeCompare(rest.label, "en", { numeric: true });
    if (byName !== 0) return byName;
    const [text, otherText] = [textOf(transport), textOf(rest)];
    if (text !== otherText) return text < otherText ? -1 : 1;
  }
  return one.length - other.length;
}

function textOf(transport: PathStep["transport"]): string {
  let text = texts.get(transport);
  if (text === undefined) {
    const argv = transport.wrap(["-"]);
    // Whether ssh may ask changes nothing about where it leads.
    const same = argv.filter((word, at) => word !== BATCH_MODE && argv[at + 1] !== BATCH_MODE);
    // The embedded ssh lacks some things: it must not serve a command that has not asked for it.
    text = JSON.stringify([transport.engine ?? "", ...same]);
    texts.set(transport, text);
  }
  return text;
}
