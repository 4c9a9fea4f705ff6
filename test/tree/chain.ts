/**
 * A chain of contexts in a laboratory, with work at its end and an honest neighbour at each hop:
 * what the fault table breaks, and looks at.
 *
 *     bastion ── web1 ── sudo:root ── podman:app     each opened through the one before
 *        └ web3     └ local    └ local               neighbours
 */
import { readdirSync, readFileSync } from "node:fs";
import { Broker, type ConnectOptions, type Context, EcontextError } from "../../src/index.ts";
import { SOON_MS } from "../helpers/soon.ts";
import type { Lab, Name } from "../lab/lab.ts";

/** The words of the path, and the host that each one's slave runs on. */
export const WAY: readonly (readonly [word: string, host: Name])[] = [
  ["bastion", "bastion"],
  ["web1", "web1"],
  ["sudo:root", "web1"],
  ["podman:app", "web1"],
];
const NEIGHBOURS = ["web3", "local", "local"] as const;
const POLL_MS = 20;

export interface ChainOptions {
  readonly kind: "python" | "bun";
  /** Where the chain ends: the number of its hops. */
  readonly length?: number;
  readonly leaseMs: number;
  readonly graceMs?: number;
}

/** How a promise was settled, and when. */
export interface Outcome {
  readonly code: string;
  readonly message: string;
  readonly at: number;
}

export class Chain implements AsyncDisposable {
  readonly lab: Lab;
  readonly broker: Broker;
  /** The contexts of the way, the first one first. */
  readonly contexts: Context[] = [];
  /** The neighbour that is opened through each context but the last. */
  readonly neighbours: Context[] = [];
  readonly kind: ChainOptions["kind"];
  /** No other command has this argument. */
  readonly mark = `1000.${String(process.pid)}${String(Math.floor(Math.random() * 1e9))}`;

  private constructor(lab: Lab, { kind, leaseMs, graceMs = 1000 }: ChainOptions) {
    this.lab = lab;
    this.kind = kind;
    const ssh = { options: ["-F", lab.configPath] };
    this.broker = new Broker({ leaseMs, graceMs, defaults: { ssh } });
  }

  static async open(lab: Lab, options: ChainOptions): Promise<Chain> {
    const chain = new Chain(lab, options);
    try {
      await chain.#open(options.length ?? WAY.length);
      return chain;
    } catch (error) {
      await chain.broker.close();
      throw error;
    }
  }

  async #open(length: number): Promise<void> {
    const options: ConnectOptions = { kind: this.kind };
    for (const [word] of WAY.slice(0, length)) {
      const last = this.contexts.at(-1);
      const next = await (last ?? this.broker).connect(word, options);
      this.contexts.push(next);
    }
    for (const [at, word] of NEIGHBOURS.slice(0, length - 1).entries()) {
      const through = this.contexts[at];
      if (through !== undefined) this.neighbours.push(await through.connect(word, options));
    }
    await Promise.all([...this.contexts, ...this.neighbours].map((one) => one.ready()));
  }

  get end(): Context {
    return this.at(this.contexts.length - 1);
  }

  at(position: number): Context {
    const context = this.contexts[position];
    if (context === undefined) throw new Error(`no hop ${String(position)}`);
    return context;
  }

  /** A call and a command that do not end by themselves, at the end of the chain. */
  hang(): Promise<readonly [Outcome, Outcome]> {
    const sleep = this.kind === "python" ? "time.sleep" : "Bun.sleep";
    // In this order: a Python that sleeps starts no command.
    const command = outcome(this.end.exec(["sleep", this.mark]).exited);
    const call = outcome(this.end.call(sleep, 1e6));
    return Promise.all([call, command]);
  }

  /** Waits until the command of `hang` runs. */
  async isHung(): Promise<void> {
    while (commands(this.mark) === 0) await Bun.sleep(POLL_MS);
  }

  /** Waits until the command of `hang` runs no more. @returns milliseconds */
  async isQuiet(withinMs: number): Promise<number> {
    const began = performance.now();
    while (commands(this.mark) > 0) {
      const took = performance.now() - began;
      if (took > withinMs) throw new Error(`its command still runs after ${String(withinMs)} ms`);
      await Bun.sleep(POLL_MS);
    }
    return performance.now() - began;
  }

  /**
   * The process of a context as this machine sees it. Process ids there are those of the host's, or
   * of the container's, namespace.
   */
  async pidOf(position: number): Promise<number> {
    const [, host = "bastion"] = WAY[position] ?? [];
    const { pid } = await this.at(position).ready();
    const depth = position === WAY.length - 1 ? 3 : 2;
    const found = this.lab
      .host(host)
      .strays()
      .filter((one) => {
        const pids = namespacePids(one.pid);
        return pids.length === depth && pids.at(-1) === pid;
      });
    const [only] = found;
    if (only === undefined || found.length !== 1) throw new Error(`no process ${String(pid)}`);
    return only.pid;
  }

  /** Neighbours that do not depend on the hop answer, and do so in time. */
  async othersAnswer(position: number): Promise<void> {
    const well = [...this.contexts.slice(0, position), ...this.neighbours.slice(0, position)];
    const answers = well.map((context) => context.ping({ deadline: SOON_MS }));
    await Promise.all(answers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker.close();
  }
}

export async function outcome(promise: Promise<unknown>): Promise<Outcome> {
  const settled = await promise.then(
    (value) => ({ code: `it returned ${String(value)}`, message: "" }),
    (error) =>
      error instanceof EcontextError
        ? { code: error.code, message: error.message }
        : { code: String(error), message: String(error) },
  );
  return { ...settled, at: performance.now() };
}

/** How many processes of this machine, in any namespace, are `sleep MARK`. */
function commands(mark: string): number {
  const sought = `sleep\0${mark}\0`;
  return readdirSync("/proc").filter((name) => /^\d/.test(name) && read(name) === sought).length;
}

function read(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** The ids of a process, from this machine's to that of its own namespace. */
function namespacePids(pid: number): number[] {
  try {
    const status = readFileSync(`/proc/${String(pid)}/status`, "utf8");
    const [, list = ""] = /^NSpid:\t(.*)$/m.exec(status) ?? [];
    return list.split("\t").map(Number);
  } catch {
    return [];
  }
}
