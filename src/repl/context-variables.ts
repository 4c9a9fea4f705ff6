/** The variables of a prompt that are contexts: one for each target, opened when it is named. */
import type { ConnectOptions, Context } from "../index.ts";
import type { NamedContext, PromptContexts } from "./contexts.ts";
import type { PromptScope } from "./scope.ts";
import { variableNames } from "./variable-names.ts";

type Connect = (target: string, options: ConnectOptions) => Promise<Context>;

export class ContextVariables {
  readonly #scope: PromptScope;
  readonly #contexts: PromptContexts;
  readonly #connect: Connect;

  constructor(scope: PromptScope, contexts: PromptContexts, connect: Connect) {
    this.#scope = scope;
    this.#contexts = contexts;
    this.#connect = connect;
  }

  /** Opens the targets of the command line. `local` becomes a variable in any case. */
  async openAll(targets: readonly string[]): Promise<NamedContext[]> {
    const names = this.#names(targets);
    const opened: NamedContext[] = [];
    for (const [i, target] of targets.entries()) {
      opened.push(await this.#openAs(target, names[i] ?? target));
    }
    if (!this.#scope.isTaken("local")) this.#scope.define({ local: this.#contexts.local });
    return opened;
  }

  /**
   * Opens a target as a variable. A target that is open stays as it is; one whose context has ended
   * gets a new context under the same name.
   */
  async open(target: string): Promise<NamedContext> {
    const known = this.#contexts.find(target);
    if (known !== undefined && known.context.ended === undefined) return known;
    return this.#openAs(target, known?.name ?? this.#names([target])[0] ?? target);
  }

  /**
   * Opens contexts anew, because their broker was closed.
   *
   * @param fresh is the new `local`
   * @param all were open before
   */
  async openAgain(fresh: Context, all: readonly NamedContext[]): Promise<void> {
    const { current, local } = this.#contexts;
    this.#contexts.restart(fresh);
    if (this.#scope.get("local") === local) this.#scope.define({ local: fresh });
    for (const { name, target, context } of all) {
      if (context === local || this.#scope.get(name) !== context) continue;
      const again = await this.#openAs(target, name);
      if (name === current.name) this.#contexts.current = again;
    }
  }

  async #openAs(target: string, name: string): Promise<NamedContext> {
    const context = await this.#connect(target, name === target ? {} : { name });
    const one = { target, name, context };
    this.#contexts.add(one);
    this.#scope.define({ [name]: context });
    return one;
  }

  #names(targets: readonly string[]): string[] {
    return variableNames(targets, (name) => this.#scope.isTaken(name));
  }
}
