#!/usr/bin/env bash
# ssh: %H of KnownHostsCommand is another name in each of its calls for one host.
#
# Seen with:   openssh-client and openssh-server 9.2p1-2+deb12u10, Debian 12
# Guess:       %H is "the known_hosts hostname or address that is being searched for" (the manual):
#              the name under which the key stands, so [HOST]:PORT where the port is not 22, or the
#              name of HostKeyAlias.
# Behaviour:   this is so for the call whose reason (%I) is HOSTNAME. The call before, ORDER, which
#              finds out for which algorithms there are keys, has the plain name, without the port
#              and without the alias.
# For a user:  a command that looks for %H in a table of known hosts finds nothing in ORDER calls.
#              ssh may then ask the server for a key of a type that is not in the table. Look for %k
#              and %p, too.
#
# Needs the installed openssh-server, because sshd wants its user and its folder /run/sshd.
set -euo pipefail
version=1:9.2p1-2+deb12u10
for package in openssh-client openssh-server; do
  installed=$(dpkg-query -W -f '${Version}' "$package" 2>/dev/null || true)
  if [ "$installed" != "$version" ] || [ ! -d /run/sshd ]; then
    echo "SKIPPED: needs $package $version and /run/sshd; installed: ${installed:-none}" >&2
    exit 77
  fi
done
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
for key in host user; do ssh-keygen -q -t ed25519 -N "" -C "" -f "$key"; done
cp user.pub authorized_keys
free_port='import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
port=$(python3 -c "$free_port")
cat >sshd_config <<CONFIG
Port $port
ListenAddress 127.0.0.1
HostKey $dir/host
AuthorizedKeysFile $dir/authorized_keys
StrictModes no
PermitRootLogin yes
PidFile none
CONFIG
/usr/sbin/sshd -D -E "$dir/log" -f "$dir/sshd_config" &
server=$!
for _ in $(seq 100); do grep -q "Server listening" log 2>/dev/null && break; sleep 0.1; done

# Gives the key for any name, and notes what it was asked for.
cat >keys <<SH
#!/bin/sh
echo "\$1 \$2" >>"$dir/asked"
echo "\$2 \$(cut -d' ' -f1,2 "$dir/host.pub")"
SH
chmod +x keys
connect() { # runs ssh to 127.0.0.1 with the options "$@", and shows the calls
  : >asked
  ssh -F none -n -i user -p "$port" -o BatchMode=yes -o StrictHostKeyChecking=yes \
    -o UserKnownHostsFile=none -o GlobalKnownHostsFile=none \
    -o "KnownHostsCommand=$dir/keys %I %H" "$@" 127.0.0.1 true || echo "denied"
  sed "s/:$port\$/:PORT/" asked
}
seen=$(
  connect
  echo "with HostKeyAlias:"
  connect -o HostKeyAlias=web
)
expected="ORDER 127.0.0.1
HOSTNAME [127.0.0.1]:PORT
with HostKeyAlias:
ORDER 127.0.0.1
HOSTNAME web"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
