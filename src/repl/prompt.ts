/**
 * The parts of a prompt: the names in scope, a context for each target, and functions that may be
 * passed to a call. Knows no terminal and no options of the command line.
 */

import { registerSource } from "../functions/registry.ts";
import * as library from "../index.ts";
import { installLoader } from "../program/loader.ts";
import { placeFrames } from "../traces/call-site.ts";
import { BusyWatch } from "./busy-watch.ts";
import { Evaluator } from "./evaluator.ts";
import { FunctionSources } from "./function-sources.ts";
import { GUARD } from "./guards.ts";
import { InputPlaces } from "./input-places.ts";
import { PromptScope } from "./scope.ts";
import { variableNames } from "./variable-names.ts";

interface PromptSettings {
  readonly broker: library.Broker;
  readonly targets: readonly string[];
  /** Defaults for every context that is opened at the prompt. */
  readonly options: library.ConnectOptions;
  /** The name of the input in errors, if there is only one input. */
  readonly inputName?: string | undefined;
}

export interface NamedContext {
  readonly target: string;
  /** The name of the variable. */
  readonly name: string;
  readonly context: library.Context;
}

export interface Prompt {
  readonly evaluator: Evaluator;
  readonly contexts: readonly NamedContext[];
  readonly watch: BusyWatch;
}

export async function openPrompt(settings: PromptSettings): Promise<Prompt> {
  const { broker, targets, options } = settings;
  const scope = new PromptScope();
  const functions = new FunctionSources(scope);
  registerSource(functions.source);
  const connect = (target: string, own: library.ConnectOptions = {}) =>
    broker.connect(target, { ...options, ...own });
  const { deadline, ...others } = options;
  const usual = deadline === undefined ? others : { ...others, connectDeadline: deadline };
  const expand = (set: string) => broker.expand(set);
  const fleet = (names: string | readonly string[], own: library.FleetOptions = {}) =>
    broker.fleet(names, { ...usual, ...own });
  const run = (main: (broker: library.Broker) => unknown) => main(broker);
  installLoader({ main: "", exports: { run, connect, fleet, expand, slave: false } });
  scope.define({ ...library, connect, fleet, expand, broker });
  const watch = new BusyWatch();
  scope.defineHidden(GUARD, watch.guard);
  const names = variableNames(targets, (name) => scope.isTaken(name));
  const contexts = await Promise.all(
    targets.map(async (target, i) => {
      const name = names[i] ?? target;
      const context = await connect(target, name === target ? {} : { name });
      return { target, name, context };
    }),
  );
  scope.define(Object.fromEntries(contexts.map(({ name, context }) => [name, context])));
  // It costs nothing before its first use.
  if (!scope.isTaken("local")) scope.define({ local: await connect("local") });
  const places = new InputPlaces();
  placeFrames((place) => places.find(place));
  const evaluator = new Evaluator(scope, functions, places, settings.inputName);
  return { evaluator, contexts, watch };
}
