#!/usr/bin/env bash
# The first compile() of a Python program makes more than a hundred classes; exec() makes none.
#
# Seen with:   python3.11-minimal 3.11.2-6+deb12u8 of Debian 12 (2.7 and 3.6 to 3.13 do the same,
#              with 103 to 124 classes)
# Guess:       exec(text) is compile(text, …) and then the run of its code, so both cost the same.
#              The classes of the module ast belong to those who import ast.
# Behaviour:   compile() asks whether it was given a syntax tree, and for that makes all classes of
#              _ast, even for a text, and without the module in sys.modules. Where we measured, it
#              took a millisecond, once in each process; a bare Python starts in ten. exec() and -c
#              make none of them.
# For a user:  a short program that runs a text from a pipe can use exec(text). compile() is worth
#              its price where a traceback shall name a file.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
version=3.11.2-6+deb12u8
apt-get download -qq -o APT::Sandbox::User=root \
  "python3.11-minimal=$version" "libpython3.11-minimal=$version" >/dev/null
for package in ./*.deb; do dpkg -x "$package" root; done
cat >classes.py <<'PY'
import sys

def classes():
    """How many there are, found from object downwards."""
    seen = set()
    rest = [object]
    while rest:
        new = set(type.__subclasses__(rest.pop())) - seen
        seen |= new
        rest += new
    return len(seen)

def made(what, *arguments):
    before = classes()
    what(*arguments)
    return classes() - before

print("exec: %d new classes" % made(exec, "x = 1"))
print("compile: %d new classes" % made(compile, "x = 1", "name", "exec"))
print("compile again: %d new classes" % made(compile, "x = 1", "name", "exec"))
print("imported: %s" % sorted({"ast", "_ast"} & set(sys.modules)))
PY
export PYTHONHOME=$dir/root/usr
unset PYTHONDONTWRITEBYTECODE
# The first start compiles the modules that each start needs, and keeps what it has compiled.
root/usr/bin/python3.11 -S -c pass
seen=$(root/usr/bin/python3.11 -S classes.py)
expected="exec: 0 new classes
compile: 119 new classes
compile again: 0 new classes
imported: []"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
