/**
 * One host of the laboratory: a process in namespaces of its own (mounts, network, processes, host
 * name), with a root that is a writeable copy of this machine's or of Debian 13, and a real sshd.
 *
 * The host ends when this process does: its first process reads a pipe that only we hold, and the
 * kernel ends everything else in a namespace whose first process has ended.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { descendants, isRunning, type Marked } from "../helpers/leaks.ts";
import { run, startDetached } from "./processes.ts";

const UNSHARE = ["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork"];
const POLL_MS = 5;

export interface HostPlan {
  readonly name: string;
  /** The folder that the host's root is a copy of. */
  readonly lower: string;
  /** The root of a podman container `app`; none by default. */
  readonly box?: string;
  /** What the host is given, by path. */
  readonly files: Readonly<Record<string, string>>;
}

export class Host implements AsyncDisposable {
  readonly name: string;
  /** The host's first process. */
  readonly pid: number;
  readonly #end: () => void;
  #own: ReadonlySet<number> = new Set();

  private constructor(name: string, pid: number, end: () => void) {
    this.name = name;
    this.pid = pid;
    this.#end = end;
  }

  /** @param dir is the laboratory's folder on this machine */
  static async start(dir: string, plan: HostPlan): Promise<Host> {
    const stage = join(dir, plan.name);
    mkdirSync(stage);
    const files = {
      ...plan.files,
      "etc/lab-setup": readFileSync(join(import.meta.dir, "setup.sh"), "utf8"),
      "etc/lab-init.py": readFileSync(join(import.meta.dir, "init.py"), "utf8"),
    };
    for (const [path, text] of Object.entries(files)) write(join(`${stage}.files`, path), text);
    if (plan.box !== undefined) write(`${stage}.box`, plan.box);
    const script = join(import.meta.dir, "host.sh");
    const argv = [...UNSHARE, "--kill-child", "sh", script, plan.name, stage, plan.lower];
    const started = await startDetached([...argv, process.execPath], `${stage}.pipe`);
    let line = await started.next();
    while (line !== undefined && !line.startsWith("up ")) line = await started.next();
    if (line === undefined) {
      started.end();
      const said = readFileSync(`${stage}.pipe.log`, "utf8").trim();
      throw new Error(`${plan.name}: no host: ${said}`);
    }
    const pid = Number(line.slice("up ".length));
    const host = new Host(plan.name, pid, () => started.end());
    host.#own = new Set(descendants(host.pid).map((one) => one.pid));
    return host;
  }

  /** Runs a command there as root, or as another user, and returns what it printed. */
  run(argv: readonly string[], input = ""): Promise<string> {
    return run([...this.inside(), ...argv], input);
  }

  /** What to put before an argument vector so that it runs there. */
  inside(): string[] {
    return ["nsenter", "-t", String(this.pid), "-m", "-u", "-i", "-n", "-p"];
  }

  /** Where this machine finds a path of the host's. */
  path(path: string): string {
    return `/proc/${String(this.pid)}/root${path}`;
  }

  /** What runs there besides the host's own: in every container and every session. */
  strays(): Marked[] {
    return descendants(this.pid).filter(({ pid }) => !this.#own.has(pid));
  }

  /** The control group of the host's container, which outlives it. */
  get box(): string | undefined {
    const id = this.path("/var/log/box.id");
    return existsSync(id) ? readFileSync(id, "utf8").trim() : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [this.pid, ...descendants(this.pid).map(({ pid }) => pid)];
    this.#end();
    while (all.some(isRunning)) await Bun.sleep(POLL_MS);
  }
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
