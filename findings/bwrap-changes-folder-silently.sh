#!/usr/bin/env bash
# bwrap starts a command in $HOME, or in /, without a word, when the sandbox lacks the folder.
#
# Seen with:   bubblewrap 0.8.0-2+deb12u1, Debian 12; needs root or user namespaces
# Guess:       as with chdir(2), env --chdir or nsenter --wd, a missing folder is an error.
# Behaviour:   if the caller's folder is not part of the sandbox, the command runs in $HOME, and in
#              / if that is missing, too. The status is 0, and nothing is printed. A missing folder
#              that --chdir asks for is an error.
# For a user:  a command that works on its current folder works on another one, often the home
#              folder. Give --chdir.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq -o APT::Sandbox::User=root bubblewrap=0.8.0-2+deb12u1 >/dev/null
dpkg -x ./*.deb root
bwrap=$dir/root/usr/bin/bwrap
mkdir work
cd work

inside() {
  "$bwrap" --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib \
    --symlink usr/lib64 /lib64 --dir /home/visitor "$@" 2>&1
}
seen=$(
  echo "a home: $(HOME=/home/visitor inside pwd)"
  echo "no home: $(HOME=/absent inside pwd)"
  echo "asked for: $(HOME=/home/visitor inside --chdir /absent pwd || echo "status $?")"
)
expected="a home: /home/visitor
no home: /
asked for: bwrap: Can't chdir to /absent: No such file or directory
status 1"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
