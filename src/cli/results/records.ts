/**
 * `--json`: one object a line for each target, when it ends. docs/result.schema.json describes it,
 * the same for every command.
 */
import { oneLine } from "../../index.ts";
import type { Host } from "../host.ts";
import { toJson } from "../ui/result.ts";
import { writeAbove } from "../ui/write-above.ts";
import { Gathered, SharedMemory } from "./gathered.ts";
import type { Report, TargetEnd, TargetOutput, TargetPlace } from "./report.ts";

/** What a command gives: its output, or values. */
export type Yield = "output" | "value" | "values" | "none";

interface RecordParts {
  readonly host: Host;
  /** Asked when a target has ended. */
  readonly yields: () => Yield;
  readonly pathOf: (target: string) => string;
  /** What takes the status line away, before other output. */
  readonly erased: () => string;
}

export class Records implements Report {
  readonly #parts: RecordParts;
  readonly #memory = new SharedMemory();
  readonly #gathered = new Map<number, Gathered>();

  constructor(parts: RecordParts) {
    this.#parts = parts;
  }

  open({ index }: TargetPlace): TargetOutput {
    const gathered = new Gathered(this.#memory);
    this.#gathered.set(index, gathered);
    return gathered;
  }

  async ended(end: TargetEnd): Promise<void> {
    const gathered = this.#gathered.get(end.index);
    this.#gathered.delete(end.index);
    const { host, erased } = this.#parts;
    const line = `${toJson(this.#record(end, gathered ?? new Gathered()))}\n`;
    await writeAbove(host, "stdout", erased, line);
    gathered?.release();
  }

  conclude(): Promise<void> {
    return Promise.resolve();
  }

  #record(end: TargetEnd, gathered: Gathered): Record<string, unknown> {
    const { target, status, signal, error, hop, attempts, times } = end;
    return {
      target,
      path: this.#parts.pathOf(target),
      ok: status === 0,
      status,
      ...(signal === undefined ? {} : { signal }),
      ...this.#given(gathered, status === 0),
      ...(gathered.lost === 0 ? {} : { lostBytes: gathered.lost }),
      ...(error === undefined ? {} : { error: { ...(hop && { hop }), ...plainError(error) } }),
      attempts,
      times: rounded(times),
    };
  }

  #given(gathered: Gathered, isOk: boolean): Record<string, unknown> {
    switch (this.#parts.yields()) {
      case "output":
        return { stdout: gathered.text("stdout"), stderr: gathered.text("stderr") };
      case "values":
        return { values: gathered.values };
      case "value":
        return isOk ? { value: gathered.values[0] ?? null } : {};
      case "none":
        return {};
    }
  }
}

/** @returns the error for programs that read the output */
function plainError(error: unknown): Record<string, unknown> {
  const { message, code, type, hop, remoteMessage, traceback } = error as Record<string, unknown>;
  const isText = typeof message === "string";
  const known = Object.entries({
    code,
    message: remoteMessage ?? (isText ? message : oneLine(String(error))),
    type,
    hop,
    traceback,
  });
  return Object.fromEntries(known.filter(([, value]) => typeof value === "string"));
}

/** Tenths of milliseconds are enough. */
function rounded(times: TargetEnd["times"]): Record<string, number> {
  const all = Object.entries(times) as [string, number][];
  return Object.fromEntries(all.map(([name, ms]) => [name, Number(ms.toFixed(1))]));
}
