/**
 * Contexts behind others: the way to a far side as a chain of hops, the first one over ssh, the
 * others beside it. All are on this machine, so that the tables find files and processes.
 */
import {
  Broker,
  type BrokerOptions,
  type ConnectOptions,
  type LogRecord,
} from "../../src/index.ts";
import type { Kind } from "./kind.ts";
import type { Connect } from "./session.ts";

/**
 * @param hops what each is opened with, the first one first; the last is what the tables test
 * @param ssh options of the first hop's ssh
 */
export function openerThrough(
  hops: readonly ConnectOptions[],
  kind: Kind,
  ssh: () => readonly string[],
): Connect {
  return async (brokerOptions: BrokerOptions = {}) => {
    const logs: LogRecord[] = [];
    const broker = new Broker({
      roots: kind.roots,
      graceMs: 15_000,
      onLog: (record) => logs.push(record),
      ...brokerOptions,
    });
    const [first = {}, ...others] = hops;
    let context = await broker.connect("target", { ...first, ssh: { options: ssh() } });
    for (const options of others) context = await context.connect("local", options);
    // A hop in Python 2 asks for the importer when it starts its first child: rows that count
    // requests begin after that.
    if (kind.version === "2.7") await context.ready();
    return {
      broker,
      context,
      logs,
      call: (name, ...args) => context.call(kind.fn(name), ...args),
      callWith: (limits, name, ...args) => context.callWith(limits, kind.fn(name), ...args),
      [Symbol.asyncDispose]: () => broker.close(),
    };
  };
}
