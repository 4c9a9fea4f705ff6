/**
 * The lines in which one text differs from another, as `diff -u` shows them. The edits are the
 * fewest (Myers, "An O(ND) Difference Algorithm"), up to a number of edits.
 */

/** More edits than this are not searched for: the texts then have nothing in common. */
const MAX_EDITS = 2_000;

/** Lines that both have, that only the first has, or that only the second has. */
interface Edit {
  readonly mark: " " | "-" | "+";
  readonly line: string;
}

/**
 * @param context how many equal lines are shown around each difference
 * @returns hunks, each with its `@@` line; no line if the texts are equal
 */
export function unifiedDiff(from: string, to: string, context = 3): readonly string[] {
  return hunks(edits(linesOf(from), linesOf(to)), context);
}

const NO_NEWLINE = "\n\\ No newline at end of file";

/** A last line without its end is another line than one with it. */
function linesOf(text: string): string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  const last = lines.pop() as string;
  return last === "" ? lines : [...lines, last + NO_NEWLINE];
}

/** @returns all lines of both, in order */
function edits(from: readonly string[], to: readonly string[]): Edit[] {
  let start = 0;
  while (start < from.length && start < to.length && from[start] === to[start]) start++;
  let [fromEnd, toEnd] = [from.length, to.length];
  while (fromEnd > start && toEnd > start && from[fromEnd - 1] === to[toEnd - 1]) {
    fromEnd--;
    toEnd--;
  }
  const same = (line: string): Edit => ({ mark: " ", line });
  return [
    ...from.slice(0, start).map(same),
    ...middle(from.slice(start, fromEnd), to.slice(start, toEnd)),
    ...from.slice(fromEnd).map(same),
  ];
}

/**
 * After `depth` edits, `ends` has for each diagonal how far into `from` the longest path comes. The
 * ends of every depth are kept, so that the path can be walked back.
 */
function middle(from: readonly string[], to: readonly string[]): Edit[] {
  const [width, height] = [from.length, to.length];
  const trace: Int32Array[] = [];
  const most = Math.min(width + height, MAX_EDITS);
  let ends = new Int32Array(2 * most + 3);
  const at = (diagonal: number): number => diagonal + most + 1;
  for (let depth = 0; depth <= most; depth++) {
    trace.push(ends.slice(at(-depth - 1), at(depth + 1) + 1));
    const next = ends;
    for (let diagonal = -depth; diagonal <= depth; diagonal += 2) {
      let x = isDown(diagonal, depth, (k) => ends[at(k)] as number)
        ? (ends[at(diagonal + 1)] as number)
        : (ends[at(diagonal - 1)] as number) + 1;
      while (x < width && x - diagonal < height && from[x] === to[x - diagonal]) x++;
      next[at(diagonal)] = x;
      if (x >= width && x - diagonal >= height) return walkBack(from, to, trace);
    }
    ends = next;
  }
  return [
    ...from.map((line): Edit => ({ mark: "-", line })),
    ...to.map((line): Edit => ({ mark: "+", line })),
  ];
}

/** Whether the longest path to a diagonal comes from the one above: a line is added. */
function isDown(diagonal: number, depth: number, end: (diagonal: number) => number): boolean {
  if (diagonal === -depth) return true;
  return diagonal !== depth && end(diagonal - 1) < end(diagonal + 1);
}

function walkBack(
  from: readonly string[],
  to: readonly string[],
  trace: readonly Int32Array[],
): Edit[] {
  const path: Edit[] = [];
  let [x, y] = [from.length, to.length];
  for (let depth = trace.length - 1; depth >= 0; depth--) {
    // The array begins with the diagonal -depth - 1.
    const end = (diagonal: number): number => trace[depth]?.[diagonal + depth + 1] as number;
    const diagonal = x - y;
    const isAdded = isDown(diagonal, depth, end);
    const beforeX = depth === 0 ? 0 : end(isAdded ? diagonal + 1 : diagonal - 1);
    const beforeY = depth === 0 ? 0 : beforeX - (isAdded ? diagonal + 1 : diagonal - 1);
    while (x > beforeX && y > beforeY && from[x - 1] === to[y - 1]) {
      path.push({ mark: " ", line: from[--x] as string });
      y--;
    }
    if (depth === 0) break;
    if (isAdded) path.push({ mark: "+", line: to[--y] as string });
    else path.push({ mark: "-", line: from[--x] as string });
  }
  return path.reverse();
}

function hunks(all: readonly Edit[], context: number): string[] {
  const shown: string[] = [];
  let [fromLine, toLine, done] = [0, 0, 0];
  const skipTo = (end: number): void => {
    for (; done < end; done++) {
      if (all[done]?.mark !== "+") fromLine++;
      if (all[done]?.mark !== "-") toLine++;
    }
  };
  for (let next = nextChange(all, 0); next < all.length; next = nextChange(all, done)) {
    const begin = Math.max(done, next - context);
    skipTo(begin);
    const end = endOfHunk(all, next, context);
    const [fromBegin, toBegin] = [fromLine, toLine];
    skipTo(end);
    const range = (first: number, last: number): string =>
      `${last > first ? first + 1 : first}${last - first === 1 ? "" : `,${last - first}`}`;
    shown.push(`@@ -${range(fromBegin, fromLine)} +${range(toBegin, toLine)} @@`);
    const lines = all.slice(begin, end).map(({ mark, line }) => mark + line);
    shown.push(...lines.flatMap((line) => line.split("\n")));
  }
  return shown;
}

function nextChange(all: readonly Edit[], from: number): number {
  const found = all.findIndex(({ mark }, at) => at >= from && mark !== " ");
  return found < 0 ? all.length : found;
}

/** Two changes are in one hunk if the lines around them touch. */
function endOfHunk(all: readonly Edit[], first: number, context: number): number {
  let end = first;
  for (let at = first; at < all.length && at <= end + 2 * context; at++) {
    if (all[at]?.mark !== " ") end = at;
  }
  return Math.min(all.length, end + 1 + context);
}
