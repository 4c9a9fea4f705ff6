#!/usr/bin/env bash
# With `UserKnownHostsFile none`, ssh accepts no new host, whatever StrictHostKeyChecking says.
#
# Seen with:   openssh-client and openssh-server 9.2p1-2+deb12u10, Debian 12
# Guess:       `none` is the proper spelling of what many set to /dev/null: known hosts of the user
#              are neither read nor written, and StrictHostKeyChecking decides about a new key.
# Behaviour:   with `/dev/null`, `accept-new` and `no` connect. With `none`, both fail: "Host key
#              verification failed", and no line says why. A key in GlobalKnownHostsFile is taken.
# For a user:  write /dev/null for hosts that are made anew each time.
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

connect() { # $1: UserKnownHostsFile, $2: GlobalKnownHostsFile, $3: StrictHostKeyChecking
  ssh -F none -p "$port" -i user -o IdentitiesOnly=yes -o UserKnownHostsFile="$1" \
    -o GlobalKnownHostsFile="$2" -o StrictHostKeyChecking="$3" 127.0.0.1 echo connected \
    </dev/null 2>&1 | tr -d '\r' | grep -v '^Warning: Permanently added' || true
}
printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1-2 host.pub)" >global
seen=$(
  for strict in accept-new no; do
    for file in /dev/null none; do echo "$strict, $file: $(connect "$file" none "$strict")"; done
  done
  echo "known globally, none: $(connect none "$dir/global" yes)"
)
expected="accept-new, /dev/null: connected
accept-new, none: Host key verification failed.
no, /dev/null: connected
no, none: Host key verification failed.
known globally, none: connected"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
