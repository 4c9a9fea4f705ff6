#!/usr/bin/env bash
# Fabric's groups keep one result for two names of the same address and port.
#
# Seen with:   python3-fabric 2.6.0-1, python3-invoke 2.0.0-1, python3-paramiko 2.12.0-2, Debian 12;
#              server: npm ssh2 1.17.0
# Guess:       a group of two connections gives two results, whatever their names stand for.
# Behaviour:   the result of a group is a dictionary by connection, and connections are equal if
#              host, user and port are, as ~/.ssh/config gives them. Two `Host` entries with the
#              same HostName, Port and User, which differ in their keys or their ProxyCommand, are
#              one key of it. Both commands run, and one result is lost.
# For a user:  fewer results than connections are no error to Fabric: compare the numbers. On one
#              machine, 127.0.0.1 and 127.0.0.2 are different hosts.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq -o APT::Sandbox::User=root python3-fabric=2.6.0-1 python3-invoke=2.0.0-1 \
  python3-paramiko=2.12.0-2 python3-decorator=5.1.1-3 python3-six=1.16.0-4 \
  python3-bcrypt=3.2.2-1 python3-cryptography=38.0.4-3+deb12u1 python3-nacl=1.5.0-2 \
  python3-cffi-backend=1.15.1-5+b1 python3-yaml=6.0-3+b2 libsodium23=1.0.18-1+deb12u1 \
  python3-pkg-resources=66.1.1-1+deb12u2 >/dev/null
for package in ./*.deb; do dpkg -x "$package" root; done
npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --silent ssh2@1.17.0 >/dev/null

cat >server.cjs <<'JS'
const { Server, utils } = require("ssh2");
const { appendFileSync } = require("fs");
const hostKeys = [utils.generateKeyPairSync("ed25519").private];
const server = new Server({ hostKeys }, (client) => {
  client.on("authentication", (context) => context.accept()).on("error", () => {});
  client.on("session", (accept) =>
    accept().on("exec", (accept, _reject, { command }) => {
      appendFileSync("commands", `${command}\n`);
      const stream = accept();
      stream.write("done\n");
      stream.exit(0);
      stream.end();
    }),
  );
});
server.listen(0, "0.0.0.0", () => console.log(server.address().port));
JS
node server.cjs >port &
server=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
port=$(cat port)
printf 'Host web1 web2\n  HostName 127.0.0.1\nHost other\n  HostName 127.0.0.2\n' >config
printf 'Host *\n  User ada\n  Port %s\n' "$port" >>config

seen=$(HOME=$dir LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu \
  PYTHONPATH=$dir/root/usr/lib/python3/dist-packages /usr/bin/python3 -W ignore -c '
from fabric import Config, Connection, SerialGroup, ThreadingGroup
config = Config(runtime_ssh_path="config", overrides={
    "connect_kwargs": {"password": "any", "allow_agent": False, "look_for_keys": False}})
for names in ("web1", "web2"), ("web1", "other"):
    for kind in SerialGroup, ThreadingGroup:
        open("commands", "w").close()
        group = kind.from_connections(Connection(name, config=config) for name in names)
        results = group.run("true", hide=True)
        with open("commands") as file:
            ran = len(file.readlines())
        print(kind.__name__, *names, "-", ran, "commands ran,", len(results), "results")
        group.close()
')
expected="SerialGroup web1 web2 - 2 commands ran, 1 results
ThreadingGroup web1 web2 - 2 commands ran, 1 results
SerialGroup web1 other - 2 commands ran, 2 results
ThreadingGroup web1 other - 2 commands ran, 2 results"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
