/** Arguments and options of a command as pairs of a name and a meaning, for help and man pages. */
import type { Definitions } from "./parse-line.ts";

/** What `econtext help` explains besides the commands. */
export const HELP_TOPICS = [
  { text: "options", meaning: "The options that all commands share" },
  { text: "targets", meaning: "What a TARGET may be: hosts, paths, sets and groups" },
] as const;

export type HelpEntry = readonly [name: string, meaning: string];

export function argumentEntries(definitions: Definitions): HelpEntry[] {
  return Object.entries(definitions).flatMap(([name, { type, description = "" }]): HelpEntry[] =>
    type === "positional" ? [[name.replace(/^-- /, "").toUpperCase(), description]] : [],
  );
}

/** Options without a description are for econtext itself, and are left out. */
export function optionEntries(definitions: Definitions): HelpEntry[] {
  return Object.entries(definitions).flatMap(([name, definition]): HelpEntry[] => {
    const { type, description = "" } = definition;
    if (type === "positional" || description === "") return [];
    const short = "alias" in definition ? `-${definition.alias}, ` : "";
    const value = "valueHint" in definition ? ` ${definition.valueHint}` : "";
    return [[`${short}--${name}${value}`, description]];
  });
}
