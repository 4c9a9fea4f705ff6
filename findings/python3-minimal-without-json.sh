#!/usr/bin/env bash
# Debian 12's python3.11-minimal has no json and no termios, though it has zlib, socket and subprocess.
#
# Seen with:   python3.11-minimal and libpython3.11-minimal 3.11.2-6+deb12u8, Debian 12
# Guess:       `json` is in every CPython 3, so a program that is sent to a host may rely on it.
# Behaviour:   neither json nor _json is there, and no termios, pty, mmap, ctypes, asyncio or
#              multiprocessing. zlib, struct, select, socket, subprocess, threading and pickle are. A small
#              container or a freshly debootstrapped root has exactly this Python.
# For a user:  code for unknown hosts cannot parse JSON with the standard library alone.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
version=3.11.2-6+deb12u8
apt-get download -qq -o APT::Sandbox::User=root \
  "python3.11-minimal=$version" "libpython3.11-minimal=$version" >/dev/null
for package in ./*.deb; do dpkg -x "$package" root; done
seen=$(PYTHONHOME=$dir/root/usr root/usr/bin/python3.11 -S -c '
import sys
def has(name):
    try:
        __import__(name)
        return True
    except ImportError:
        return False
names = ("json _json termios pty mmap ctypes asyncio multiprocessing "
         "zlib struct select socket subprocess threading pickle hashlib").split()
print("here:", *[name for name in names if has(name)])
print("not here:", *[name for name in names if not has(name)])
')
expected="here: zlib struct select socket subprocess threading pickle hashlib
not here: json _json termios pty mmap ctypes asyncio multiprocessing"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
