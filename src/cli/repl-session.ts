/** Broker, logs, signals and the deadline of `econtext repl`, at a prompt or for one source. */
import {
  Broker,
  LEVELS,
  type LevelName,
  type LogRecord,
  neutralise,
  UsageError,
} from "../index.ts";
import { foldersFrom } from "../program/roots-of-file.ts";
import type { Prompter } from "../prompts/prompter.ts";
import { Interrupt } from "../repl/interrupt.ts";
import { openPrompt, type Prompt } from "../repl/prompt.ts";
import { filesBeginning, namesOfTargets, targetsBeginning } from "./completion/places.ts";
import { type HostConfiguration, readConfiguration } from "./configuration.ts";
import type { Host } from "./host.ts";
import { Stop } from "./interruption.ts";
import { readCache, readConnect, readLogFormat, readLogLevel } from "./option-values.ts";
import type { Flags } from "./parse-line.ts";
import { openPrompter } from "./passwords.ts";
import { failureLines } from "./ui/failures.ts";
import { Lending } from "./ui/lend-progress.ts";
import { logLines } from "./ui/log-lines.ts";

export interface ReplPlan {
  readonly flags: Flags;
  readonly targets: readonly string[];
}

interface Screen {
  /** Writes whole lines. */
  readonly log: (lines: string) => void;
  /** Whether progress may be shown, because nothing is typed. */
  readonly isShown?: () => boolean;
  /** Whether a record is what code of the prompt prints, and is shown as it is. */
  readonly isTyped?: (record: LogRecord) => boolean;
  /** The name of the input in errors, if there is only one input. */
  readonly inputName?: string;
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
  #prompter: Prompter | undefined;
  readonly #configuration: HostConfiguration;
  #level: LevelName;

  /** @param left milliseconds that a call has, out of the deadline */
  constructor(plan: ReplPlan, host: Host, left: (deadline: number) => number) {
    this.#plan = plan;
    this.#host = host;
    this.stop = new Stop(host);
    this.lending = new Lending(host.stderr);
    this.format = readLogFormat("repl", plan.flags);
    this.#configuration = readConfiguration(host);
    this.#level = readLogLevel("repl", plan.flags);
    this.#options = readConnect("repl", plan.flags);
    const { deadline } = this.#options;
    this.interrupt = new Interrupt(() => (deadline === undefined ? undefined : left(deadline)));
    this.stop.signal.addEventListener("abort", () => this.interrupt.now());
  }

  async open({ log, isShown = () => true, isTyped, inputName }: Screen): Promise<Prompt> {
    const { flags, targets } = this.#plan;
    const configuration = this.#configuration;
    const prompter = await openPrompter("repl", flags, this.#host, configuration, {
      free: freeInput,
      interrupt: () => this.interrupt.now(),
    });
    this.#prompter = prompter;
    const level = (): LevelName => this.#level;
    const openBroker = (): Broker =>
      new Broker({
        ...configuration,
        // Of all the brokers of this session, one after the other.
        prompter: prompter.shared(),
        roots: foldersFrom(process.cwd()),
        cache: readCache(flags),
        get logLevel() {
          return level();
        },
        callDefaults: () => this.interrupt.limits(),
        onLog: (record) => {
          if (isTyped?.(record) === true) return log(`${neutralise(record.message)}\n`);
          if (record.level < LEVELS[this.#level]) return;
          log(this.lending.erased() + logLines(this.#host.stderr, record, this.format));
        },
        onLend: (progress) => {
          if (isShown()) this.lending.show(progress);
        },
      });
    const options = this.#options;
    this.#broker = openBroker();
    return openPrompt({
      broker: this.#broker,
      renew: async () => {
        await this.#broker?.close();
        this.#broker = openBroker();
        return this.#broker;
      },
      targets,
      tell: (text) =>
        log(this.lending.erased() + failureLines(neutralise(text), this.format, "info")),
      tellLost: (text) => {
        // While an input is evaluated, its own error says so.
        if (!isShown()) log(failureLines(neutralise(text), this.format));
      },
      signal: () => this.interrupt.limits().signal,
      options,
      inputName,
    });
  }

  /**
   * Shows records of this level and above. Slaves that run already send no lower ones than before.
   *
   * @throws {UsageError}
   */
  setLogLevel(name: string): void {
    if (!Object.hasOwn(LEVELS, name)) {
      const problem = `not a log level: ${JSON.stringify(name)}`;
      throw new UsageError("ERR_USAGE_COMMAND", `${problem}; ${Object.keys(LEVELS).join(", ")}`);
    }
    this.#level = name as LevelName;
  }

  /** @returns targets that begin so, from the user's settings and ssh's */
  targets(begin: string): string[] {
    const names = namesOfTargets(this.#configuration, this.#host);
    return targetsBeginning(begin, names, this.#configuration).map(({ text }) => text);
  }

  /** @returns paths of this machine that begin so */
  files(begin: string): string[] {
    return filesBeginning(begin, process.cwd()).map(({ text }) => text);
  }

  async close(): Promise<void> {
    this.#prompter?.stop();
    await this.#broker?.close();
    await this.#prompter?.close();
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
