/** Broker, logs, signals and the deadline of `econtext repl`, at a prompt or for one source. */
import { Broker } from "../index.ts";
import { foldersFrom } from "../program/roots-of-file.ts";
import { Interrupt } from "../repl/interrupt.ts";
import { openPrompt, type Prompt } from "../repl/prompt.ts";
import { readConfiguration } from "./configuration.ts";
import type { Host } from "./host.ts";
import { Stop } from "./interruption.ts";
import { readCache, readConnect, readLogFormat, readLogLevel } from "./option-values.ts";
import type { Flags } from "./parse-line.ts";
import { openPrompter } from "./passwords.ts";
import { Lending } from "./ui/lend-progress.ts";
import { logLines } from "./ui/log-lines.ts";

export interface ReplPlan {
  readonly flags: Flags;
  readonly targets: readonly string[];
}

export class ReplSession {
  readonly stop: Stop;
  readonly interrupt: Interrupt;
  readonly lending: Lending;
  readonly format: "text" | "json";
  readonly #host: Host;
  readonly #plan: ReplPlan;
  readonly #options: ReturnType<typeof readConnect>;
  #broker: Broker | undefined;

  /** @param left milliseconds that a call has, out of the deadline */
  constructor(plan: ReplPlan, host: Host, left: (deadline: number) => number) {
    this.#plan = plan;
    this.#host = host;
    this.stop = new Stop(host);
    this.lending = new Lending(host.stderr);
    this.format = readLogFormat("repl", plan.flags);
    this.#options = readConnect("repl", plan.flags);
    const { deadline } = this.#options;
    this.interrupt = new Interrupt(() => (deadline === undefined ? undefined : left(deadline)));
    this.stop.signal.addEventListener("abort", () => this.interrupt.now());
  }

  async open(
    log: (lines: string) => void,
    isShown = () => true,
    inputName?: string,
  ): Promise<Prompt> {
    const { flags, targets } = this.#plan;
    const { coloured } = this.#host.stderr;
    const configuration = readConfiguration(this.#host);
    const prompter = await openPrompter("repl", flags, this.#host, configuration, {
      free: freeInput,
      interrupt: () => this.interrupt.now(),
    });
    this.#broker = new Broker({
      ...configuration,
      prompter,
      roots: foldersFrom(process.cwd()),
      cache: readCache(flags),
      logLevel: readLogLevel("repl", flags),
      callDefaults: () => this.interrupt.limits(),
      onLog: (record) => log(this.lending.erased() + logLines(record, this.format, coloured)),
      onLend: (progress) => {
        if (isShown()) this.lending.show(progress);
      },
    });
    const options = this.#options;
    return openPrompt({
      broker: this.#broker,
      targets,
      options,
      inputName,
    });
  }

  async close(): Promise<void> {
    await this.#broker?.close();
    this.stop.dispose();
  }
}

/** The line editor reads the terminal through standard input. It must not get what is secret. */
function freeInput(): () => void {
  const { stdin } = process;
  if (stdin.isPaused()) return () => {};
  stdin.pause();
  return () => void stdin.resume();
}
