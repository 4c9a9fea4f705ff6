#!/usr/bin/env bash
# A Python import finder that waits blocks the imports of all other threads, whatever they import.
#
# Seen with:   python3.11-minimal and libpython3.11-minimal 3.11.2-6+deb12u8, Debian 12
# Guess:       since Python 3.3 an import holds the lock of its own module, so that a finder which
#              waits (for a network, or a lock) holds up that module and nothing else.
# Behaviour:   the interpreter asks each finder of sys.meta_path while it holds the global import
#              lock as well. Until the finder returns, no thread can import a module that is not in
#              sys.modules yet. What a loader does (create_module, exec_module) runs without the
#              global lock, and blocks the one module only.
# For a user:  a finder should answer from memory, and leave waiting to its loader. A thread that
#              must not block imports what it needs before.
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
import threading
from importlib.machinery import ModuleSpec

WAIT = 5
asked = threading.Event()
go_on = threading.Event()

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "waits_in_finder":
            asked.set()
            go_on.wait(WAIT)
        if name.startswith("waits_in_"):
            return ModuleSpec(name, Loader())

class Loader:
    def create_module(self, spec):
        return None

    def exec_module(self, module):
        if module.__name__ == "waits_in_loader":
            asked.set()
            go_on.wait(WAIT)

sys.meta_path.insert(0, Finder())

def other_import(first, other):
    asked.clear()
    go_on.clear()
    one = threading.Thread(target=__import__, args=(first,))
    one.start()
    asked.wait(WAIT)
    two = threading.Thread(target=__import__, args=(other,))
    two.start()
    two.join(1)
    waits = two.is_alive()
    go_on.set()
    one.join()
    two.join()
    print(first + ": import of", other, "waits" if waits else "goes on")

other_import("waits_in_finder", "bisect")
other_import("waits_in_loader", "heapq")
')
expected="waits_in_finder: import of bisect waits
waits_in_loader: import of heapq goes on"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
