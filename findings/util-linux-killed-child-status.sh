#!/usr/bin/env bash
# setsid and unshare (util-linux 2.38.1) do not report a child that SIGKILL ended as 137.
#
# Seen with:   util-linux 2.38.1-5+deb12u3, Debian 12
# Guess:       a wrapper that waits for its child ends with 128 + N, or by the same signal, as a
#              shell, env, nice and timeout do.
# Behaviour:   `setsid --fork --wait` gives N itself: 9 for SIGKILL, 15 for SIGTERM. Without --fork,
#              setsid usually becomes the program, and the status is the usual one: so the same
#              command line gives 9 or 137, and which one depends on whether its caller made it a
#              group leader. `unshare --fork` ends with 1 for SIGKILL and prints that it could not
#              unblock the signal: it wants to end by the same signal, and SIGKILL cannot be
#              unblocked. For SIGTERM it does that.
# For a user:  behind these wrappers, 1, 9 and 15 may mean "killed".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq -o APT::Sandbox::User=root util-linux=2.38.1-5+deb12u3 >/dev/null
dpkg -x ./*.deb root
bin=$dir/root/usr/bin
status() { # runs a command that ends by signal $1 behind the wrapper "${@:2}"
  local code=0
  bash -c '"$@" sh -c "kill -$0 \$\$"' "$1" "${@:2}" 2>stderr || code=$?
  echo "$code"
}
seen=$(
  for signal in KILL TERM; do
    echo "$signal: timeout $(status $signal timeout 9)," \
      "setsid --fork --wait $(status $signal "$bin/setsid" --fork --wait)," \
      "unshare --fork $(status $signal "$bin/unshare" --fork)"
    sed -n 's/.*\(sigprocmask.*\)/unshare says: \1/p' stderr
  done
)
expected="KILL: timeout 137, setsid --fork --wait 9, unshare --fork 1
unshare says: sigprocmask unblock failed: Invalid argument
TERM: timeout 143, setsid --fork --wait 15, unshare --fork 143"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
