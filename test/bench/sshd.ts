/**
 * A private sshd on loopback for the length of a bench: throw-away keys, and a client configuration
 * in which bench1 … bench300 are all this one server. Neither ~/.ssh nor the machine's sshd is read
 * or touched.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";

const HOSTS = 300;
const START_TIMEOUT_MS = 5_000;

export interface Sshd {
  readonly port: number;
  readonly config: string;
  /** The listener, whose children are the connections. */
  readonly pid: number;
  stop(): void;
}

/**
 * @param dir is the caller's, private and empty. @param sshd is the server's absolute path, as it
 * insists on.
 */
export async function startSshd(dir: string, sshd: string): Promise<Sshd> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const port = await freePort();
  for (const key of ["hostkey", "id"]) {
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(dir, key)]);
  }
  const hostKey = readFileSync(join(dir, "hostkey.pub"), "utf8").split(" ").slice(0, 2).join(" ");
  writeFileSync(join(dir, "known_hosts"), `bench ${hostKey}\n`);
  writeFileSync(join(dir, "sshd_config"), serverConfig(dir, port));
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });
  // The shell holds our pipe: when the bench ends, however it ends, read returns and the server
  // goes too.
  const script = '"$0" -D -e -f "$1" 2>"$2" & read line; kill $!';
  const child = spawn("sh", ["-c", script, sshd, join(dir, "sshd_config"), join(dir, "sshd.log")], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  await answers(port, child, join(dir, "sshd.log"));
  return {
    port,
    config: writeClientConfig(dir, "ssh_config", port),
    pid: Number(readFileSync(join(dir, "sshd.pid"), "utf8")),
    stop: () => child.stdin?.end(),
  };
}

/**
 * The same server by another port of this machine: a proxy's. @returns the path of the
 * configuration.
 */
export function writeClientConfig(dir: string, name: string, port: number): string {
  const path = join(dir, name);
  const names = Array.from({ length: HOSTS }, (_, i) => `bench${String(i + 1)}`).join(" ");
  const lines = [
    `Host ${names}`,
    "HostName 127.0.0.1",
    `Port ${String(port)}`,
    `IdentityFile ${join(dir, "id")}`,
    "IdentitiesOnly yes",
    "HostKeyAlias bench",
    `UserKnownHostsFile ${join(dir, "known_hosts")}`,
    "GlobalKnownHostsFile /dev/null",
    "BatchMode yes",
    "LogLevel ERROR",
  ];
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

function serverConfig(dir: string, port: number): string {
  const lines = [
    "ListenAddress 127.0.0.1",
    `Port ${String(port)}`,
    `HostKey ${join(dir, "hostkey")}`,
    `PidFile ${join(dir, "sshd.pid")}`,
    `AuthorizedKeysFile ${join(dir, "id.pub")}`,
    "StrictModes no",
    "UsePAM no",
    "UseDNS no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin yes",
    "MaxStartups 500",
    "PerSourceMaxStartups none",
    "Subsystem sftp internal-sftp", // scp speaks it
    "PrintMotd no",
    "PrintLastLog no",
    // Debian's bash reads ~/.bashrc for ssh commands unless SHLVL says it is nested; its cost is
    // the machine owner's.
    "SetEnv SHLVL=7",
  ];
  return `${lines.join("\n")}\n`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answers(port: number, child: ChildProcess, log: string): Promise<void> {
  const until = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < until && child.exitCode === null) {
    const up = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("data", () => {
        resolve(true);
        socket.destroy();
      });
      socket.once("error", () => resolve(false));
    });
    if (up) return;
    await Bun.sleep(20);
  }
  child.stdin?.end();
  throw new Error(`sshd did not start: ${readFileSync(log, "utf8").trim()}`);
}
