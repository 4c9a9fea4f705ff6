#!/usr/bin/env bash
# pdsh 2.34 and ClusterShell 1.9.1 (nodeset, clush) read the same set of hosts as different hosts.
#
# Seen with:   pdsh 2.34-0.2 and python3-clustershell 1.9.1-1, Debian 12
# Guess:       the bracket notation of pdsh, which ClusterShell took over, means the same in both.
# Behaviour:   `n[01-3]` is n01 to n03 for pdsh, and an error for nodeset; but nodeset takes
#              `n[0-00]`, and makes n0 of it. Brackets one after the other, `n[1-2][3-4]`, are four
#              hosts for pdsh, and an error for nodeset. Braces are an error for neither: `{a,b}`
#              is one host of this very name for pdsh, and for nodeset the hosts `{a` and `b}`. A
#              step, `n[1-5/2]`, is nodeset's alone.
# For a user:  a set moves between the two only if both ends of each range have the same number of
#              digits, and it has neither steps nor braces nor neighbouring brackets.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq -o APT::Sandbox::User=root pdsh=2.34-0.2 libgenders0=1.22-1+b5 \
  python3-clustershell=1.9.1-1 clustershell=1.9.1-1 python3-yaml=6.0-3+b2 >/dev/null
for package in ./*.deb; do dpkg -x "$package" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu
export PYTHONPATH=$dir/root/usr/lib/python3/dist-packages

# Only whether it is an error: the words are each tool's own.
pdsh() { (PDSH_MODULE_DIR=$dir/root/usr/lib/x86_64-linux-gnu/pdsh \
  exec -a pdsh root/usr/bin/pdsh.bin -R exec -Q -w "$1" 2>/dev/null) | tail -n 1; }
nodeset() { /usr/bin/python3 root/usr/bin/nodeset -e -S, "$1" 2>/dev/null || echo error; }
seen=$(
  for set in 'n[01-3]' 'n[0-00]' 'n[1-2][3-4]' '{a,b}'; do
    echo "$set: pdsh $(pdsh "$set"), nodeset $(nodeset "$set")"
  done
  echo "n[1-5/2]: nodeset $(nodeset 'n[1-5/2]')"
)
expected='n[01-3]: pdsh n01,n02,n03, nodeset error
n[0-00]: pdsh n0, nodeset n0
n[1-2][3-4]: pdsh n13,n14,n23,n24, nodeset error
{a,b}: pdsh {a,b}, nodeset b},{a'
expected="$expected
n[1-5/2]: nodeset n1,n3,n5"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
