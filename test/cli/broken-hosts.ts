/** Hosts of ssh that are broken in several ways, beside hosts that are right. */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startSshd } from "../helpers/sshd.ts";
import { PYTHON } from "./econtext.ts";

const GARBAGE = "head -c 99 /dev/zero | tr '\\0' '\\377'";
/** When garbage comes: after the line that a slave begins with, or when the command asks for it. */
const WHEN = {
  boot: `/bin/sh "$@" | {
  while IFS= read -r line; do
    printf '%s\\n' "$line"
    case $line in econtext/1*) ${GARBAGE}; break ;; esac
  done
  exec cat
}; exit`,
  // Until the command has made the file, or the login has ended.
  asked: `(until [ -e "$GO" ] || ! [ -e /proc/$PPID ]; do sleep 0.05; done; ${GARBAGE}) &`,
} as const;

/** What the login of a broken host does. The others run what they are told. */
const login = (dir: string, when: keyof typeof WHEN): string => `#!/bin/sh
GO='${join(dir, "go")}'; export GO
case $BROKEN in
bare) PATH=/nonexistent ;;
noise) exec cat /dev/zero ;;
ends) echo 'This account is not available.'; exit 1 ;;
hangs) exec cat >/dev/null ;;
garbage) ${WHEN[when]} ;;
esac
exec /bin/sh "$@"
`;

/** A port whose queue of connections is full: the system answers no further one. */
const HOLE = `import socket, sys
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(0)
clients = [socket.socket() for _ in range(4)]
for client in clients:
    client.setblocking(False)
    client.connect_ex(server.getsockname())
print(server.getsockname()[1], flush=True)
sys.stdin.read()`;

export interface BrokenHosts extends AsyncDisposable {
  /** The configuration of ssh. `target…` are right, but for those that `names` says. */
  readonly config: string;
}

/**
 * @param names `refused`; `hole` answers no connection; `silent` accepts connections and says
 *   nothing; `target-key` has another host key; `target-` and the name of a case of `login`
 * @param garbage comes while the slave boots, or when the command makes the file $GO
 */
export async function startBrokenHosts(
  dir: string,
  names: readonly string[],
  garbage: keyof typeof WHEN = "boot",
): Promise<BrokenHosts> {
  const shell = join(dir, "login");
  writeFileSync(shell, login(dir, garbage));
  chmodSync(shell, 0o755);
  const server = await startSshd({ loginShell: shell, config: ["AcceptEnv BROKEN"] });
  const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const hole = Bun.spawn([PYTHON, "-c", HOLE], { stdin: "pipe", stdout: "pipe" });
  const told = (await hole.stdout.getReader().read()).value;
  const holePort = Number(new TextDecoder().decode(told));
  const other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
  writeFileSync(join(dir, "other_hosts"), `other ${other}\n`);
  const config = join(dir, "ssh_config");
  const hosts = [
    "Host refused\n  HostName 127.0.0.1\n  Port 1",
    `Host hole\n  HostName 127.0.0.1\n  Port ${holePort}`,
    `Host silent\n  HostName 127.0.0.1\n  Port ${silent.port}`,
    `Host target-key\n  HostKeyAlias other\n  UserKnownHostsFile ${join(dir, "other_hosts")}`,
    ...names.map((name) => `Host ${name}\n  SetEnv BROKEN=${name.slice(7)}`),
    `Host *\n  Include ${server.configPath}`,
  ];
  writeFileSync(config, `${hosts.join("\n")}\n`);
  const stop = async (): Promise<void> => {
    silent.stop(true);
    hole.kill();
    await hole.exited;
    await server[Symbol.asyncDispose]();
  };
  return { config, [Symbol.asyncDispose]: stop };
}
