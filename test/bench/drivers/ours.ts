/**
 * econtext, driven for the bench through what a program imports: nothing here that a user could not
 * write.
 */
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Broker, type Context } from "../../../src/index.ts";
import type { Place } from "../driver.ts";
import { memoryMb } from "../proc.ts";
import { firstHost, hosts, runtimes, serve } from "./loop.ts";

const open = (): Broker =>
  new Broker({
    roots: [import.meta.dirname, process.env.BENCH_PACKAGE ?? import.meta.dirname],
    onLog: (record) => process.stderr.write(`${JSON.stringify(record)}\n`),
  });
let broker = open();
const GROWS_BY = 20;
/** `far`: the module with functions for the bench alone. */
const held: { readonly context: Context; readonly simple: string; readonly far: string }[] = [];

/** The call that costs the far side least. */
function simplest({ runs = "python" }: Place): string {
  return runs === "python" ? "os.getpid" : "Date.now";
}

function farsideOf({ runs = "python" }: Place): string {
  return runs === "python" ? "farside" : join(import.meta.dirname, "farside.js");
}

async function start(to: Place, host = firstHost): Promise<Context> {
  const { runs = "python" } = to;
  const options = { kind: runs, [runs]: runtimes[runs] };
  if (to.kind === "local") {
    const { interpreter = runtimes[runs] } = to;
    return broker.connect("local", { ...options, [runs]: interpreter });
  }
  if (to.kind === "behind") {
    const hop = await broker.connect("local", { kind: to.hop, [to.hop]: runtimes[to.hop] });
    return hop.connect("local", options);
  }
  if (to.kind === "path") {
    const number = host.replace(/\D/g, "");
    const ssh = { options: ["-F", to.config] };
    return broker.connect(to.path.replaceAll("#", number), { ...options, ssh });
  }
  return broker.connect(host, {
    ...options,
    ssh: { program: to.program, options: ["-F", to.config] },
  });
}

/** Hops are kept for a while, for what comes next: each measurement opens its own. */
async function forgetHops({ kind }: Place): Promise<void> {
  if (kind !== "path") return;
  await broker.close();
  broker = open();
}

/** Has a host look first for this interpreter of JavaScript. @returns what undoes that */
function prefer(runs: "node" | "bun"): () => void {
  const { PATH = "" } = process.env;
  const folder = mkdtempSync(join(tmpdir(), "econtext-bench-path-"));
  symlinkSync(runtimes[runs], join(folder, runs));
  process.env.PATH = [folder, dirname(runtimes.python), "/usr/bin", "/bin"].join(":");
  return () => {
    process.env.PATH = PATH;
    rmSync(folder, { recursive: true });
  };
}

function current() {
  const last = held.at(-1);
  if (last === undefined) throw new Error("no context is open");
  return last;
}

await serve("econtext", {
  async connect({ to }) {
    const begin = performance.now();
    const context = await start(to);
    await context.call(simplest(to));
    const ms = performance.now() - begin;
    await context.close();
    await forgetHops(to);
    return { ms };
  },

  async open({ to }) {
    const context = await start(to);
    const simple = simplest(to);
    held.push({ context, simple, far: farsideOf(to) });
    await context.call(simple);
    return { pid: (await context.ready()).pid };
  },

  async close() {
    for (const { context } of held.splice(0)) await context.close();
    return {};
  },

  async calls({ n }) {
    const { context, simple } = current();
    const us: number[] = [];
    for (let i = 0; i < n; i++) {
      const begin = performance.now();
      await context.call(simple);
      us.push((performance.now() - begin) * 1e3);
    }
    return { us };
  },

  /** `window` loops that share a count: that many calls are outstanding until the last few. */
  async pipelined({ n, window }) {
    const { context, simple } = current();
    let left = n;
    const begin = performance.now();
    const loop = async (): Promise<void> => {
      while (left-- > 0) await context.call(simple);
    };
    await Promise.all(Array.from({ length: window }, loop));
    return { perSecond: (n * 1e3) / (performance.now() - begin) };
  },

  async bulk({ bytes, n }) {
    const { context, far } = current();
    await context.call(`${far}:size`, new Uint8Array(1));
    const data = new Uint8Array(bytes);
    // getRandomValues fills at most 64 KiB at once.
    for (let at = 0; at < bytes; at += 65536) {
      crypto.getRandomValues(data.subarray(at, Math.min(at + 65536, bytes)));
    }
    const begin = performance.now();
    const calls = Array.from({ length: n }, () => context.call(`${far}:size`, data));
    const sizes = await Promise.all(calls);
    const ms = performance.now() - begin;
    if (sizes.some((size) => size !== bytes)) throw new Error(`${String(sizes)} bytes arrived`);
    return { ms };
  },

  async results({ bytes, n }) {
    const { context, far } = current();
    await context.call(`${far}:prepare`, bytes);
    const begin = performance.now();
    const calls = Array.from({ length: n }, () => context.call(`${far}:prepared`));
    const results = (await Promise.all(calls)) as Uint8Array[];
    const ms = performance.now() - begin;
    if (results.some(({ length }) => length !== bytes)) throw new Error("other results arrived");
    return { ms };
  },

  async fan({ to, n, module }) {
    const call = module === undefined ? simplest(to) : `${module}:run`;
    const begin = performance.now();
    const contexts = await Promise.all(
      hosts(n).map(async (host) => {
        const context = await start(to, host);
        await context.call(call);
        return context;
      }),
    );
    const ms = performance.now() - begin;
    await Promise.all(contexts.map((context) => context.close()));
    await forgetHops(to);
    return { ms };
  },

  async grow({ to, n }) {
    // As many at a time as a run on many targets has.
    for (let at = 0; at < n; at += GROWS_BY) {
      const contexts = hosts(Math.min(GROWS_BY, n - at)).map(async (host) => {
        const context = await start(to, host);
        await context.call(simplest(to));
        held.push({ context, simple: simplest(to), far: farsideOf(to) });
      });
      await Promise.all(contexts);
    }
    await Bun.sleep(300);
    Bun.gc(true);
    return { kilobytes: memoryMb(process.pid, "Pss") * 1024 };
  },

  async second({ to: { runs = "python" }, module }) {
    const isPython = runs === "python";
    const names = ["node:os.hostname", "os:getpid"] as const;
    const [first, second] = isPython ? names : names.toReversed();
    const restore = prefer(isPython ? (module as "node" | "bun") : runs);
    const context = await broker.connect("local");
    try {
      await context.call(first);
      // What follows the first answer is over.
      await Bun.sleep(50);
      const begin = performance.now();
      await context.call(second);
      const ms = performance.now() - begin;
      // A round trip is that of a slave at rest: a Node.js starts its worker after the first call.
      await Bun.sleep(100);
      await context.call(second);
      const answered = performance.now();
      await context.call(second);
      return { ms, tripMs: performance.now() - answered };
    } finally {
      restore();
      await context.close();
    }
  },

  async first({ to, module }) {
    const begin = performance.now();
    const context = await start(to);
    const total = await context.call(`${module}:run`);
    const ms = performance.now() - begin;
    await context.close();
    return { ms, total };
  },

  async import({ module }) {
    const { context } = current();
    const begin = performance.now();
    const total = await context.call(`${module}:run`);
    return { ms: performance.now() - begin, total };
  },
});
await broker.close();
