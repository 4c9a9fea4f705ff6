/**
 * The parts of a prompt: the names in scope, a context for each target, and functions that may be
 * passed to a call. Knows no terminal and no options of the command line.
 */

import { registerSource } from "../functions/registry.ts";
import * as library from "../index.ts";
import { forgetChanged, installLoader } from "../program/loader.ts";
import { placeFrames } from "../traces/call-site.ts";
import { BusyWatch } from "./busy-watch.ts";
import { type NamedContext, PromptContexts } from "./contexts.ts";
import { Evaluator } from "./evaluator.ts";
import { Everywhere } from "./everywhere.ts";
import { FunctionSources } from "./function-sources.ts";
import { GUARD } from "./guards.ts";
import { InputPlaces } from "./input-places.ts";
import { PromptScope } from "./scope.ts";
import { variableNames } from "./variable-names.ts";

interface PromptSettings {
  readonly broker: library.Broker;
  /** Closes the broker. @returns another one, which has read no file yet */
  readonly renew: () => Promise<library.Broker>;
  readonly targets: readonly string[];
  /** Defaults for every context that is opened at the prompt. */
  readonly options: library.ConnectOptions;
  /** The name of the input in errors, if there is only one input. */
  readonly inputName?: string | undefined;
}

export interface Prompt {
  readonly evaluator: Evaluator;
  /** Those of the targets. */
  readonly targets: readonly NamedContext[];
  readonly contexts: PromptContexts;
  /** Opens a target as a variable; a target that is open already stays as it is. */
  open(target: string): Promise<NamedContext>;
  /**
   * Imports changed modules of the user anew, and opens the targets anew, because a context keeps
   * the modules that it has.
   *
   * @returns the files that have changed
   */
  reload(): Promise<readonly string[]>;
  readonly watch: BusyWatch;
}

export async function openPrompt(settings: PromptSettings): Promise<Prompt> {
  const { targets, options } = settings;
  let { broker } = settings;
  const scope = new PromptScope();
  const functions = new FunctionSources(scope);
  registerSource(functions.source);
  const contexts = new PromptContexts(await broker.connect("local", options));
  const connect = async (target: string, own: library.ConnectOptions = {}) => {
    const context = await broker.connect(target, { ...options, ...own });
    contexts.add({ target, name: context.name, context });
    return context;
  };
  const { deadline, ...others } = options;
  const usual = deadline === undefined ? others : { ...others, connectDeadline: deadline };
  const expand = (set: string) => broker.expand(set);
  const fleet = (names: string | readonly string[], own: library.FleetOptions = {}) =>
    broker.fleet(names, { ...usual, ...own });
  const run = (main: (broker: library.Broker) => unknown) => main(broker);
  installLoader({ main: "", exports: { run, connect, fleet, expand, slave: false } });
  scope.define({ ...library, connect, fleet, expand, broker, all: new Everywhere(contexts) });
  const watch = new BusyWatch();
  scope.defineHidden(GUARD, watch.guard);
  const openAs = async (target: string, name: string): Promise<NamedContext> => {
    const own = name === target ? {} : { name };
    const one = { target, name, context: await broker.connect(target, { ...options, ...own }) };
    contexts.add(one);
    scope.define({ [name]: one.context });
    return one;
  };
  const isTaken = (name: string) => scope.isTaken(name);
  const names = variableNames(targets, isTaken);
  const opened: NamedContext[] = [];
  for (const [i, target] of targets.entries()) {
    opened.push(await openAs(target, names[i] ?? target));
  }
  if (!scope.isTaken("local")) scope.define({ local: contexts.local });
  const open = async (target: string): Promise<NamedContext> =>
    contexts.find(target) ?? openAs(target, variableNames([target], isTaken)[0] ?? target);
  const places = new InputPlaces();
  placeFrames((place) => places.find(place));
  const evaluator = new Evaluator(scope, functions, places, settings.inputName);
  const reload = async (): Promise<readonly string[]> => {
    const changed = forgetChanged();
    if (changed.length === 0) return changed;
    const { current, local, all } = contexts;
    broker = await settings.renew();
    contexts.restart(await broker.connect("local", options));
    scope.define(scope.get("local") === local ? { broker, local: contexts.local } : { broker });
    for (const { name, target, context } of all) {
      if (context === local || scope.get(name) !== context) continue;
      const again = await openAs(target, name);
      if (name === current.name) contexts.current = again;
    }
    await evaluator.importAgain();
    return changed;
  };
  return { evaluator, targets: opened, contexts, open, reload, watch };
}
