/**
 * econtext.econtext_module: what `import … from "econtext"` gives in a slave.
 *
 * Second tier. A program's file is imported here for its functions. `run` does nothing: the program
 * runs where it was started. Every name that src/index.ts exports is here, for a module may import
 * any.
 */
const values = core.tier("values");
const LEVELS = { debug: 10, info: 20, warning: 30, error: 40, critical: 50 };

module.exports = {
  slave: true,
  run() {},
  kwargs: (named) => named,
  LEVELS,
  levelName: (level) => Object.keys(LEVELS).findLast((name) => level >= LEVELS[name]) ?? "debug",
};
for (const name in values)
  if (/(?:Error|Reference)$|^neutralise$|^oneLine$/.test(name)) module.exports[name] = values[name];
// Fetched only for a module that has them.
for (const name of ["Channel", "Receiver", "Select", "Sender"])
  Object.defineProperty(module.exports, name, {
    get: () => core.tier("channels")[name],
    enumerable: true,
  });
for (const name of [
  "Broker",
  "Context",
  "Fleet",
  "Kwargs",
  "Output",
  "RemoteProcess",
  "ShellCommand",
  "connect",
  "describeBootstrap",
  "fleet",
  "expand",
])
  module.exports[name] = () => {
    throw new Error(`${name} is for where the program was started; this is a slave`);
  };
