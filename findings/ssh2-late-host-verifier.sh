#!/usr/bin/env bash
# npm ssh2: a host verifier that answers later breaks the connection when new keys are agreed on.
#
# Seen with:   npm ssh2 1.17.0 on Node.js; openssh-server 9.2p1-2+deb12u10, Debian 12
# Guess:       `hostVerifier(key, callback)` may call back at any time, as its second argument
#              suggests, in every key exchange of a connection.
# Behaviour:   in the first key exchange it may. When the server asks for new keys (RekeyLimit), the
#              client goes on sending what the program writes while the verifier has not answered.
#              sshd already expects the new keys, and ends the connection: "Bad packet length" is in
#              its log. A verifier that answers at once has no such trouble.
# For a user:  keep the answer of the first key exchange, and give it at once in later ones.
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
npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --silent ssh2@1.17.0 >/dev/null
ssh-keygen -q -t ed25519 -N "" -f host
ssh-keygen -q -t ed25519 -N "" -f user
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
RekeyLimit 1M
CONFIG
/usr/sbin/sshd -D -E "$dir/log" -f "$dir/sshd_config" &
server=$!
for _ in $(seq 100); do grep -q "Server listening" log 2>/dev/null && break; sleep 0.1; done

cat >client.cjs <<'JS'
const { Client } = require("ssh2");
const { readFileSync } = require("fs");
const { userInfo } = require("os");
const [port, late] = [Number(process.argv[2]), process.argv[3] === "late"];
const TOTAL = 8 << 20;
let asked = 0;
let end = (text) => {
  end = () => {};
  console.log(`${text}, ${asked > 1 ? "asked again" : `asked ${asked} times`}`);
  client.end();
};
const client = new Client();
client.on("error", () => end("the connection broke"));
client.on("close", () => end("the connection broke"));
client.on("ready", () =>
  client.exec("wc -c", (error, stream) => {
    if (error) throw error;
    let out = "";
    stream.on("data", (data) => { out += data; });
    stream.on("close", () => end(`${out.trim()} bytes arrived`));
    // Data is on its way to the server all the time.
    let sent = 0;
    const timer = setInterval(() => {
      if (sent === TOTAL) { clearInterval(timer); return stream.end(); }
      stream.write(Buffer.alloc(65536));
      sent += 65536;
    }, 1);
  }),
);
client.connect({
  host: "127.0.0.1", port, username: userInfo().username, privateKey: readFileSync("user"),
  hostVerifier: (_key, callback) => {
    asked++;
    if (late) setTimeout(callback, 200, true);
    else callback(true);
  },
});
JS
seen=$(
  for when in "at once" late; do
    echo "$when: $(timeout 60 node client.cjs "$port" "$when")"
  done
  kill "$server"
  for _ in $(seq 100); do grep -q "Bad packet length" log && break; sleep 0.1; done
  grep -o "Bad packet length" log
)
server=
expected="at once: 8388608 bytes arrived, asked again
late: the connection broke, asked again
Bad packet length"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
