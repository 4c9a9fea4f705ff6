/**
 * `--group`: the output of each target in one piece, below a heading. Targets come in the order in
 * which they were given, each as soon as it and those before it have ended.
 */
import { oneLine } from "../../index.ts";
import { compress } from "../../sets/fold-names.ts";
import type { Host, Output } from "../host.ts";
import { visible } from "../ui/visible-bytes.ts";
import { wrapFor } from "../ui/wrap.ts";
import { writeAbove } from "../ui/write-above.ts";
import { Gathered, SharedMemory } from "./gathered.ts";
import { heading } from "./headings.ts";
import type { Report, Stream, TargetEnd, TargetOutput, TargetPlace } from "./report.ts";
import { valuesText } from "./values.ts";

export class Grouped implements Report {
  readonly #host: Host;
  readonly #erased: () => string;
  readonly #memory = new SharedMemory();
  readonly #gathered = new Map<number, Gathered>();
  readonly #ends = new Map<number, TargetEnd>();
  #next = 0;
  #shown = Promise.resolve();

  /** @param erased what takes the status line away, before other output */
  constructor(host: Host, erased: () => string) {
    this.#host = host;
    this.#erased = erased;
  }

  open({ index }: TargetPlace): TargetOutput {
    const gathered = new Gathered(this.#memory);
    this.#gathered.set(index, gathered);
    return gathered;
  }

  ended(end: TargetEnd): Promise<void> {
    this.#ends.set(end.index, end);
    this.#shown = this.#shown.then(() => this.#show());
    return this.#shown;
  }

  /** A target that the run never came to has no end: what is behind it is shown all the same. */
  async conclude(): Promise<void> {
    await this.#shown;
    for (const index of [...this.#ends.keys()].sort((a, b) => a - b)) await this.#one(index);
  }

  async #show(): Promise<void> {
    while (this.#ends.has(this.#next)) await this.#one(this.#next++);
  }

  async #one(index: number): Promise<void> {
    const end = this.#ends.get(index) as TargetEnd;
    const gathered = this.#gathered.get(index) ?? new Gathered();
    this.#ends.delete(index);
    this.#gathered.delete(index);
    await showBlock(this.#host, [end], gathered, this.#erased);
    gathered.release();
  }
}

/** Shows what targets have printed that ended alike: stdout, then stderr. */
export async function showBlock(
  host: Host,
  ends: readonly TargetEnd[],
  gathered: Gathered,
  erased: () => string,
): Promise<void> {
  const { stdout, stderr } = host;
  const [first] = ends as readonly [TargetEnd];
  const values = valuesText(gathered.values);
  const text = Buffer.concat([
    fit(gathered.bytes("stdout"), stdout),
    new TextEncoder().encode(values),
  ]);
  const said = fit(gathered.bytes("stderr"), stderr);
  const told = first.text === undefined ? "" : `${wrapFor(stderr, first.text)}\n`;
  const hasOutput = text.length > 0;
  // A target without a word is worth a line only if it failed, or if nothing else tells of it.
  const out = hasOutput || (said.length === 0 && told === "");
  if (out) await showAbove(host, "stdout", erased, heading(ends, stdout), withEnd(text));
  if (said.length > 0 || told !== "") {
    const title = heading(ends, stderr, said.length > 0 ? "stderr" : "");
    const body = Buffer.concat([withEnd(said), new TextEncoder().encode(told)]);
    await showAbove(host, "stderr", erased, title, body);
  }
  await tellLost(stderr, ends, gathered, erased);
}

/** Shows a heading and what is below it, in one write. */
function showAbove(
  host: Host,
  stream: Stream,
  erased: () => string,
  title: string,
  body: Uint8Array,
): Promise<void> {
  return writeAbove(host, stream, erased, Buffer.concat([Buffer.from(title), body]));
}

/** Output that was not kept is told with its targets: stderr may be another file. */
export async function tellLost(
  stderr: Output,
  ends: readonly TargetEnd[],
  { lost }: Gathered,
  erased: () => string,
): Promise<void> {
  if (lost === 0) return;
  const names = compress(ends.map(({ target }) => target));
  const text = `${names}: the output was too long: ${lost} bytes were lost; try: --outdir`;
  await stderr.write(`${erased()}${wrapFor(stderr, oneLine(text))}\n`);
}

/** Control characters are made harmless for a terminal. */
function fit(bytes: Uint8Array, to: Output): Uint8Array {
  if (!to.isTerminal) return bytes;
  return new TextEncoder().encode(visible(bytes));
}

function withEnd(bytes: Uint8Array): Uint8Array {
  const isEnded = bytes.length === 0 || bytes.at(-1) === 10;
  return isEnded ? bytes : Buffer.concat([bytes, Uint8Array.of(10)]);
}
