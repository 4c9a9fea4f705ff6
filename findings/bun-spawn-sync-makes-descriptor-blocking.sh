#!/usr/bin/env bash
# Bun.spawnSync (Bun 1.4.5) makes a descriptor of the caller blocking, if a child gets it as one of
# its standard streams.
#
# Seen with:   npm bun 1.4.5
# Guess:       flags of a parent's descriptors are the same before and after a child has run.
# Behaviour:   O_NONBLOCK is taken from the open file that parent and child share, and is not put
#              back. A program that runs `stty` on a descriptor it polls itself then stops in its
#              next read, with all its timers.
# For a user:  give the child an open file of its own: open the terminal once more for `stty`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --silent @oven/bun-linux-x64@1.4.5 >/dev/null
mkfifo pipe
cat >flags.cjs <<'JS'
const { constants, openSync, readFileSync } = require("node:fs");
const fd = openSync("pipe", constants.O_RDWR | constants.O_NONBLOCK);
const isNonblocking = () => {
  const [, flags] = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"));
  return (parseInt(flags, 8) & constants.O_NONBLOCK) !== 0;
};
console.log(`before: nonblocking ${isNonblocking()}`);
require("node:child_process").spawnSync("true", { stdio: ["ignore", "ignore", "ignore"] });
console.log(`after a child without it: nonblocking ${isNonblocking()}`);
Bun.spawnSync(["true"], { stdio: [fd, "ignore", "ignore"] });
console.log(`after a child with it: nonblocking ${isNonblocking()}`);
JS
seen=$(node_modules/@oven/bun-linux-x64/bin/bun flags.cjs)
expected="before: nonblocking true
after a child without it: nonblocking true
after a child with it: nonblocking false"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
