/**
 * `--json`: one object a line for each target, when it ends. docs/result.schema.json describes it,
 * the same for every command.
 */
import { oneLine } from "../../index.ts";
import type { Host } from "../host.ts";
import { toJson } from "../ui/result.ts";
import { utf8 } from "../ui/visible-bytes.ts";
import { writeAbove } from "../ui/write-above.ts";
import { Gathered, SharedMemory } from "./gathered.ts";
import { statusText } from "./reasons.ts";
import type { Report, Stream, TargetEnd, TargetOutput, TargetPlace } from "./report.ts";

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
    const { target, status, signal, attempts, times } = end;
    return {
      target,
      path: this.#parts.pathOf(target),
      ok: status === 0,
      status,
      ...(signal === undefined ? {} : { signal }),
      ...this.#given(gathered, status === 0),
      ...(gathered.lost === 0 ? {} : { lostBytes: gathered.lost }),
      ...(status === 0 ? {} : { error: failureOf(end) }),
      attempts,
      times: rounded(times),
    };
  }

  #given(gathered: Gathered, isOk: boolean): Record<string, unknown> {
    switch (this.#parts.yields()) {
      case "output":
        return { ...outputOf(gathered, "stdout"), ...outputOf(gathered, "stderr") };
      case "values":
        return { values: gathered.values };
      case "value":
        return isOk ? { value: gathered.values[0] ?? null } : {};
      case "none":
        return {};
    }
  }
}

/** @returns the text; beside a text that has lost bytes, the bytes */
function outputOf(gathered: Gathered, stream: Stream): Record<string, string> {
  const bytes = gathered.bytes(stream);
  const text = utf8(bytes);
  if (text !== undefined) return { [stream]: text };
  return { [stream]: new TextDecoder().decode(bytes), [`${stream}Base64`]: bytes.toBase64() };
}

/** @returns why a target failed: always with a code and a message */
function failureOf(end: TargetEnd): Record<string, unknown> {
  const { error, hop, text = statusText(end) } = end;
  if (error === undefined) return { code: "ERR_SHELL_STATUS", message: text };
  return { ...(hop !== undefined && { hop }), ...plainError(error) };
}

/** @returns the error for programs that read the output */
function plainError(error: unknown): Record<string, unknown> {
  const { message, code, type, hop, remoteMessage, traceback } = error as Record<string, unknown>;
  const isText = typeof message === "string";
  const known = Object.entries({
    // An error of the system has a code of its own: ENOSPC.
    code: typeof code === "string" ? code : "ERR_UNEXPECTED",
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
