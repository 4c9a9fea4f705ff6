/**
 * Contexts behind others: the way to a far side as a chain of hops, the first one over ssh, the
 * others beside it. All are on this machine, so that the tables find files and processes.
 */
import type { ConnectOptions } from "../../src/index.ts";
import type { Kind } from "./kind.ts";
import { type Connect, openerBy } from "./session.ts";

/**
 * @param hops what each is opened with, the first one first; the last is what the tables test
 * @param ssh options of the first hop's ssh
 */
export function openerThrough(
  hops: readonly ConnectOptions[],
  kind: Kind,
  ssh: () => readonly string[],
): Connect {
  return openerBy(kind, async (broker) => {
    const [first = {}, ...others] = hops;
    let context = await broker.connect("target", { ...first, ssh: { options: ssh() } });
    for (const options of others) context = await context.connect("local", options);
    // A hop in Python 2 asks for the importer when it starts its first child: rows that count
    // requests begin after that.
    if (kind.version === "2.7") await context.ready();
    return context;
  });
}
