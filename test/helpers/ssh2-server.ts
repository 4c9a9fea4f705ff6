/**
 * A small ssh server on loopback made with `ssh2`, for machines without sshd: the real `ssh`
 * client connects to it with a throw-away key and runs commands as the present user. It does what
 * sshd does with them: `SHELL -c COMMAND` in a session of its own, on three pipes, with exit status
 * or signal; and when the connection goes it closes the pipes and kills nothing.
 *
 * Used by scripts/demo.ts too, so it imports nothing of the test runner. It has no pty, no
 * forwarding and no sftp, and is no server for anything but tests.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { userInfo } from "node:os";
import type { Readable, Writable } from "node:stream";
import {
  type AuthContext,
  type ParsedKey,
  type PublicKeyAuthContext,
  Server,
  type ServerChannel,
  utils,
} from "ssh2";
import { HOST, makeSshFiles, type SshServer } from "./ssh-files.ts";

export interface Ssh2Options {
  /** Path of the shell that runs commands. */
  readonly loginShell?: string;
  /** Added to the environment of commands, which is otherwise that of a fresh login. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Ssh2Server extends SshServer {
  /** Connections made so far. */
  readonly connections: number;
  /** Cuts every connection as a dying network or server would. */
  dropConnections(): void;
}

/** Ready for connections when it returns. */
export async function startSsh2Server(options: Ssh2Options = {}): Promise<Ssh2Server> {
  const files = makeSshFiles();
  const userKey = parse(files.userKey.public);
  const env = { ...loginEnvironment(files.home), ...options.env };
  const shell = options.loginShell ?? env["SHELL"] ?? "/bin/sh";
  const ssh = new Server({ hostKeys: [files.hostKey.private] }, (connection) => {
    connection.on("error", () => {}); // a client that dies is no error of the server's
    connection.on("authentication", (context) => authenticate(context, userKey));
    connection.on("session", (accept) => {
      accept().on("exec", (acceptExec, _reject, info) => {
        run(acceptExec(), [shell, "-c", info.command], env);
      });
    });
  });
  const live = new Set<Socket>();
  let connections = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    connections += 1;
    live.add(socket);
    socket.on("close", () => live.delete(socket));
    ssh.injectSocket(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve());
  });
  const { port } = server.address() as AddressInfo;
  files.writeConfig(port);

  const dropConnections = () => {
    for (const socket of live) socket.destroy();
  };
  return {
    configPath: files.configPath,
    port,
    host: HOST,
    get connections() {
      return connections;
    },
    dropConnections,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      dropConnections();
      await closed;
      files.remove();
    },
  };
}

function authenticate(context: AuthContext, userKey: ParsedKey): void {
  if (context.method !== "publickey") context.reject(["publickey"]);
  else if (isSigned(context, userKey)) context.accept();
  else context.reject();
}

function isSigned(context: PublicKeyAuthContext, userKey: ParsedKey): boolean {
  if (!userKey.getPublicSSH().equals(context.key.data)) return false;
  // Without a signature the client only asks whether the key would do.
  if (context.signature === undefined || context.blob === undefined) return true;
  return userKey.verify(context.blob, context.signature, context.hashAlgo) === true;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

function run(
  channel: ServerChannel,
  [shell = "/bin/sh", ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
): void {
  const child: Child = spawn(shell, args, {
    env,
    cwd: "/",
    stdio: ["pipe", "pipe", "pipe"],
    detached: true, // a session of its own: Ctrl-C on our terminal is not for it
  });
  channel.pipe(child.stdin);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  // It may read nothing, or no more: what still comes is thrown away, as sshd does.
  child.stdin.on("error", () => {
    channel.unpipe(child.stdin);
    channel.resume();
  });
  child.on("error", () => finish(channel, 127, null));
  // `close` is after the exit and after the last byte of both outputs.
  child.on("close", (code, signal) => finish(channel, code, signal));
  channel.on("close", () => {
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.destroy();
  });
}

function finish(channel: ServerChannel, code: number | null, signal: NodeJS.Signals | null): void {
  if (signal === null) channel.exit(code ?? 255);
  else channel.exit(signal.replace(/^SIG/, ""), false, "");
  // Closing forgets what waits for the client's window: both outputs must be through before.
  channel.stderr.end(() => channel.end());
}

/**
 * The shell of a service's or container's account often only says no, and may not be set at all.
 */
function userShell(): string {
  const shell = process.env["SHELL"] ?? "";
  return /^\/.*(?<!\/nologin|\/false)$/.test(shell) ? shell : "/bin/sh";
}

function loginEnvironment(home: string): Record<string, string> {
  // Bun takes it from USER, and says `unknown` where that is not set.
  const { username } = userInfo();
  // pyenv's shims need the user's home, which is not the one that commands are given.
  const folders = (process.env["PATH"] ?? "").split(":").filter((dir) => !dir.endsWith("/shims"));
  const run = process.env["ECONTEXT_TEST_RUN"];
  return {
    USER: username,
    LOGNAME: username,
    HOME: home,
    SHELL: userShell(),
    PATH: folders.join(":"),
    // Debian's bash reads ~/.bashrc for ssh commands unless SHLVL says that it is nested.
    SHLVL: "7",
    ...(run === undefined ? {} : { ECONTEXT_TEST_RUN: run }),
  };
}

function parse(publicKey: string): ParsedKey {
  const key = utils.parseKey(publicKey);
  if (key instanceof Error) throw key;
  return Array.isArray(key) ? (key[0] as ParsedKey) : key;
}
