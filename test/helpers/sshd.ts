/**
 * OpenSSH's own sshd on a free loopback port, as the present user, with throw-away keys. Neither
 * the machine's sshd nor /etc/passwd is touched: another login shell is a ForceCommand that runs
 * `SHELL -c COMMAND`, which is what sshd itself does with the shell of an account.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { descendants, isRunning, keep, RUN_ID } from "./leaks.ts";
import { HOST, makeSshFiles, type SshFiles, type SshServer } from "./ssh-files.ts";

const START_TIMEOUT_MS = 20_000;
/**
 * Starts the server, whose pid it tells. It holds our pipe: however the tests end, its read returns
 * and the server goes too. The server is not a child of ours: when a test times out, Bun kills
 * every child, and the tests behind it would have no server.
 */
const GUARD = '"$@" >/dev/null 2>"$0" & echo $!; read line; kill $!';

export interface SshdOptions {
  /** Path of the shell that runs commands; the user's own when absent. */
  readonly loginShell?: string;
  /**
   * More lines for sshd_config: `MaxSessions 1`. They come first, and with sshd the first counts.
   */
  readonly config?: readonly string[];
  /** Path of another name of sshd: PAM's rules for it are those of that name. */
  readonly program?: string;
}

/** Why there is no real sshd to test with; undefined when there is. */
export function missingSshd(): string | undefined {
  if (sshdPath() === undefined) return "no sshd on this machine (Debian package openssh-server)";
  if (Bun.which("ssh") === null) return "no ssh on this machine (Debian package openssh-client)";
  return undefined;
}

/** Where a shell is, or why a suite that needs it cannot run. */
export function loginShell(name: string): { path?: string; missing?: string } {
  const path = Bun.which(name);
  return path === null
    ? { missing: `no ${name} on this machine (Debian package ${name})` }
    : { path };
}

/** Ready for connections when it returns. Disposing ends the server and every session it has. */
export async function startSshd(options: SshdOptions = {}): Promise<SshServer> {
  const sshd = options.program ?? sshdPath();
  if (sshd === undefined) throw new Error(missingSshd());
  const files = makeSshFiles();
  const port = await freePort();
  files.writeConfig(port);
  const config = join(files.dir, "sshd_config");
  const log = join(files.dir, "sshd.log");
  writeFileSync(config, serverConfig(files, port, options));
  // Where sshd was never started the folder of its privilege separation does not exist.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const guard = Bun.spawn(["/bin/sh", "-c", GUARD, log, sshd, "-D", "-e", "-f", config], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const server = Number(new TextDecoder().decode((await guard.stdout.getReader().read()).value));
  // It goes on without its guard, too, when a test times out.
  keep(server);
  const stop = async () => {
    // First the guard, which must not live to kill a pid that is another process's by then.
    guard.kill("SIGKILL");
    await guard.exited;
    const sessions = descendants(server).filter(({ command }) => command.startsWith("sshd"));
    terminate(server);
    while (isRunning(server)) await Bun.sleep(5);
    for (const { pid } of sessions) terminate(pid);
    files.remove();
  };
  if (!(await answers(port, () => isRunning(server)))) {
    const said = existsSync(log) ? readFileSync(log, "utf8").trim() : "";
    await stop();
    throw new Error(`sshd does not answer: ${said}`);
  }
  return { configPath: files.configPath, port, host: HOST, [Symbol.asyncDispose]: stop };
}

function serverConfig(files: SshFiles, port: number, options: SshdOptions): string {
  const { loginShell: shell, config = [] } = options;
  const hasOwnStartups = config.some((line) => line.startsWith("MaxStartups "));
  const lines = [
    ...config,
    "ListenAddress 127.0.0.1",
    `Port ${String(port)}`,
    `HostKey ${files.hostKey.path}`,
    `AuthorizedKeysFile ${files.userKey.path}.pub`,
    "PidFile none",
    "StrictModes no",
    "UsePAM no",
    "UseDNS no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin yes",
    // Of this option the last line counts.
    ...(hasOwnStartups ? [] : ["MaxStartups 200"]),
    "MaxSessions 100",
    "PrintMotd no",
    "PrintLastLog no",
    // Debian's bash reads ~/.bashrc for ssh commands unless SHLVL says that it is nested.
    `SetEnv SHLVL=7 HOME=${files.home} ECONTEXT_TEST_RUN=${RUN_ID}`,
    // The account's shell runs this line: `"$…"` is one word in every one of them.
    ...(shell === undefined ? [] : [`ForceCommand exec ${shell} -c "$SSH_ORIGINAL_COMMAND"`]),
  ];
  return `${lines.join("\n")}\n`;
}

/** sshd insists on being started by its absolute path. */
function sshdPath(): string | undefined {
  const path = Bun.which("sshd", {
    PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/local/sbin`,
  });
  return path ?? undefined;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function answers(port: number, alive: () => boolean): Promise<boolean> {
  const until = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < until && alive()) {
    const up = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => socket.end("\r\n"));
      socket.once("data", () => resolve(true));
      socket.once("close", () => resolve(false));
      socket.once("error", () => resolve(false));
    });
    if (up) return true;
    await Bun.sleep(10);
  }
  return false;
}

function terminate(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch {
    // It went by itself.
  }
}
