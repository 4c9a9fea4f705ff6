#!/usr/bin/env bash
# fakeroot that a signal ends leaves its command and its daemon `faked` behind.
#
# Seen with:   fakeroot and libfakeroot 1.31-1.2, Debian 12
# Guess:       to end fakeroot ends what it runs, or at least `faked`, which serves this run alone.
# Behaviour:   fakeroot is a shell script that waits for the command. SIGTERM ends the script. The
#              command goes on; `faked` stays, also when the command has ended.
# For a user:  who bounds a build by a time limit collects one daemon for each time it is reached.
set -euo pipefail
dir=$(mktemp -d)
# Processes that run from this folder.
left() {
  find /proc -maxdepth 2 -name exe -lname "$dir/*" 2>/dev/null | cut -d / -f 3 || true
}
trap 'for pid in $(left); do kill "$pid"; done; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq -o APT::Sandbox::User=root fakeroot=1.31-1.2 libfakeroot=1.31-1.2 >/dev/null
for package in ./*.deb; do dpkg -x "$package" root; done
library=$(find root -name libfakeroot-sysv.so)

names() { for pid in $(left); do cat "/proc/$pid/comm"; done; }
cp "$(command -v sleep)" held

sh root/usr/bin/fakeroot-sysv --lib "$dir/$library" --faked "$dir/root/usr/bin/faked-sysv" \
  "$dir/held" 2 &
fakeroot=$!
for _ in $(seq 100); do [ "$(left | wc -l)" = 2 ] && break; sleep 0.1; done
status=0
kill "$fakeroot"
wait "$fakeroot" || status=$?
seen=$(
  echo "fakeroot: $status"
  echo "left at once: $(names | LC_ALL=C sort | xargs)"
  sleep 4
  echo "left when the command has ended: $(names | xargs)"
)
expected="fakeroot: 143
left at once: faked-sysv held
left when the command has ended: faked-sysv"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
