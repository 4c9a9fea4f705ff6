/**
 * LogReceiver: the log of one context. Takes what its slave sends and what the master itself has to
 * say, limits how much that may be, and gives records to the user.
 */
import { LIMITS } from "../protocol/limits.ts";
import { LEVELS, type LevelName, type LogRecord } from "./log.ts";
import { isOutput, type LogMessage, linesOf, readLogMessage } from "./log-record.ts";
import { PrintedLines } from "./printed-lines.ts";
import { RateLimit } from "./rate-limit.ts";

/** Dropped messages of a context that are reported: a hostile slave must not fill the log. */
const MAX_REPORTS = 3;

type OutputName = "stdout" | "stderr";

export interface LogSettings {
  /** Name of the context. */
  readonly context: string;
  /** Records of lower levels are dropped. */
  readonly level: number;
  readonly onLog: ((record: LogRecord) => void) | undefined;
  /** @returns a text with the positions of the user's own source */
  mapStack(text: string): string;
}

export class LogReceiver {
  readonly #settings: LogSettings;
  /** The slave keeps to half of this. The limit is for slaves that do not. */
  readonly #limit = new RateLimit(2 * LIMITS.logBytesPerSecond, 2 * LIMITS.logBurstBytes);
  /** What was printed in pieces, and the last piece. */
  readonly #printed = new Map<OutputName, { lines: PrintedLines; last: LogMessage }>();
  /** Bytes that were dropped since the last record. */
  #dropped = 0;

  constructor(settings: LogSettings) {
    this.#settings = settings;
  }

  /**
   * Takes the body of a `FORWARD_LOG`.
   *
   * @throws {ProtocolError} it is malformed
   */
  receive(body: Uint8Array): void {
    if (!this.#isAllowed(body.length)) return;
    const message = readLogMessage(body);
    const { logger, text, isPart } = message;
    if (!isOutput(logger)) this.#give(this.#records(message, [text]));
    else if (isPart) this.#printing(logger, message);
    else {
      this.#finish(logger);
      this.#give(this.#records(message, linesOf(text)));
    }
  }

  /** Gives the last lines of what was printed, if they have no end, and says what was dropped. */
  end(): void {
    this.#finish("stdout");
    this.#finish("stderr");
    this.#tellDropped();
  }

  /** Takes a piece of what was printed. */
  #printing(logger: OutputName, last: LogMessage): void {
    const lines = this.#printed.get(logger)?.lines ?? new PrintedLines();
    this.#printed.set(logger, { lines, last });
    this.#give(this.#records(last, lines.add(Buffer.from(last.text, "latin1"))));
  }

  #finish(logger: OutputName): void {
    const printed = this.#printed.get(logger);
    if (printed !== undefined) this.#give(this.#records(printed.last, printed.lines.end()));
  }

  #records({ logger, level, time }: LogMessage, messages: readonly string[]): LogRecord[] {
    const { context } = this.#settings;
    return messages.map((message) => ({ context, logger, level, message, time }));
  }

  /** Takes output that the slave printed and did not send before it ended. */
  printed(logger: OutputName, text: string): void {
    this.end();
    const { context, level } = this.#settings;
    if (LEVELS.info < level || !this.#isAllowed(text.length)) return;
    const [line, time] = [{ context, logger, level: LEVELS.info }, Date.now()];
    this.#give(linesOf(text.toWellFormed()).map((message) => ({ ...line, message, time })));
  }

  /** Says something of the master's own about the context. */
  say(level: LevelName, message: string): void {
    const { context, level: lowest, onLog } = this.#settings;
    if (LEVELS[level] < lowest) return;
    onLog?.({ context, logger: "econtext", level: LEVELS[level], message, time: Date.now() });
  }

  /**
   * A message of the slave's was dropped. Only the first few are reported.
   *
   * @param strikes messages of this slave that were dropped so far, with this one
   */
  strike(problem: string, strikes: number): void {
    if (strikes <= MAX_REPORTS) this.say("warning", `dropped ${problem}`);
  }

  #isAllowed(bytes: number): boolean {
    if (this.#limit.take(bytes)) return true;
    this.#dropped += bytes;
    return false;
  }

  #tellDropped(): void {
    if (this.#dropped > 0) this.say("warning", `(${this.#dropped} bytes dropped: too much output)`);
    this.#dropped = 0;
  }

  #give(records: readonly LogRecord[]): void {
    const { onLog, mapStack } = this.#settings;
    if (onLog === undefined || records.length === 0) return;
    this.#tellDropped();
    for (const record of records) {
      const message = mapStack(record.message);
      onLog(message === record.message ? record : { ...record, message });
    }
  }
}
