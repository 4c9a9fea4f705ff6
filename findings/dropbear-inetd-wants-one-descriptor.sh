#!/usr/bin/env bash
# dropbear's inetd mode uses descriptor 0 for both directions; behind two pipes it does not answer.
#
# Seen with:   dropbear-bin 2022.83-1+deb12u3 and tinysshd 20230101-1, Debian 12
# Guess:       a server for inetd reads from standard input and writes to standard output, so it
#              also works behind two pipes, as tinysshd does.
# Behaviour:   `dropbear -i` writes to descriptor 0 as well. With one socket for both directions, as
#              inetd gives it, a client has its version at once. With two sockets, the version comes
#              out of the one that dropbear should read. With two pipes, it ends with status 1 and
#              says nothing.
# For a user:  as the server of a ProxyCommand, it needs something in between that gives it one
#              socket.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq -o APT::Sandbox::User=root dropbear-bin=2022.83-1+deb12u3 \
  tinysshd=20230101-1 libtomcrypt1=1.18.2-6 libtommath1=1.2.0-6+deb12u1 >/dev/null
for package in ./*.deb; do dpkg -x "$package" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu
root/usr/bin/dropbearkey -t ed25519 -f key >/dev/null 2>&1
root/usr/sbin/tinysshd-makekey -q keys
cat >look.py <<'PY'
"""Start a server, and print where its version comes out: at descriptor 0, at 1, or nowhere."""
import os, select, socket, subprocess, sys

how, command = sys.argv[1], sys.argv[2:]
if how == "one socket":
    near, far = socket.socketpair()
    ours, theirs = [near], [far, far]
elif how == "two sockets":
    pairs = [socket.socketpair() for _ in range(2)]
    ours, theirs = [near for near, _ in pairs], [far for _, far in pairs]
else:
    (far_in, near_in), (near_out, far_out) = os.pipe(), os.pipe()
    ours, theirs = [near_out], [far_in, far_out]
child = subprocess.Popen(command, stdin=theirs[0], stdout=theirs[1], stderr=subprocess.DEVNULL)
for end in set(theirs):
    os.close(end) if isinstance(end, int) else end.close()
ready = select.select(ours, [], [], 30)[0]
[end] = ready
text = os.read(end if isinstance(end, int) else end.fileno(), 8)
if how == "two sockets":
    print(text.decode(), "at", ours.index(end))
else:
    print(text.decode() or "nothing: it ended with status %d" % child.wait())
child.kill()
PY
seen=$(
  for how in "one socket" "two sockets" "two pipes"; do
    echo "$how, tinysshd: $(python3 look.py "$how" root/usr/sbin/tinysshd keys)"
    echo "$how, dropbear: $(python3 look.py "$how" root/usr/sbin/dropbear -i -r key)"
  done
)
expected="one socket, tinysshd: SSH-2.0-
one socket, dropbear: SSH-2.0-
two sockets, tinysshd: SSH-2.0- at 1
two sockets, dropbear: SSH-2.0- at 0
two pipes, tinysshd: SSH-2.0-
two pipes, dropbear: nothing: it ended with status 1"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
