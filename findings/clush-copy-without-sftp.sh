#!/usr/bin/env bash
# clush --copy ends with status 0 when a server has no sftp, and no file was copied.
#
# Seen with:   python3-clustershell and clustershell 1.9.1-1, openssh-client 9.2p1-2+deb12u10,
#              Debian 12; server: npm ssh2 1.17.0, whose sftp subsystem is refused
# Guess:       a copy that failed at each host ends with another status than 0, as scp does.
# Behaviour:   scp ends with 255 where the sftp subsystem is refused. clush prints "exited with exit
#              code 255" for each host, and ends with 0. Its manual says that the status tells
#              nothing of remote commands without -S; a copy, which is none, is treated alike.
# For a user:  write `clush -S --copy`, or a script takes the failure for a success.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq -o APT::Sandbox::User=root python3-clustershell=1.9.1-1 clustershell=1.9.1-1 \
  python3-yaml=6.0-3+b2 openssh-client=1:9.2p1-2+deb12u10 >/dev/null
for package in ./*.deb; do dpkg -x "$package" root; done
npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --silent ssh2@1.17.0 >/dev/null

cat >server.cjs <<'JS'
const { Server, utils } = require("ssh2");
const hostKeys = [utils.generateKeyPairSync("ed25519").private];
// Without a listener for "sftp", the subsystem is refused.
const server = new Server({ hostKeys }, (client) => {
  client.on("authentication", (context) => context.accept()).on("error", () => {});
  client.on("session", (accept) =>
    accept().on("exec", (accept) => {
      const stream = accept();
      stream.exit(0);
      stream.end();
    }),
  );
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
JS
node server.cjs >port &
server=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
cat >config <<CONFIG
Host *
  HostName 127.0.0.1
  Port $(cat port)
  User ada
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
CONFIG
export PATH=$dir/root/usr/bin:$PATH
export PYTHONPATH=$dir/root/usr/lib/python3/dist-packages
echo content >file
status() { # prints the status of a command, and puts its words into the file "words"
  local code=0
  "$@" </dev/null >words 2>&1 || code=$?
  echo "$code"
}
clush() { /usr/bin/python3 -W ignore root/usr/bin/clush -o "-F $dir/config" "$@"; }
seen=$(
  echo "scp: $(status root/usr/bin/scp -F config file web1:/nowhere)"
  for options in "" "-S"; do
    code=$(status clush $options -w web1,web2 --copy file --dest /nowhere)
    failed=$(grep -c '^clush: .*exited with exit code 255' words)
    echo "clush${options:+ $options} --copy: $code, and $failed hosts failed"
  done
)
expected="scp: 255
clush --copy: 0, and 2 hosts failed
clush -S --copy: 255, and 2 hosts failed"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
