/**
 * The parts of a prompt: the names in scope, a context for each target, and functions that may be
 * passed to a call. Knows no terminal and no options of the command line.
 */

import { relative } from "node:path";
import { registerEdits, registerSource } from "../functions/registry.ts";
import * as library from "../index.ts";
import { forgetChanged, installLoader } from "../program/loader.ts";
import { placeFrames, userFrames } from "../traces/call-site.ts";
import { BusyWatch } from "./busy-watch.ts";
import { ContextVariables } from "./context-variables.ts";
import { lossOf, type NamedContext, PromptContexts } from "./contexts.ts";
import { Evaluator } from "./evaluator.ts";
import { Everywhere } from "./everywhere.ts";
import { FunctionSources } from "./function-sources.ts";
import { GuardedModules } from "./guarded-modules.ts";
import { GUARD, unguarded } from "./guards.ts";
import { InputPlaces } from "./input-places.ts";
import { PromptScope } from "./scope.ts";

type Main = (broker: library.Broker) => unknown;

interface PromptSettings {
  readonly broker: library.Broker;
  /** Closes the broker. @returns another one, which has read no file yet */
  readonly renew: () => Promise<library.Broker>;
  readonly targets: readonly string[];
  /** Shows a line of econtext's own. */
  readonly tell: (text: string) => void;
  /** Shows that a context was lost. */
  readonly tellLost: (text: string) => void;
  /** Gives what is aborted by the next ctrl-C. */
  readonly signal: () => AbortSignal;
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
  /**
   * Opens a target as a variable. A target that is open stays as it is; one whose context has ended
   * gets a new context under the same name.
   */
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
  const { options, inputName } = settings;
  let { broker } = settings;
  const scope = new PromptScope();
  const places = new InputPlaces();
  const functions = new FunctionSources(scope, places);
  registerSource(functions.source);
  registerEdits(unguarded);
  const connectAs = (target: string, own: library.ConnectOptions) =>
    broker.connect(target, { ...options, ...own });
  const contexts = new PromptContexts(await connectAs("local", {}), (one) =>
    settings.tellLost(lossOf(one)),
  );
  const connect = async (target: string, own: library.ConnectOptions = {}) => {
    const context = await connectAs(target, own);
    contexts.add({ target, name: context.name, context });
    return context;
  };
  const { deadline, ...others } = options;
  const usual = deadline === undefined ? others : { ...others, connectDeadline: deadline };
  const expand = (set: string) => broker.expand(set);
  const fleet = (names: string | readonly string[], own: library.FleetOptions = {}) =>
    broker.fleet(names, { ...usual, ...own });
  const run = (main: Main): unknown =>
    scope.isImporting ? settings.tell(leftOut(new Error())) : main(broker);
  const modules = new GuardedModules();
  const exports = { run, connect, fleet, expand, slave: false };
  // One source has no ctrl-C to look for: its end is the end of the process.
  const editing = inputName === undefined ? { edit: modules.edit } : {};
  installLoader({ main: "", exports, ...editing });
  const all = new Everywhere(contexts, settings.signal);
  scope.define({ ...library, connect, fleet, expand, broker, all });
  const watch = new BusyWatch();
  scope.defineHidden(GUARD, watch.guard);
  const variables = new ContextVariables(scope, contexts, connectAs);
  const targets = await variables.openAll(settings.targets);
  placeFrames((place) => places.find(place) ?? modules.find(place));
  const evaluator = new Evaluator(scope, functions, places, inputName);
  const reload = async (): Promise<readonly string[]> => {
    const changed = forgetChanged();
    if (changed.length === 0) return changed;
    const open = contexts.all;
    broker = await settings.renew();
    scope.define({ broker });
    await variables.openAgain(await connectAs("local", {}), open);
    await evaluator.importAgain();
    return changed;
  };
  return { evaluator, targets, contexts, open: (one) => variables.open(one), reload, watch };
}

/** @param site an error that `run` of a module made, while the module was evaluated */
function leftOut(site: Error): string {
  const [at = ""] = userFrames(site.stack ?? "");
  const file = /(\/.*?)(?::\d+)*\)?$/.exec(at)?.[1] ?? "a file";
  const name = relative(process.cwd(), file);
  return `run() of ${name} is left out: the prompt only imports; econtext ${name} runs it`;
}
