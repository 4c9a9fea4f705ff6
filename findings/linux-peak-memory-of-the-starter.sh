#!/usr/bin/env bash
# Linux counts the memory of the process that starts a program as that program's own peak.
#
# Seen with:   Linux 6.18; python3.11-minimal 3.11.2-6+deb12u8 as the process that starts and waits
# Guess:       ru_maxrss of wait4 (maxRSS of a child in Node.js and Bun, "Maximum resident set size"
#              of GNU time) is how much memory the program that was started has taken.
# Behaviour:   between fork (or vfork) and exec, the child has the memory of its parent, and exec
#              keeps that peak. So `true` that is started by a program of 200 MB "took" 200 MB, and
#              two programs of less than that cannot be told apart. VmHWM in /proc/PID/status begins
#              anew with exec.
# For a user:  measure a peak from a small process, or read VmHWM before the program ends.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
version=3.11.2-6+deb12u8
apt-get download -qq -o APT::Sandbox::User=root \
  "python3.11-minimal=$version" "libpython3.11-minimal=$version" "libpython3.11-stdlib=$version" \
  >/dev/null
for package in ./*.deb; do dpkg -x "$package" root; done
cat >peaks.py <<'PY'
import os, sys

def child(*argv):
    """Start a program: its peak by wait4, and what it prints, both in MiB."""
    r, w = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, w, 1)]
    pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=actions)
    os.close(w)
    said = os.read(r, 99)
    return os.wait4(pid, 0)[2].ru_maxrss >> 10, int(said or 0) >> 10

def told(peak):
    return "about 200 MiB" if 190 < peak < 260 else "below 20 MiB" if peak < 20 else peak

HIGHEST = "while read -r name value _; do [ $name != VmHWM: ] || echo $value; done </proc/self/status"
small, _ = child("true")
held = bytearray(b"x") * (200 << 20)
large, _ = child("true")
_, own = child("sh", "-c", HIGHEST)
print("true, started by a small process: %s" % told(small))
print("true, started by one of 200 MiB: %s" % told(large))
print("VmHWM of what that one starts: %s" % told(own))
PY
seen=$(PYTHONHOME=$dir/root/usr root/usr/bin/python3.11 -S peaks.py)
expected="true, started by a small process: below 20 MiB
true, started by one of 200 MiB: about 200 MiB
VmHWM of what that one starts: below 20 MiB"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
