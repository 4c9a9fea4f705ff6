/** Which configurations the embedded ssh refuses, by the names of their options. */
import { namedValues } from "../transports/ssh-config.ts";
import type { SshConfiguration } from "./configuration.ts";
import { Refusal } from "./failures.ts";
import { OPTIONS } from "./option-table.ts";

/** Options whose values `ssh -G` tells without their quotes, so that words run together. */
const UNQUOTED = ["userknownhostsfile", "globalknownhostsfile", "setenv"];
/** The options as ssh_config(5) spells them, by their names in lower case. */
const SPELT: ReadonlyMap<string, string> = new Map(
  Object.keys(OPTIONS).map((name) => [name.toLowerCase(), name]),
);

/**
 * @param usual what ssh takes without a configuration
 * @param options of the command line: they tell which files to read
 * @throws {Refusal} the configuration demands what the embedded ssh lacks
 */
export function refuseConfiguration(
  configuration: SshConfiguration,
  usual: SshConfiguration,
  options: readonly string[],
): void {
  for (const [name, values] of configuration) {
    const spelt = SPELT.get(name);
    const isUsual = values.join("\n") === usual.get(name)?.join("\n");
    if (spelt === undefined) {
      if (isUsual) continue;
      throw new Refusal(`it does not know the option ${name}`);
    }
    const treatment = OPTIONS[spelt];
    if (treatment?.as !== "refused") continue;
    const value = values.find((one) => !treatment.unless.includes(one));
    if (value !== undefined) throw new Refusal(`${spelt} ${value}: ${treatment.note}`);
  }
  refuseQuotes(options);
}

function refuseQuotes(options: readonly string[]): void {
  for (const name of UNQUOTED) {
    const value = namedValues(options, name).find((text) => /["'\\]/.test(text));
    if (value === undefined) continue;
    throw new Refusal(`${SPELT.get(name)} ${value}: ssh -G does not tell where a word ends`);
  }
}
