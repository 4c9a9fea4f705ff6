#!/usr/bin/env bash
# sshd takes a HostKey by a relative path, listens, and then drops each connection.
#
# Seen with:   openssh-server and openssh-client 9.2p1-2+deb12u10, Debian 12
# Guess:       a configuration that `sshd -t` accepts, and with which sshd starts and listens,
#              serves connections. A path that cannot be used is an error at the start.
# Behaviour:   sshd resolves the path in the folder where it was started, reads the key and listens.
#              For each connection it executes itself anew, from the folder `/`. That process
#              resolves the path again, finds no key, and ends before it has sent its version. Only
#              the server's log says why. A relative path of the configuration itself (`-f`) works.
# For a user:  write absolute paths into sshd_config; `sshd -t` proves nothing about them.
#
# Needs the installed openssh-server, because sshd wants its user and its folder /run/sshd.
set -euo pipefail
version=1:9.2p1-2+deb12u10
installed=$(dpkg-query -W -f '${Version}' openssh-server 2>/dev/null || true)
if [ "$installed" != "$version" ] || [ ! -d /run/sshd ]; then
  echo "SKIPPED: needs openssh-server $version and /run/sshd; installed: ${installed:-none}" >&2
  exit 77
fi
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
ssh-keygen -q -t ed25519 -N "" -f host
free_port='import socket
sock = socket.socket()
sock.bind(("127.0.0.1", 0))
print(sock.getsockname()[1])'

look() { # $1: the path of the configuration, $2: the path of the key
  local port keys
  port=$(python3 -c "$free_port")
  rm -f log
  printf '%s\n' "Port $port" "ListenAddress 127.0.0.1" "HostKey $2" "PidFile none" >sshd_config
  /usr/sbin/sshd -t -f "$1" && echo "  sshd -t: accepted"
  /usr/sbin/sshd -D -E "$dir/log" -f "$1" &
  server=$!
  for _ in $(seq 100); do grep -q "Server listening" log 2>/dev/null && break; sleep 0.1; done
  grep -q "Server listening on 127.0.0.1" log && echo "  sshd: listens"
  keys=$(ssh-keyscan -T 10 -t ed25519 -p "$port" 127.0.0.1 2>/dev/null | grep -c ssh-ed25519 || true)
  echo "  keys that a client got: $keys"
  kill "$server"
  wait "$server" 2>/dev/null || true
  server=
  sed -n '/host key/p' log | tr -d '\r' | tr -s / | sed 's/^/  log: /'
}
seen=$(
  trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true' EXIT
  echo "both absolute:"; look "$dir/sshd_config" "$dir/host"
  echo "relative configuration:"; look sshd_config "$dir/host"
  echo "relative key:"; look "$dir/sshd_config" host
)
expected="both absolute:
  sshd -t: accepted
  sshd: listens
  keys that a client got: 1
relative configuration:
  sshd -t: accepted
  sshd: listens
  keys that a client got: 1
relative key:
  sshd -t: accepted
  sshd: listens
  keys that a client got: 0
  log: Unable to load host key: /host"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
