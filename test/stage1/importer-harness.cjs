/**
 * Stands in for the core around the real importer: `core` as stage1/javascript/core/boot.js makes it, the master's answers over a pipe. Standard
 * input and output are lines of JSON; the first has the second tier's texts. Blocks in `core.fetch` by reading standard input itself.
 */
const fs = require("node:fs");

const bundles = [];
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
/** A message: its flags, and its body in base64. */
const message = ([flags, body]) => [flags, Buffer.from(body, "base64")];
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
  Buffer,
  bundles,
  tier,
  fetch(request, take) {
    say({ get: request });
    return take(...message(hear().answer));
  },
  ask(request, receive) {
    Promise.resolve().then(() => {
      say({ get: request });
      receive(message(hear().answer));
    });
  },
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
    if (offer) bundles.push(message(offer));
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
