/**
 * The usual way to show several targets: each line as it comes, behind the name of its target. On a
 * terminal the names are aligned and coloured.
 */
import { neutralise, oneLine } from "../../index.ts";
import type { Host, Output } from "../host.ts";
import { LinePrefixer } from "../ui/line-prefix.ts";
import { writeAbove } from "../ui/write-above.ts";
import type { Report, Stream, TargetEnd, TargetOutput, TargetPlace } from "./report.ts";
import { valuesText } from "./values.ts";

/** SGR colours that are readable on light and dark terminals; red stands for failures. */
const COLOURS = [36, 33, 35, 32, 34, 96, 93, 95, 92, 94];

interface PrefixOptions {
  readonly targets: readonly string[];
  /** What takes the status line away, before other output. */
  readonly erased: () => string;
  /** Shows a failure. */
  readonly tell: (end: TargetEnd) => Promise<void>;
}

export class Prefixed implements Report {
  readonly #host: Host;
  readonly #options: PrefixOptions;
  readonly #width: number;
  readonly #open = new Map<number, PrefixedOutput>();

  constructor(host: Host, options: PrefixOptions) {
    this.#host = host;
    this.#options = options;
    this.#width = Math.max(...options.targets.map((target) => oneLine(target).length), 0);
  }

  open({ target, index }: TargetPlace): TargetOutput {
    const name = oneLine(target);
    const { erased } = this.#options;
    const prefix = ({ isTerminal, coloured }: Output): string => {
      const pad = isTerminal ? " ".repeat(this.#width - name.length) : "";
      const colour = COLOURS[index % COLOURS.length] as number;
      return coloured ? `\x1b[${colour}m${name}:\x1b[0m${pad} ` : `${name}:${pad} `;
    };
    const output = new PrefixedOutput(this.#host, prefix, erased);
    this.#open.set(index, output);
    return output;
  }

  async ended(end: TargetEnd): Promise<void> {
    await this.#open.get(end.index)?.end();
    this.#open.delete(end.index);
    await this.#options.tell(end);
  }

  async conclude(): Promise<void> {
    for (const output of this.#open.values()) await output.end();
  }
}

class PrefixedOutput implements TargetOutput {
  readonly #host: Host;
  readonly #erased: () => string;
  readonly #lines: Readonly<Record<Stream, LinePrefixer>>;

  constructor(host: Host, prefix: (to: Output) => string, erased: () => string) {
    this.#host = host;
    this.#erased = erased;
    const lines = (to: Output): LinePrefixer => new LinePrefixer(prefix(to), to.isTerminal);
    this.#lines = { stdout: lines(host.stdout), stderr: lines(host.stderr) };
  }

  write(stream: Stream, chunk: Uint8Array): Promise<void> {
    return this.#pass(stream, this.#lines[stream].push(chunk));
  }

  value(value: unknown): Promise<void> {
    const text = neutralise(valuesText([value]));
    return this.write("stdout", new TextEncoder().encode(text));
  }

  async end(): Promise<void> {
    for (const stream of ["stdout", "stderr"] as const) {
      await this.#pass(stream, this.#lines[stream].end());
    }
  }

  async #pass(stream: Stream, lines: Uint8Array): Promise<void> {
    if (lines.length === 0) return;
    await writeAbove(this.#host, stream, this.#erased, lines);
  }
}
