/**
 * `--fold`: targets that printed the same, returned equal values and ended alike are one block,
 * under their names. The largest block comes first. With `--diff`, the others show only how they
 * differ from it.
 */
import { unifiedDiff } from "../../fleet/diff.ts";
import { fold } from "../../fleet/fold.ts";
import type { Host, Output } from "../host.ts";
import { distinct } from "../ui/visible-bytes.ts";
import { writeAbove } from "../ui/write-above.ts";
import { Gathered, SharedMemory } from "./gathered.ts";
import { showBlock, tellLost } from "./grouped.ts";
import { heading } from "./headings.ts";
import { reasonOf } from "./reasons.ts";
import type { Report, TargetEnd, TargetOutput, TargetPlace } from "./report.ts";
import { valuesText } from "./values.ts";

interface FoldOptions {
  readonly isDiff: boolean;
  /** What takes the status line away, before other output. */
  readonly erased: () => string;
}

export class Folded implements Report {
  readonly #host: Host;
  readonly #options: FoldOptions;
  readonly #memory = new SharedMemory();
  readonly #gathered = new Map<number, Gathered>();
  readonly #ends: TargetEnd[] = [];

  constructor(host: Host, options: FoldOptions) {
    this.#host = host;
    this.#options = options;
  }

  open({ index }: TargetPlace): TargetOutput {
    const gathered = new Gathered(this.#memory);
    this.#gathered.set(index, gathered);
    return gathered;
  }

  ended(end: TargetEnd): Promise<void> {
    this.#ends.push(end);
    return Promise.resolve();
  }

  async conclude(): Promise<void> {
    const ends = new Map(this.#ends.map((end) => [String(end.index), end]));
    const items = this.#ends
      .toSorted((a, b) => a.index - b.index)
      .map((end) => ({ name: String(end.index), value: this.#keyOf(end) }));
    const groups = fold(items).map(({ names }) => names.map((name) => ends.get(name) as TargetEnd));
    const { isDiff, erased } = this.#options;
    const majority = groups[0]?.[0];
    for (const [at, group] of groups.entries()) {
      const first = group[0] as TargetEnd;
      const gathered = this.#of(first);
      if (!isDiff || at === 0 || majority === undefined) {
        await showBlock(this.#host, group, gathered, erased);
        continue;
      }
      const { stdout } = this.#host;
      const lines = unifiedDiff(this.#text(majority), this.#text(first));
      const rest = new Gathered();
      await rest.write("stderr", gathered.bytes("stderr"));
      const block = Buffer.concat([Buffer.from(heading(group, stdout)), diffBytes(lines, stdout)]);
      await writeAbove(this.#host, "stdout", erased, block);
      if (rest.bytes("stderr").length > 0 || first.text !== undefined) {
        await showBlock(this.#host, group, rest, erased);
      }
      await tellLost(this.#host.stderr, group, gathered, erased);
    }
  }

  #of({ index }: TargetEnd): Gathered {
    return this.#gathered.get(index) ?? new Gathered();
  }

  /** @returns a character for each byte: lines with different bytes are different lines */
  #text(end: TargetEnd): string {
    const gathered = this.#of(end);
    const values = Buffer.from(valuesText(gathered.values));
    return Buffer.concat([gathered.bytes("stdout"), values]).toString("latin1");
  }

  /** Equal for targets that belong together. */
  #keyOf(end: TargetEnd): unknown {
    const gathered = this.#of(end);
    const failed = end.status === 0 ? "" : reasonOf(end);
    // The text names the target: what is left is the same for all that failed alike.
    const told = end.text?.replaceAll(end.target, "");
    const streams = [gathered.bytes("stdout"), gathered.bytes("stderr")];
    return [failed, told, gathered.lost, ...streams, gathered.values];
  }
}

/** SGR codes of the lines of a diff, by their first character. */
const COLOURS: Readonly<Record<string, number>> = { "-": 31, "+": 32, "@": 36 };

/** @param lines with a character for each byte */
function diffBytes(lines: readonly string[], to: Output): Uint8Array {
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""), "latin1");
  if (!to.isTerminal) return bytes;
  const text = distinct(bytes);
  if (!to.coloured) return Buffer.from(text);
  const coloured = text.replace(/^([-+@]).*$/gm, (line, mark: string) => {
    return `\x1b[${COLOURS[mark]}m${line}\x1b[0m`;
  });
  return Buffer.from(coloured);
}
