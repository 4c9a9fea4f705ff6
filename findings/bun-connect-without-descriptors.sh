#!/usr/bin/env bash
# In Bun, a connection that finds no free descriptor ends in ECONNREFUSED, although the server
# listens.
#
# Seen with:   npm bun 1.4.5
# Guess:       a process at its limit of open files gets EMFILE from connect, as it does from open,
#              and as it does in Node.js.
# Behaviour:   open says EMFILE; node:net and Bun.connect say ECONNREFUSED, as for a port on which
#              no server listens. With a descriptor free again, the same address connects.
# For a user:  a client with many connections (hundreds of hosts from one process) must not take
#              ECONNREFUSED for the word of the other machine: open a file to find out.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --silent @oven/bun-linux-x64@1.4.5 >/dev/null
cat >connect.cjs <<'JS'
const fs = require("node:fs");
const net = require("node:net");

const byNet = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("connect", () => resolve("connected") || socket.destroy());
    socket.on("error", ({ code }) => resolve(code));
  });
const byBun = (port) =>
  Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } }).then(
    (socket) => socket.end() && "connected",
    ({ code }) => code,
  );

const server = net.createServer((socket) => socket.end());
server.listen(0, "127.0.0.1", async () => {
  const { port } = server.address();
  const open = [];
  try {
    for (;;) open.push(fs.openSync("/dev/null"));
  } catch ({ code }) {
    console.log(`open: ${code}`);
  }
  console.log(`node:net: ${await byNet(port)}`);
  console.log(`Bun.connect: ${await byBun(port)}`);
  for (const fd of open) fs.closeSync(fd);
  console.log(`node:net with descriptors: ${await byNet(port)}`);
  process.exit();
});
JS
seen=$(ulimit -n 256 && timeout 30 node_modules/@oven/bun-linux-x64/bin/bun connect.cjs)
expected="open: EMFILE
node:net: ECONNREFUSED
Bun.connect: ECONNREFUSED
node:net with descriptors: connected"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
