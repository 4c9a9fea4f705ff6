#!/usr/bin/env bash
# dbclient (dropbear 2022.83) ends with status 0 when the remote command was killed by a signal.
#
# Seen with:   dropbear-bin 2022.83-1+deb12u3 and openssh-client 9.2p1, Debian 12; server: npm ssh2
#              1.17.0
# Guess:       an ssh client reports a command that a signal killed as a failure, as OpenSSH does
#              with 255.
# Behaviour:   the server says "exit-signal" (RFC 4254, section 6.10) and no "exit-status".
#              OpenSSH's client ends with 255. dbclient ends with 0, which a script reads as
#              success.
# For a user:  behind dbclient, status 0 is no proof that the command succeeded.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq -o APT::Sandbox::User=root dropbear-bin=2022.83-1+deb12u3 \
  openssh-client=1:9.2p1-2+deb12u10 libtomcrypt1=1.18.2-6 libtommath1=1.2.0-6+deb12u1 >/dev/null
for package in ./*.deb; do dpkg -x "$package" root; done
npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --silent ssh2@1.17.0 >/dev/null

cat >server.cjs <<'JS'
const { Server, utils } = require("ssh2");
const hostKeys = [utils.generateKeyPairSync("ed25519").private];
const server = new Server({ hostKeys }, (client) => {
  client.on("authentication", (context) => context.accept()).on("error", () => {});
  client.on("session", (accept) =>
    accept().on("exec", (accept, _reject, { command }) => {
      const [how, what] = command.split(" ");
      const stream = accept();
      if (how === "signal") stream.exit(what, false, "");
      else stream.exit(Number(what));
      stream.end();
    }),
  );
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
JS
node server.cjs >port &
server=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
port=$(cat port)

dropbear() {
  HOME=$dir LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu \
    root/usr/bin/dbclient -y -y -T -p "$port" user@127.0.0.1 "$1" </dev/null 2>/dev/null
}
openssh() {
  root/usr/bin/ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o LogLevel=ERROR -p "$port" user@127.0.0.1 "$1" </dev/null
}
seen=$(
  for command in "status 0" "status 7" "signal TERM" "signal KILL"; do
    d=0; dropbear "$command" || d=$?
    o=0; openssh "$command" || o=$?
    echo "$command: dbclient $d, ssh $o"
  done
)
expected="status 0: dbclient 0, ssh 0
status 7: dbclient 7, ssh 7
signal TERM: dbclient 0, ssh 255
signal KILL: dbclient 0, ssh 255"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
