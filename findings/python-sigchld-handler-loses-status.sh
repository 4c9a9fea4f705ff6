#!/usr/bin/env bash
# A Python handler of SIGCHLD that raises loses the exit status of the child that is waited for.
#
# Seen with:   python3.11-minimal and libpython3.11-minimal 3.11.2-6+deb12u8, Debian 12
# Guess:       when a handler raises out of waitpid, nothing was waited for yet: waiting again gives
#              the status.
# Behaviour:   the system call has returned the status already. Python runs the handler before it
#              hands the result over, so the child is gone and its status with it. A second
#              os.waitpid says that there is no such child. A second Popen.wait says status 0, also
#              of a child that failed.
# For a user:  a handler of SIGCHLD must not raise. To wake a wait early, write to a pipe
#              (signal.set_wakeup_fd) and poll that.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
version=3.11.2-6+deb12u8
apt-get download -qq -o APT::Sandbox::User=root \
  "python3.11-minimal=$version" "libpython3.11-minimal=$version" >/dev/null
for package in ./*.deb; do dpkg -x "$package" root; done
seen=$(PYTHONHOME=$dir/root/usr root/usr/bin/python3.11 -S -c '
import os, signal, subprocess

class Woken(Exception):
    pass

def on_child(*_):
    raise Woken

signal.signal(signal.SIGCHLD, on_child)
failing = ["sh", "-c", "sleep 0.3; exit 7"]

child = os.spawnvp(os.P_NOWAIT, "sh", failing)
try:
    print("os.waitpid gave", os.waitpid(child, 0)[1] >> 8)
except Woken:
    print("os.waitpid: the handler raised")
try:
    print("again: it gave", os.waitpid(child, 0)[1] >> 8)
except ChildProcessError:
    print("again: no child")

child = subprocess.Popen(failing)
try:
    print("Popen.wait gave", child.wait())
except Woken:
    print("Popen.wait: the handler raised")
print("again: it gave", child.wait())
')
expected="os.waitpid: the handler raised
again: no child
Popen.wait: the handler raised
again: it gave 0"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
