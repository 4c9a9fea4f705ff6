/**
 * A head start: the program that leads to a target is started before the rest of econtext is
 * loaded, which takes as long as half of the work of this process. The session of the target
 * starts the same program, and gets that process.
 */
import { chosenInterpreter } from "../context/connect-options.ts";
import { firstStage } from "../interpreters/first-stage.ts";
import type { KindOptions, Wants } from "../interpreters/kind.ts";
import { planFor } from "../interpreters/plan.ts";
import { startEarly } from "../launch/start-child.ts";
import type { Transport } from "../transports/transport.ts";

export { dropEarly } from "../launch/start-child.ts";

/**
 * @param wants the language of the first call
 * @param options the interpreter that was asked for
 * @param usual the one that the settings of the target choose
 */
export function startAhead(
  transport: Transport,
  wants: Wants,
  options: KindOptions,
  usual: KindOptions,
): void {
  // The embedded ssh is no program.
  if (transport.engine !== undefined) return;
  // What may be asked on the way needs parts that are not loaded yet.
  if (transport.asks || transport.password !== undefined) return;
  const interpreter = chosenInterpreter(options, options, usual);
  startEarly(transport.wrap(firstStage(planFor(wants, interpreter))), {
    asks: false,
    isClient: transport.isClient,
  });
}
