/** Broker: opens contexts, gets their logs, and closes them all. What a program has of econtext. */
import { type CallLimits, checkMilliseconds } from "../calls/options.ts";
import type { ConnectOptions } from "../context/connect-options.ts";
import type { Context } from "../context/context.ts";
import type { EcontextError } from "../errors.ts";
import { Fleet, type FleetOptions } from "../fleet/fleet.ts";
import { findersIn } from "../modules/finders.ts";
import { Prompter } from "../prompts/prompter.ts";
import { type Exchange, SessionTable } from "../session/session-table.ts";
import { TargetTable } from "../tree/target-path.ts";
import { Opener } from "./opener.ts";
import type { BrokerOptions } from "./options.ts";

/** Opens contexts, gets their logs, and closes them all. */
export class Broker implements AsyncDisposable {
  readonly #sessions: SessionTable;
  readonly #prompter: Prompter;
  readonly #targets: TargetTable;
  readonly #opener: Opener;
  #closing: Promise<void> | undefined;

  /** @throws {UsageError} `ERR_USAGE_DEADLINE` */
  constructor(options: BrokerOptions = {}) {
    checkMilliseconds("graceMs", options.graceMs);
    checkMilliseconds("leaseMs", options.leaseMs);
    const { roots = [], cache = true, onLog, prompter = Prompter.ofTerminal(), kept } = options;
    this.#targets = TargetTable.of(options.targets, options.groups);
    this.#prompter = prompter;
    this.#sessions = new SessionTable(findersIn(roots, cache), onLog, kept?.exchange);
    this.#opener = new Opener(options, this.#targets, this.#sessions, prompter);
  }

  /**
   * Open a context: `local`, a destination that `ssh` accepts, or a path: `bastion/web1/sudo:root`.
   * Each hop of a path is opened through the one before, once, and shared by all that goes through
   * it. Does not wait for the context, so that the first call's result costs one round trip. A
   * failure to open it is told by the first call, or by `context.ready()`.
   *
   * @throws {UsageError} `ERR_USAGE_TARGET`, `ERR_USAGE_CLOSED`, `ERR_USAGE_DEADLINE`,
   *   `ERR_USAGE_KIND`
   */
  async connect(target: string, options: ConnectOptions = {}): Promise<Context> {
    return this.#opener.connect(target, options);
  }

  /**
   * The same work on many targets: `for await (const result of broker.fleet(targets).call(fn))`.
   *
   * @param targets names, or one text: a set, as of `expand`
   * @throws {UsageError} `ERR_USAGE_FLEET`, `ERR_USAGE_DEADLINE`, `ERR_USAGE_TARGET`;
   *   `ERR_USAGE_CONFIG`: a group has a command, which `expand` runs
   */
  fleet(targets: string | readonly string[], options: FleetOptions = {}): Fleet {
    const open = async (target: string, options: ConnectOptions, limits: () => CallLimits) =>
      this.#opener.connect(target, options, { limits });
    const { groups } = this.#targets;
    const names = typeof targets === "string" ? groups.expandNow(targets) : targets;
    return new Fleet(open, names, options);
  }

  /**
   * The names of a set of targets, in the order of writing: `broker.expand("web[01-20],@db!db3")`.
   * The command of a group is run when the group is first used.
   *
   * @throws {UsageError} `ERR_USAGE_TARGET`, `ERR_USAGE_CONFIG`
   */
  expand(set: string): Promise<readonly string[]> {
    return this.#targets.groups.expand(set);
  }

  /** @internal What brokers beside this one share with it. */
  get exchange(): Exchange {
    return this.#sessions.exchange;
  }

  /** Close every context, all at once, each as `Context.close` does. Idempotent; never rejects. */
  close(): Promise<void> {
    this.#prompter.stop();
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const sessions = this.#sessions.all();
    this.#opener.stop();
    // Hops close when nothing goes through them any more.
    const opened = sessions.filter(({ isHop }) => !isHop);
    const contexts = [...opened, ...this.#opener.lent].map(({ context }) => context?.close());
    await Promise.all(contexts);
    await Promise.all(sessions.map(({ session }) => session.gone));
    await this.#prompter.close();
  }

  /** End every context by force, at once; every pending call gets `reason`. */
  async sever(reason: EcontextError): Promise<void> {
    this.#prompter.stop();
    const all = [...this.#sessions.all(), ...this.#opener.lent.map(({ entry }) => entry)];
    for (const { session } of all) session.sever(reason);
    await Promise.all(all.map(({ session }) => session.gone));
    await this.#prompter.close();
  }

  /** @internal */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "Broker {}";
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
