/** The errors of a command line as text, with advice. Knows no command but by name. */
import { closest } from "../closest.ts";
import { insteadOf } from "./other-programs.ts";
import type { CommandLine, Definitions, Problem } from "./parse-line.ts";
import { Usage } from "./report-error.ts";
import { withSeparator } from "./words.ts";

/**
 * @param begins for commands that another program's words may follow: whether these begin with the
 * word. Then the error may be a missing `--`, and the line with it is shown.
 * @throws {Usage} if the line has an error
 */
export function refuseProblem(
  command: string,
  definitions: Definitions,
  line: CommandLine,
  begins?: (word: string) => boolean,
): void {
  const { problem } = line;
  if (problem === undefined) return;
  const text = textOf(problem);
  const advice = problem.kind === "unknown" ? adviceFor(command, definitions, line) : undefined;
  if (advice !== undefined) throw new Usage(command, text + advice);
  const isForeign = begins !== undefined && line.after === undefined;
  const whole = isForeign ? withSeparator(command, line, begins) : undefined;
  if (whole === undefined) throw new Usage(command, text);
  throw new Usage(
    command,
    `${text}; if it is not meant for econtext, put -- before it\n  ${whole}`,
  );
}

function textOf({ kind, option, valueHint = "VALUE" }: Problem): string {
  if (kind === "unknown") return `unknown option ${option}`;
  if (kind === "needless") return `${option} takes no value`;
  const whole = option.startsWith("--") ? `${option}=${valueHint}` : `${option} ${valueHint}`;
  return `${option} needs a value: ${whole}`;
}

/** @returns what was probably meant by an unknown option of econtext */
function adviceFor(
  command: string,
  definitions: Definitions,
  { raw, problem }: CommandLine,
): string | undefined {
  const option = problem?.option ?? "";
  const [, dashes, name = ""] = /^(--?)(.*)$/s.exec(option) ?? [];
  if (dashes === "--") {
    const names = Object.keys(definitions).filter((key) => definitions[key]?.type !== "positional");
    const meant = closest(name, names);
    return meant === undefined ? undefined : `: did you mean --${meant}?`;
  }
  const advice = "ssh-option" in definitions ? insteadOf(name, raw) : undefined;
  if (advice !== undefined) return `; ${advice}`;
  const isArchive = command === "cp" && name === "a";
  return isArchive ? "; write -r: times and modes are always kept" : undefined;
}
