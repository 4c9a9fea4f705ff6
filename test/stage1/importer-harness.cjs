/**
 * Stands in for the core around the real importer: `core` as stage1/javascript/core/boot.js makes it, the master's answers over a pipe. Standard
 * input and output are lines of JSON; the first has the second tier's texts. Blocks in `core.fetch` by reading standard input itself.
 */
const fs = require("node:fs");

const modules = new Map();
const offers = [];
let rest = "";

const say = (message) => fs.writeSync(1, `${JSON.stringify(message)}\n`);
const hear = () => {
  const chunk = Buffer.alloc(1 << 20);
  while (!rest.includes("\n")) {
    let n = 0;
    try {
      n = fs.readSync(0, chunk);
    } catch (error) {
      if (error.code === "EAGAIN") continue;
      throw error;
    }
    if (n === 0) process.exit(0);
    rest += chunk.toString("latin1", 0, n);
  }
  const end = rest.indexOf("\n");
  const line = rest.slice(0, end);
  rest = rest.slice(end + 1);
  return JSON.parse(Buffer.from(line, "latin1").toString());
};
const absorb = (records) => {
  for (const record of [...offers.splice(0).flat(), ...(records ?? [])])
    modules.set(record[0], record);
  return records?.[0];
};
const tiers = {};
const tier = (name) => {
  if (name === "econtext_module") return { slave: true };
  if (tiers[name] === undefined) {
    const module = { exports: {} };
    tiers[name] = module;
    const source = `${texts[name]}\n//# sourceURL=econtext.${name}`;
    new Function("core", "require", "exports", "module", source)(
      core,
      require,
      module.exports,
      module,
    );
  }
  return tiers[name].exports;
};
const core = {
  kind: process.versions.bun ? "bun" : "node",
  modules,
  absorb,
  tier,
  fetch(request) {
    say({ get: request });
    return absorb(hear().records);
  },
  ask(request, receive) {
    Promise.resolve().then(() => {
      say({ get: request });
      receive([hear().records]);
    });
  },
  keep: absorb,
};
const { texts } = hear();

const told = (error) => ({
  error: {
    name: error?.name,
    message: String(error?.message ?? error),
    code: error?.code,
    stack: error?.stack,
  },
});
(async () => {
  for (;;) {
    const { offer, call, args } = hear();
    if (offer) offers.push(offer);
    if (!call) continue;
    try {
      const found = tier("importer").find(call);
      const wasSync = typeof found === "function";
      const result = await (await found)(...args);
      say({ result, wasSync });
    } catch (error) {
      say(told(error));
    }
  }
})();
