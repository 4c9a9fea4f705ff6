#!/usr/bin/env bash
# ssh adds a host to a known_hosts file whose last line has no newline: it joins both lines.
#
# Seen with:   openssh-client and openssh-server 9.2p1-2+deb12u10, Debian 12
# Guess:       a text file without a newline at its end (a template, an editor, printf) is completed
#              before something is appended, as `ssh-keygen -H` and `-R` do when they rewrite it.
# Behaviour:   ssh appends at once. The last known key and the new name become one word, so that
#              neither host is known any more, or the new host becomes part of a comment. ssh says
#              that the host was added permanently, and says so again at the next connection.
# For a user:  end the known_hosts files that a program writes with a newline.
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

connect() { # $1: the host, $2: StrictHostKeyChecking
  ssh -F none -p "$port" -i user -o IdentitiesOnly=yes -o GlobalKnownHostsFile=none \
    -o UserKnownHostsFile="$dir/known_hosts" -o StrictHostKeyChecking="$2" -o HostKeyAlias="$1" \
    127.0.0.1 echo connected </dev/null 2>&1 | tr -d '\r' || true
}
look() { # the content of known_hosts before the first connection
  printf "$@" >known_hosts
  connect web yes | sed 's/^/  web, before: /'
  connect db accept-new | sed 's/^/  db, new: /'
  connect db accept-new | sed 's/^/  db, again: /'
  connect web yes | grep -v "verification failed" | sed 's/^/  web: /'
}
web="web $(cut -d' ' -f1-2 host.pub)"
seen=$(
  echo "with a newline:"; look '%s\n' "$web"
  echo "without:"; look '%s' "$web"
  echo "without, after a comment:"; look '%s' "$web the web server"
)
added="Warning: Permanently added 'db' (ED25519) to the list of known hosts."
expected="with a newline:
  web, before: connected
  db, new: $added
  db, new: connected
  db, again: connected
  web: connected
without:
  web, before: connected
  db, new: $added
  db, new: connected
  db, again: $added
  db, again: connected
  web: No ED25519 host key is known for web and you have requested strict checking.
without, after a comment:
  web, before: connected
  db, new: $added
  db, new: connected
  db, again: $added
  db, again: connected
  web: connected"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
