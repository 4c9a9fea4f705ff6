#!/usr/bin/env bash
# Four keywords of sshd_config take their last value: MaxStartups, IPQoS and two of PerSource….
#
# Seen with:   openssh-client and openssh-server 9.2p1-2+deb12u10, Debian 12 (MaxStartups and IPQoS
#              also in 8.4p1 and 10.0p1; PerSourceMaxStartups takes its first value in 10.0p1)
# Guess:       "For each keyword, the first obtained value will be used" (sshd_config(5)). So a file
#              in sshd_config.d, which Debian includes at the top, overrides the main file.
# Behaviour:   MaxSessions, RekeyLimit and others take the first of two values. MaxStartups,
#              PerSourceMaxStartups, PerSourceNetBlockSize and IPQoS take the last: a snippet that
#              raises MaxStartups for a fleet has no effect if the main file has a value, too. The
#              client does not agree with its server: IPQoS in ssh_config takes the first.
# For a user:  ask `sshd -T` for what holds, after each change of a snippet.
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
trap 'rm -rf "$dir"' EXIT
cd "$dir"
ssh-keygen -q -t ed25519 -N "" -C "" -f host
cat >snippet <<CONFIG
MaxSessions 3
RekeyLimit 1G
LoginGraceTime 30
MaxStartups 200:30:400
PerSourceMaxStartups 100
PerSourceNetBlockSize 24:64
IPQoS ef
CONFIG
cat >sshd_config <<CONFIG
Include $dir/snippet
HostKey $dir/host
MaxSessions 5
RekeyLimit 2G
LoginGraceTime 60
MaxStartups 10:30:100
PerSourceMaxStartups 5
PerSourceNetBlockSize 32:128
IPQoS cs1
CONFIG
printf 'IPQoS ef\nIPQoS cs1\n' >ssh_config

names='maxsessions|rekeylimit|logingracetime|maxstartups|persourcemaxstartups|persourcenetblocksize'
seen=$(
  /usr/sbin/sshd -T -f sshd_config | grep -E "^($names|ipqos) " | sort
  echo "client: $(ssh -G -F ssh_config example | grep '^ipqos ')"
)
expected="ipqos cs1 cs1
logingracetime 30
maxsessions 3
maxstartups 10:30:100
persourcemaxstartups 5
persourcenetblocksize 32:128
rekeylimit 1073741824 0
client: ipqos ef ef"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
