#!/usr/bin/env bash
# Debian 12's python3.11-minimal has no json and no termios, though it has zlib, socket and
# subprocess.
#
# Seen with:   python3.11-minimal and libpython3.11-minimal 3.11.2-6+deb12u8, Debian 12
# Guess:       `json` is in every CPython 3, so a program that is sent to a host may rely on it.
# Behaviour:   neither json nor _json is there, and no termios, pty, mmap, ctypes, asyncio or
#              multiprocessing. zlib, struct, select, socket, subprocess, threading and pickle are.
#              A small container or a freshly debootstrapped root has exactly this Python. Some
#              modules are there and cannot be imported, because a module that they need is not:
#              zipfile and importlib.metadata.
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
import os
for name in "zipfile", "importlib.metadata":
    try:
        __import__(name)
    except ImportError as error:
        folders = [os.path.join(folder, *name.split(".")) for folder in sys.path]
        there = any(os.path.exists(path + ".py") or os.path.isdir(path) for path in folders)
        print(name, "has a file" if there else "has no file", "and fails:", error)
')
expected="here: zlib struct select socket subprocess threading pickle hashlib
not here: json _json termios pty mmap ctypes asyncio multiprocessing
zipfile has a file and fails: No module named 'shutil'
importlib.metadata has a file and fails: No module named 'shutil'"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
