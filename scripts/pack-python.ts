/**
 * Minified Python → the same program on as few lines as possible, for the core: it is sent with
 * every connection, and its size is latency.
 *
 * Line numbers change. That costs nothing: no traceback shows frames of the core. The input must be
 * minified (scripts/minify.ts), and its strings must end on the line that they begin on.
 */

const COMPOUND = /^ *(?:if|for|while|def|class|try|except|else|elif|finally|with|@)\b/;
const STRING = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g;

export function packPython(minified: string): string {
  if (/"""|'''|\\$/m.test(minified)) throw new Error("pack-python: a string or line is continued");
  return withBodies(withStatements(logicalLines(minified.split("\n")))).join("\n");
}

/** One line for each statement: without empty lines, and without line ends inside of brackets. */
function logicalLines(lines: readonly string[]): string[] {
  const logical: string[] = [];
  let depth = 0;
  for (const line of lines.filter((line) => line.trim() !== "")) {
    if (depth > 0) logical.push(`${logical.pop() ?? ""}${line.trim()}`);
    else logical.push(line);
    const code = line.replace(STRING, "");
    depth += (code.match(/[([{]/g)?.length ?? 0) - (code.match(/[)\]}]/g)?.length ?? 0);
  }
  return logical;
}

/** Simple statements of one block that follow each other stand on one line. */
function withStatements(lines: readonly string[]): string[] {
  const packed: string[] = [];
  for (const line of lines) {
    const before = packed.at(-1);
    const joins =
      before !== undefined &&
      isSimple(before) &&
      isSimple(line) &&
      depthOf(before) === depthOf(line);
    if (joins) packed[packed.length - 1] = `${before};${line.trim()}`;
    else packed.push(line);
  }
  return packed;
}

/** A body that is one line of simple statements stands behind its header. */
function withBodies(lines: readonly string[]): string[] {
  const packed: string[] = [];
  lines.forEach((line, index) => {
    const header = lines[index - 1];
    const next = lines[index + 1];
    const isBody = header?.endsWith(":") === true && isSimple(line);
    const isAlone = next === undefined || depthOf(next) < depthOf(line);
    if (isBody && isAlone) packed[packed.length - 1] = `${header}${line.trim()}`;
    else packed.push(line);
  });
  return packed;
}

function isSimple(line: string): boolean {
  return !COMPOUND.test(line);
}

function depthOf(line: string): number {
  return line.search(/[^ ]/);
}
