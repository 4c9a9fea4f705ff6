/** `--help`: citty's rendering of a command's definition, and our words below it. */
import { stripVTControlCharacters } from "node:util";
import { type CommandDef, renderUsage } from "citty";
import { stdout } from "./output.ts";

export async function showHelp(
  command: CommandDef,
  parent: CommandDef | undefined,
  details: string,
): Promise<void> {
  const usage = await renderUsage(command, parent);
  // citty colours without looking where the text goes.
  const text = stdout.coloured ? usage : stripVTControlCharacters(usage);
  await stdout.write(`${text.replace(/ +$/gm, "").trimEnd()}\n\n${details}\n`);
}
