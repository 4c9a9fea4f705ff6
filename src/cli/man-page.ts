/**
 * A manual page from the text of `--help`: roff with the macros of man(7). Escapes all that roff
 * would read as its own.
 */
import type { HelpText } from "./command-definition.ts";
import { argumentEntries, type HelpEntry, optionEntries } from "./help-entries.ts";

/**
 * @param version of the program
 * @param commands a line for each, in the page of econtext itself
 */
export function manPage(
  help: HelpText,
  version: string,
  commands: readonly HelpEntry[] = [],
): string {
  const { name, description, usage, examples, args, exitStatus, details } = help;
  const title = name === "" ? "econtext" : `econtext-${name}`;
  const command = name === "" ? "econtext" : `econtext ${name}`;
  const others = commands.filter(([one]) => one !== name).map(([one]) => `econtext-${one}(1)`);
  const seeAlso = name === "" ? others : ["econtext(1)"];
  const lines = [
    `.TH ${title.toUpperCase()} 1 "" "econtext ${text(version)}"`,
    ".SH NAME",
    `${text(title)} \\- ${text(description)}`,
    ".SH SYNOPSIS",
    ...usage.flatMap((line, at) => [
      ...(at === 0 ? [] : [".br"]),
      `.B ${text(command)}`,
      text(line),
    ]),
    ...chapter("DESCRIPTION", paragraphs(details)),
    ...chapter("COMMANDS", commands.flatMap(item)),
    ...chapter("ARGUMENTS", argumentEntries(args).flatMap(item)),
    ...chapter("OPTIONS", optionEntries(args).flatMap(item)),
    ...chapter("EXIT STATUS", exitStatus === undefined ? [] : [text(exitStatus)]),
    ...chapter("EXAMPLES", verbatim(examples.join("\n"))),
    ...chapter("SEE ALSO", [text(seeAlso.join(", "))]),
  ];
  return `${lines.join("\n")}\n`;
}

function chapter(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`.SH ${title}`, ...lines];
}

function item([name, meaning]: HelpEntry): string[] {
  return [".TP", `.B ${text(name)}`, text(meaning)];
}

/** Text that is filled to the width of the page. Indented lines are examples: they stay. */
function paragraphs(block: string): string[] {
  return block.split("\n\n").flatMap((part, at) => {
    const lines = part.split("\n").flatMap((line, index, all) => {
      const isExample = line.startsWith(" ");
      const wasExample = index > 0 && (all[index - 1] ?? "").startsWith(" ");
      const isLast = index === all.length - 1;
      return [
        ...(isExample && !wasExample ? [".nf"] : []),
        ...(!isExample && wasExample ? [".fi"] : []),
        text(line),
        ...(isExample && isLast ? [".fi"] : []),
      ];
    });
    return at === 0 ? lines : [".PP", ...lines];
  });
}

/** Lines as they are. */
function verbatim(block: string): string[] {
  return block === "" ? [] : [".nf", text(block), ".fi"];
}

/** A hyphen of an option must stay one, to be found and copied. */
function text(plain: string): string {
  return plain
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^([.'])/gm, "\\&$1");
}
