/**
 * ClientNotices: what is said of the embedded ssh in the log of one broker. For all hosts together
 * it is said once what the embedded ssh lacks; with `auto`, it is said of each host which client
 * connects.
 */
import { DIFFERENCES, fallbackNotice } from "../embedded-ssh/notices.ts";
import type { LogRecord } from "../logs/log.ts";
import { LogReceiver } from "../logs/log-receiver.ts";
import type { SshEngine } from "../transports/transport.ts";

export class ClientNotices {
  readonly #onLog: ((record: LogRecord) => void) | undefined;
  readonly #told = new Set<"lacks" | "refused">();

  constructor(onLog: ((record: LogRecord) => void) | undefined) {
    this.#onLog = onLog;
  }

  /**
   * @param logs of the context that is opened
   * @param level the lowest level of its records
   * @param refusal why the embedded ssh does not connect; undefined: it does
   */
  tell(
    { engine, logs, level }: { engine: SshEngine; logs: LogReceiver; level: number },
    refusal: string | undefined,
  ): void {
    if (refusal === undefined) {
      // It concerns no host more than the others.
      const own = { context: "", level, onLog: this.#onLog, mapStack: (text: string) => text };
      if (this.#isFirst("lacks")) new LogReceiver(own).say("info", DIFFERENCES);
      if (engine === "auto") logs.say("debug", "embedded ssh");
      return;
    }
    if (this.#isFirst("refused")) logs.say("info", fallbackNotice(refusal));
    logs.say("debug", `spawned ssh: ${refusal.trim()}`);
  }

  #isFirst(notice: "lacks" | "refused"): boolean {
    const isFirst = !this.#told.has(notice);
    this.#told.add(notice);
    return isFirst;
  }
}
