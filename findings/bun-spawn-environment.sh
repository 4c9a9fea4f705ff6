#!/usr/bin/env bash
# Bun.spawn (Bun 1.4.5) gives a child the environment of Bun's own start, not process.env as it is
# now.
#
# Seen with:   npm bun 1.4.5
# Guess:       both ways to start a process in Bun inherit the same environment.
# Behaviour:   a variable that was set in process.env, or deleted from it, is seen by the children
#              of node:child_process and not by those of Bun.spawn and Bun.spawnSync. With `env:
#              process.env` both are equal.
# For a user:  pass `env` to Bun.spawn wherever the environment has been changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --silent @oven/bun-linux-x64@1.4.5 >/dev/null
cat >spawn.cjs <<'JS'
const { spawnSync } = require("node:child_process");
process.env.ADDED = "yes";
delete process.env.REMOVED;
const command = ["sh", "-c", "echo added=${ADDED-no} removed=${REMOVED-yes}"];
const print = (how, { stdout }) => console.log(`${how}: ${stdout.toString().trim()}`);
print("node:child_process", spawnSync(command[0], command.slice(1)));
print("Bun.spawnSync", Bun.spawnSync(command));
print("Bun.spawnSync with env", Bun.spawnSync(command, { env: process.env }));
JS
seen=$(env -u ADDED REMOVED=no node_modules/@oven/bun-linux-x64/bin/bun spawn.cjs)
expected="node:child_process: added=yes removed=yes
Bun.spawnSync: added=no removed=no
Bun.spawnSync with env: added=yes removed=yes"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
