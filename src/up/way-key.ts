/** Tells whether two ways lead to one place, so that one kept context serves both. */
import type { PathStep } from "../tree/target-path.ts";

const BATCH_MODE = "BatchMode=yes";

/** The program and the arguments of each transport. To find them, files of ssh may be read. */
const texts = new WeakMap<PathStep["transport"], string>();

/** @returns what must be the same for two ways to be one: clients, their arguments, places */
export function keyOf(way: readonly PathStep[]): string {
  return `[${way.map(({ transport }) => textOf(transport)).join()}]`;
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
