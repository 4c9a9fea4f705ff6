#!/usr/bin/env bash
# While a thread waits with a poll object of Python, no other can use it. With epoll, others can.
#
# Seen with:   python3.11-minimal 3.11.2-6+deb12u8 of Debian 12 (2.7, 3.6 and 3.13 do the same)
# Guess:       a poll object is a set of descriptors. poll(2) keeps nothing in the kernel, so any
#              thread may ask at any time, as with select.select() and with select.epoll().
# Behaviour:   the object holds the array that the system writes its answers to. The thread that
#              comes second gets "RuntimeError: concurrent poll() invocation", although its own call
#              would not have waited. It is no OSError, so code that handles those does not see it.
#              The page of the module select does not say so.
# For a user:  give each thread a poll object of its own, or take a lock around all uses, waits
#              included. selectors.PollSelector keeps one poll object, too.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
version=3.11.2-6+deb12u8
apt-get download -qq -o APT::Sandbox::User=root \
  "python3.11-minimal=$version" "libpython3.11-minimal=$version" >/dev/null
for package in ./*.deb; do dpkg -x "$package" root; done
cat >threads.py <<'PY'
import os, select, threading, time

def ask(what, poller, *arguments):
    try:
        print("%s: %s" % (what, poller.poll(*arguments)))
    except Exception as e:
        print("%s: %s: %s" % (what, type(e).__name__, e))

reading, writing = os.pipe()
for name in "poll", "epoll":
    poller = getattr(select, name)()
    poller.register(reading, select.POLLIN)
    waiting = threading.Thread(target=poller.poll)
    waiting.start()
    time.sleep(0.3)
    ask("%s, while a thread waits" % name, poller, 0)
    os.write(writing, b"x")
    waiting.join()
    os.read(reading, 1)
    ask("%s, afterwards" % name, poller, 0)
PY
export PYTHONHOME=$dir/root/usr
seen=$(root/usr/bin/python3.11 -S threads.py)
expected="poll, while a thread waits: RuntimeError: concurrent poll() invocation
poll, afterwards: []
epoll, while a thread waits: []
epoll, afterwards: []"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
