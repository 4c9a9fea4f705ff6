/**
 * The laboratory: what the measurements share, and what has to be gone afterwards.
 *
 * Owns a temporary folder, a private sshd, the delaying proxy, the stand-ins for `ssh` and the
 * drivers' processes. Knows nothing of what is measured. Disposing ends all of it, and so does the
 * death of this process (each child holds a pipe).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NODES, nodeOf } from "../helpers/javascripts.ts";
import { Driver, type Place } from "./driver.ts";
import { writePackage } from "./package.ts";
import { childrenSeconds } from "./proc.ts";
import { type Sshd, startSshd, writeClientConfig } from "./sshd.ts";

export const ONE_WAY_MS = 25;
export const PEERS = ["ours", "mitogen", "execnet", "plain"] as const;
export type PeerName = (typeof PEERS)[number];

export class Lab implements AsyncDisposable {
  readonly quick: boolean;
  /** One line each: what could not be measured, and why. */
  readonly notes: string[] = [];
  readonly versions: Partial<Record<PeerName, string>> = {};
  readonly #dir = mkdtempSync(join(tmpdir(), "econtext-bench-"));
  readonly #drivers = new Set<Driver>();
  readonly python = process.env.BENCH_PYTHON ?? "/usr/bin/python3";
  /** The newest Node.js of test/nodes, or the one on PATH. */
  readonly node = process.env.BENCH_NODE ?? newestNode() ?? Bun.which("node") ?? undefined;
  #sshd: Sshd | undefined;
  readonly #proxies: ChildProcess[] = [];
  #slow: Place | undefined;

  private constructor(quick: boolean) {
    this.quick = quick;
  }

  static async open(quick: boolean): Promise<Lab> {
    const lab = new Lab(quick);
    try {
      writePackage(join(lab.#dir, "package"));
      mkdirSync(lab.#counts);
      const server = Bun.which("sshd", {
        PATH: `${process.env.PATH ?? ""}:/usr/sbin:/usr/local/sbin`,
      });
      if (server === null || Bun.which("ssh") === null) {
        lab.note("no sshd or no ssh here: nothing over ssh is measured");
        return lab;
      }
      lab.#sshd = await startSshd(join(lab.#dir, "sshd"), server);
      lab.#slow = await lab.away(ONE_WAY_MS);
      return lab;
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The sshd, so many milliseconds away in each direction. */
  async away(ms: number): Promise<Place> {
    const script = join(import.meta.dirname, "delay-proxy.ts");
    const proxy = spawn(process.execPath, [script, String(this.#sshd?.port), String(ms)], {
      stdio: ["pipe", "pipe", "inherit"],
      detached: true,
    });
    this.#proxies.push(proxy);
    const [line] = (await once(proxy.stdout, "data")) as [Buffer];
    const name = `ssh_config.${String(ms)}ms`;
    const config = writeClientConfig(join(this.#dir, "sshd"), name, Number(line.toString()));
    return this.#place(config, Bun.which("ssh") ?? "ssh");
  }

  /** A new empty folder, gone at the end. */
  folder(): string {
    return mkdtempSync(join(this.#dir, "folder-"));
  }

  get hasSsh(): boolean {
    return this.#sshd !== undefined;
  }

  /** Processor time of the sshd's connections that are over, at its end. */
  get serverSeconds(): number {
    return this.#sshd === undefined ? 0 : childrenSeconds(this.#sshd.pid);
  }

  readonly local: Place = { kind: "local" };

  get ssh(): Place {
    return this.#place(this.#sshd?.config ?? "", Bun.which("ssh") ?? "ssh");
  }

  /** 25 ms away, each way. */
  get slow(): Place {
    return this.#slow ?? this.ssh;
  }

  /** `ssh` replaced by a program that just runs the remote command. */
  get direct(): Place {
    return this.#place("/dev/null", join(import.meta.dirname, "bin/direct/ssh"));
  }

  /** `ssh` wrapped by one that counts: see counts(). */
  get counting(): Place {
    return this.#place(this.#sshd?.config ?? "", join(import.meta.dirname, "bin/counting/ssh"));
  }

  #place(config: string, program: string): Place {
    return { kind: "ssh", config, program };
  }

  get #counts(): string {
    return join(this.#dir, "counts");
  }

  /** What the counting ssh has seen since it was last asked. */
  takeCounts(): { command: number; in: number; out: number } {
    const total = { command: 0, in: 0, out: 0 };
    for (const file of new Bun.Glob("*[0-9]").scanSync(this.#counts)) {
      const path = join(this.#counts, file);
      const counts = JSON.parse(readFileSync(path, "utf8")) as typeof total;
      total.command += counts.command;
      total.in += counts.in;
      total.out += counts.out;
      rmSync(path);
    }
    return total;
  }

  /** Gives the work a fresh driver for each peer that the machine has, and ends them after it. */
  async withPeers<T>(
    names: readonly PeerName[],
    work: (peers: Driver[]) => Promise<T>,
  ): Promise<T> {
    const started = await Promise.all(names.map((name) => this.#start(name)));
    const peers = started.filter((driver) => driver !== undefined);
    try {
      return await work(peers);
    } finally {
      await Promise.all(
        peers.map(async (driver) => {
          await driver.end();
          this.#drivers.delete(driver);
        }),
      );
    }
  }

  async #start(name: PeerName): Promise<Driver | undefined> {
    const drivers = join(import.meta.dirname, "drivers");
    const inPython = join(drivers, `${name}_peer.py`);
    const argv = exists(inPython)
      ? [this.python, "-B", inPython]
      : [process.execPath, join(drivers, `${name}.ts`)];
    const env = {
      ...process.env,
      BENCH_PYTHON: this.python,
      BENCH_NODE: this.node ?? "",
      BENCH_PACKAGE: join(this.#dir, "package"),
      BENCH_COUNTS: this.#counts,
      BENCH_SSH: Bun.which("ssh") ?? "ssh",
    };
    try {
      const driver = await Driver.start(name, argv, env);
      this.#drivers.add(driver);
      this.versions[name] = driver.version;
      return driver;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.note(`${name} is not measured: ${why}`);
      return undefined;
    }
  }

  /** Says once what could not be measured. */
  note(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#drivers].map((driver) => driver.end()));
    for (const proxy of this.#proxies) proxy.stdin?.end();
    this.#sshd?.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

function newestNode(): string | undefined {
  return NODES.map((version) => nodeOf(version))
    .filter(({ missing }) => missing === undefined)
    .at(-1)?.path;
}

function exists(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}
