#!/usr/bin/env bash
# /proc/PID/io also counts the bytes of children that have ended, of those that PID has waited for.
#
# Seen with:   Linux 6.18; dash 0.5.12-2 and coreutils 9.1-1, Debian 12
# Guess:       "I/O statistics for the process" (proc(5)) are those of the process itself. The times
#              of children stand apart, too: `cutime` and `cstime` in /proc/PID/stat.
# Behaviour:   when a process waits for a child that has ended, all counts of the child are added to
#              its own: also what the child's children gave to it. A shell that writes nothing has
#              written what its commands have. A child that another process waits for leaves no
#              trace: a command in the background of a subshell that has ended is init's.
# For a user:  tools that read this file blame a shell, a build or a supervisor for its commands;
#              "this process writes" is known only of one that has waited for no child.
set -euo pipefail
[ -r /proc/self/io ] || { echo "SKIPPED: the kernel keeps no such counts" >&2; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq -o APT::Sandbox::User=root dash=0.5.12-2 coreutils=9.1-1 >/dev/null
for package in ./*.deb; do dpkg -x "$package" root; done
cat >count.sh <<'SH'
# MiB that this shell has written, by the kernel's count: read without another process.
written() {
  while IFS=': ' read -r name bytes; do
    if [ "$name" = wchar ]; then mib=$((bytes / 1048576)); fi
  done </proc/$$/io
}
copy() { root/bin/dd if=/dev/zero of=/dev/null bs=1M count="$1" status=none; }
written; echo "at the start: $mib"
copy 8
written; echo "a command: $mib"
(copy 16; copy 16)
written; echo "a subshell with two: $mib"
mkfifo done
(
  # The subshell ends first, so that init waits for its command.
  { copy 64; echo >done; } &
)
read -r _ <done
written; echo "a command that init waits for: $mib"
SH
seen=$(root/bin/dash count.sh)
expected="at the start: 0
a command: 8
a subshell with two: 40
a command that init waits for: 40"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
