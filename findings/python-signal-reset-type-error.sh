#!/usr/bin/env bash
# Setting a signal back to SIG_DFL in a handler may raise a TypeError somewhere else (Python 3.9.2).
#
# Seen with:   python3.9-minimal 3.9.2-1 of Debian 11; python3.11-minimal 3.11.2-6+deb12u8 of Debian
#              12 beside it
# Guess:       a handler that sets another signal back to SIG_DFL changes what later signals do. One
#              that has come already runs the old handler, or none.
# Behaviour:   a child has ended, and SIGTERM comes at the same time. Python notes both signals and
#              runs their handlers in order. The handler of SIGTERM sets SIGCHLD back. Python 3.9.2
#              then calls SIG_DFL, a number, for the noted SIGCHLD: the main thread gets "TypeError:
#              'int' object is not callable" at the line where it happens to be. Python 3.11 (and
#              3.8.9, 3.9.3 and 3.10, by bpo-43406) prints that the signal was ignored, and goes on.
# For a user:  in old Pythons, give a signal a handler that does nothing, and not SIG_DFL, while it
#              may still be noted.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
# Lists of packages of Debian 11 in a folder of this script: those of the system stay as they are.
mkdir -p state/lists/partial cache/archives/partial
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mirror=$(apt-get indextargets --format '$(REPO_URI)' \
  "Codename: bookworm" "Component: main" "Created-By: Packages" | head -1)
echo "deb [signed-by=$keyring] $mirror bullseye main" >sources.list
old=(-o "Dir::Etc::sourcelist=$dir/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State=$dir/state"
  -o "Dir::Cache=$dir/cache" -o APT::Sandbox::User=root)
apt-get "${old[@]}" update -qq
apt-get "${old[@]}" download -qq python3.9-minimal=3.9.2-1 libpython3.9-minimal=3.9.2-1 >/dev/null
version=3.11.2-6+deb12u8
apt-get download -qq -o APT::Sandbox::User=root \
  "python3.11-minimal=$version" "libpython3.11-minimal=$version" >/dev/null
for package in ./*.deb; do dpkg -x "$package" root; done
cat >signals.py <<'PY'
import os, signal, sys

def reset(*_):
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)

signal.signal(signal.SIGCHLD, lambda *_: None)
signal.signal(signal.SIGTERM, reset)
both = {signal.SIGTERM, signal.SIGCHLD}
signal.pthread_sigmask(signal.SIG_BLOCK, both)
child = os.spawnvp(os.P_NOWAIT, "true", ["true"])
os.waitpid(child, 0)
os.kill(os.getpid(), signal.SIGTERM)
sys.stderr = sys.stdout
try:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, both)
    print("python %d.%d: no exception" % sys.version_info[:2])
except TypeError as error:
    print("python %d.%d: TypeError: %s" % (*sys.version_info[:2], error))
PY
seen=$(for minor in 9 11; do PYTHONHOME=$dir/root/usr "root/usr/bin/python3.$minor" -S signals.py; done |
  grep -E '^python|^OSError')
expected="python 3.9: TypeError: 'int' object is not callable
OSError: Signal 17 ignored due to race condition
python 3.11: no exception"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
