#!/usr/bin/env bash
# `script --return` ends with status 0 when it is told to end and its command is killed for that.
#
# Seen with:   bsdutils 1:2.38.1-5+deb12u3 (util-linux), Debian 12
# Guess:       "--return: return the exit status of the child process" holds for each way that the
#              child ends: 143 after SIGTERM, as when the command ends itself by that signal.
# Behaviour:   `script` passes SIGTERM on to the command, which dies of it, and ends with 0.
# For a user:  a job that a supervisor ended looks as if it had succeeded.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq -o APT::Sandbox::User=root bsdutils=1:2.38.1-5+deb12u3 >/dev/null
dpkg -x ./*.deb root

run() { root/usr/bin/script --quiet --return --command "$1" /dev/null </dev/null; }
status() { local status=0; "$@" >/dev/null || status=$?; echo "$status"; }
told() {
  root/usr/bin/script --quiet --return --command 'echo on; sleep 60; echo late' /dev/null \
    </dev/null >out 2>/dev/null &
  for _ in $(seq 100); do [ -s out ] && break; sleep 0.1; done
  kill "$!"
  wait "$!"
}
seen=$(
  echo "exit 7: $(status run 'exit 7')"
  echo "the command ends itself by SIGTERM: $(status run 'kill $$')"
  echo "script gets SIGTERM: $(status told), late: $(grep -c late out || true)"
)
expected="exit 7: 7
the command ends itself by SIGTERM: 143
script gets SIGTERM: 0, late: 0"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
