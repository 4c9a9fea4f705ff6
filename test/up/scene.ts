/**
 * A real sshd, a runtime folder of its own, and commands that are run with and without what
 * `econtext up` keeps.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ECONTEXT } from "../cli/econtext.ts";
import { isRunning } from "../helpers/leaks.ts";
import { soon } from "../helpers/soon.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { startSshd } from "../helpers/sshd.ts";

export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
  readonly signal: string | null;
  /** Files that it has made. */
  readonly made?: string;
}

export interface RunOptions {
  /** In a file, unless it is to be in a pipe. */
  readonly input?: string;
  readonly pipe?: boolean;
  /** A redirection of the shell's, for an input of another kind. */
  readonly redirect?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

export class Scene implements AsyncDisposable {
  readonly server: SshServer;
  readonly folder: string;
  readonly env: Record<string, string | undefined>;

  /** @param config more lines for the server */
  static async open(config: readonly string[] = []): Promise<Scene> {
    const usual = ["MaxSessions 300", "MaxStartups 300"];
    return new Scene(await startSshd({ config: [...config, ...usual] }));
  }

  private constructor(server: SshServer) {
    this.server = server;
    this.folder = mkdtempSync(join(tmpdir(), "econtext-up-"));
    this.env = {
      ...process.env,
      ECONTEXT_SSH_CONFIG: server.configPath,
      XDG_RUNTIME_DIR: this.folder,
      ECONTEXT_UP: undefined,
      NO_COLOR: "1",
    };
  }

  get host(): string {
    return this.server.host;
  }

  get socket(): string {
    return join(this.folder, "econtext", "up.sock");
  }

  /** The whole command line. */
  argv(args: readonly string[]): string[] {
    return [...ECONTEXT, ...args];
  }

  start(args: readonly string[], options: RunOptions = {}) {
    const { input, pipe, redirect, env = {}, cwd = this.folder } = options;
    const command = [...ECONTEXT, ...args];
    const script = redirect === undefined ? 'cat | "$@"' : `"$@" ${redirect}`;
    const isPlain = pipe !== true && redirect === undefined;
    return Bun.spawn(isPlain ? command : ["sh", "-c", script, "sh", ...command], {
      cwd,
      env: { ...this.env, ...env },
      stdio: [input === undefined ? "ignore" : new Blob([input]), "pipe", "pipe"],
    });
  }

  async run(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    await using child = this.start(args, options);
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    await child.exited;
    const { exitCode: status, signalCode: signal } = child;
    return { stdout, stderr, status, signal: signal === null ? null : String(signal) };
  }

  /** The pid of the process that keeps connections; undefined: there is none. */
  daemon(): number | undefined {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    const read = (pid: string, file: string): string => {
      try {
        return readFileSync(`/proc/${pid}/${file}`, "latin1");
      } catch {
        return "";
      }
    };
    const own = `XDG_RUNTIME_DIR=${this.folder}\0`;
    const isOurs = (pid: string): boolean =>
      read(pid, "cmdline").includes("--daemon=") && read(pid, "environ").includes(own);
    const pid = pids.find(isOurs);
    return pid === undefined ? undefined : Number(pid);
  }

  /** Contexts that are kept, as `ps` tells. */
  async kept(): Promise<readonly { readonly target: string; readonly [key: string]: unknown }[]> {
    const { stdout } = await this.run(["ps", "--json"]);
    return stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pid = this.daemon();
    await this.run(["down"]);
    await soon(() => pid === undefined || !isRunning(pid));
    await this.server[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
