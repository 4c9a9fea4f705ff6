#!/usr/bin/env bash
# `ssh -G` prints no configuration: what it prints, read as one, means something else.
#
# Seen with:   openssh-client 9.2p1-2+deb12u10, Debian 12
# Guess:       `ssh -G HOST` prints the options for HOST in the form of ssh_config(5), so that its
#              output can be parsed, or be used with -F, by the rules of that page.
# Behaviour:   the quotes around words with spaces are gone: two files become three, and the second
#              half of a variable's value is refused as a variable. `%%` is printed as `%` in
#              RemoteCommand (there it is expanded already), and as `%%` in LocalCommand.
# For a user:  a program that reads `ssh -G` cannot tell where a value with spaces ends, and must
#              know for each option whether the tokens are expanded.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq -o APT::Sandbox::User=root openssh-client=1:9.2p1-2+deb12u10 >/dev/null
dpkg -x ./*.deb root

cat >config <<'CONFIG'
Host web
  UserKnownHostsFile "/srv/known hosts" /srv/more
  RemoteCommand date +%%H:%%M
  LocalCommand date +%%H:%%M
Host greeted
  SetEnv "GREETING=good day"
CONFIG
ssh() { root/usr/bin/ssh -F "$@" 2>&1 | tr -d '\r'; }
shown() { grep -E '^(userknownhostsfile|remotecommand|localcommand) '; }
seen=$(
  ssh config -G web | shown | LC_ALL=C sort
  ssh config -G greeted | grep '^setenv '
  ssh config -G greeted | grep '^setenv ' >again
  ssh again -G greeted | head -n 1 | sed 's/^.*line 1: /read again: /' || true
)
expected="localcommand date +%%H:%%M
remotecommand date +%H:%M
userknownhostsfile /srv/known hosts /srv/more
setenv GREETING=good day
read again: Invalid SetEnv."
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
