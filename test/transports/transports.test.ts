/**
 * What every transport has in common, with the real programs: a slave starts behind a question or
 * without one, gets each byte, ends and is killed without leaving anything, and each failure has
 * its error. The table is in rows.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { readConfiguration } from "../../src/config/configuration.ts";
import { Broker, type ConnectOptions, type Context, type EcontextError } from "../../src/index.ts";
import { descendants, type Marked } from "../helpers/leaks.ts";
import { suite } from "../helpers/skip.ts";
import { soon } from "../helpers/soon.ts";
import { Lab, missingLab } from "../lab/lab.ts";
import { CONFIGURATION, DIRECT, ROWS, type Row } from "./rows.ts";

const PASSWORD = "correct horse";
const PYTHON: ConnectOptions = { kind: "python", python: "/usr/bin/python3" };
/** What the hop has started, and the slave, which may be the same. */
type Kill = "first" | "slave";
const KILLS = [
  ["the program that leads there", "first"],
  ["the slave", "slave"],
] as const;
const BUN: ConnectOptions = { kind: "bun", bun: "/usr/local/bin/bun" };

suite("transports", missingLab(), "lab", () => {
  let lab: Lab;
  let broker: Broker;
  /** Contexts on the hosts that transports start from, by their words. */
  const hops = new Map<string, Context>();

  beforeAll(async () => {
    lab = await Lab.open({ machines: ["web1", "web2"], password: PASSWORD });
    broker = new Broker(readConfiguration("test", CONFIGURATION));
    // One host is reached by the embedded ssh: transports start behind it as behind any other.
    const options = ["-F", lab.jumpConfigPath, "-o", "ProxyJump=bastion", "-o", "User=root"];
    const ways = {
      web1: broker.connect(`nsenter:${String(lab.host("web1").pid)}`, PYTHON),
      web2: broker.connect("web2", { ...PYTHON, ssh: { engine: "embedded", options } }),
    };
    for (const host of ["web1", "web2"] as const) {
      const bare = "mkdir /bare && ln -s /bin/sh /usr/bin/python3 /usr/bin/env /bare";
      await lab.host(host).run(["sh", "-c", bare]);
      const base = await ways[host];
      hops.set(host, base);
      for (const via of ["runuser:ada", "runuser:bea", "bare"]) {
        hops.set(`${host}/${via}`, await base.connect(via, PYTHON));
      }
    }
    await Promise.all([...hops.values()].map((hop) => hop.ready()));
  });
  afterAll(async () => {
    await broker?.close();
    await lab?.[Symbol.asyncDispose]();
  });

  const hop = (host: string, via?: string): Context =>
    hops.get(via === undefined ? host : `${host}/${via}`) as Context;
  const connect = (row: Row, options: ConnectOptions): Promise<Context> =>
    hop(row.host, row.via).connect(row.word, {
      ...options,
      ...(row.asks === true ? { password: () => PASSWORD } : {}),
    });

  /**
   * All processes of contexts. A container's are no descendants of this process. If podman is
   * killed, podman itself tidies up after five minutes.
   */
  function processes(): Map<string, Marked> {
    const all = [...descendants(process.pid), ...lab.strays()].filter(
      ({ command }) => !/\/conmon |^\/usr\/bin\/podman .* container cleanup /.test(command),
    );
    return new Map(all.map((one) => [`${String(one.pid)} ${one.started}`, one]));
  }

  /** @returns what has come since, the first of it being what the hop has started */
  function since(old: ReadonlyMap<string, Marked>): Marked[] {
    const fresh = [...processes()].filter(([key]) => !old.has(key)).map(([, one]) => one);
    const pids = new Set(fresh.map(({ pid }) => pid));
    return fresh.sort((a, b) => Number(pids.has(a.parent)) - Number(pids.has(b.parent)));
  }

  /** @param old what ran before the context was opened */
  async function kill(context: Context, which: Kill, old: ReadonlyMap<string, Marked>) {
    const pid = await context.call("os.getpid");
    const waiting = context.exec(["sleep", "1000"]).exited.catch((reason: unknown) => reason);
    await soon(() => since(old).some(({ command }) => command.startsWith("sleep 1000")));
    const fresh = since(old);
    const slave = fresh.find((one) => one.command.startsWith("econtext") && seenAs(one) === pid);
    const victim = which === "first" ? fresh[0] : slave;
    process.kill((victim as Marked).pid, "SIGKILL");
    expect(await waiting).toMatchObject({ code: "ERR_DISCONNECT_LOST" });
  }

  describe.each(ROWS.map((row) => [row.name, row] as const))("%s", (_name, row) => {
    test("starts, carries every byte and status, and leaves nothing", async () => {
      const old = processes();
      const bytes = Uint8Array.from({ length: 1 << 20 }, (_zero, at) => (at * 7 + (at >> 8)) & 255);
      for (const options of row.isWide === true ? [PYTHON, BUN] : [PYTHON]) {
        const context = await connect(row, options);
        const copied = context.exec(["cat"], { stdin: bytes }).stdout.bytes();
        const who = context.exec(["sh", "-c", "id -un; cat /etc/hostname"]).stdout.text();
        expect((await who).split("\n")[0]).toBe(row.user);
        if (row.isInside !== true) expect(await who).toContain(row.host);
        expect(Buffer.compare(await copied, bytes)).toBe(0);
        for (const status of [0, 7, 255]) {
          const command = context.exec(["sh", "-c", `exit ${String(status)}`]);
          expect((await command.exited).status).toBe(status);
        }
        await context.close();
        await soon(() => since(old).length === 0);
      }
    });

    test("carries a context behind it", async () => {
      const context = await connect(row, PYTHON);
      const inner = await context.connect("local", PYTHON);
      expect(await inner.call("os.getppid")).toBeNumber();
      await inner.close();
      await context.close();
    });

    test("an interpreter that is not there is told as such", async () => {
      const context = await connect(row, { kind: "python", python: "/absent/python" });
      expect(await failureOf(context)).toMatchObject({ code: "ERR_BOOTSTRAP_NO_INTERPRETER" });
    });

    test.each(KILLS)("%s is killed: callers are told, and nothing is left", async (_, which) => {
      const old = processes();
      await kill(await connect(row, PYTHON), which, old);
      await soon(() => since(old).length === 0);
    });

    test.each(row.faults.map((fault) => [...fault]))("%s: %s", async (words, code) => {
      const old = processes();
      const [, via, word = ""] = /^(?:(.*)\/)?([^/]+)$/.exec(words) ?? [];
      const context = await hop(row.host, via).connect(word, PYTHON);
      expect(await failureOf(context)).toMatchObject({ code });
      await soon(() => since(old).length === 0);
    });
  });

  test.each(ROWS.filter(({ asks }) => asks).map((row) => [row.name, row] as const))(
    "%s that is wrong",
    async (_name, { host, via = "", word }) => {
      // The other broker remembers the right one.
      await using own = new Broker();
      const base = await own.connect(`nsenter:${String(lab.host(host).pid)}`, PYTHON);
      const before = await base.connect(via, PYTHON);
      const context = await before.connect(word, { ...PYTHON, password: () => "wrong" });
      expect((await failureOf(context)).code).toStartWith("ERR_TRANSPORT_PASSWORD_");
    },
  );

  describe.each(DIRECT)("%s on this machine", (word, user) => {
    test("starts and is closed", async () => {
      const old = processes();
      const context = await broker.connect(word, PYTHON);
      expect(await context.exec(["id", "-un"]).stdout.text()).toBe(`${user}\n`);
      await context.close();
      await soon(() => since(old).length === 0);
    });

    test.each(KILLS)("%s is killed: callers are told, and nothing is left", async (_, which) => {
      const old = processes();
      await kill(await broker.connect(word, PYTHON), which, old);
      await soon(() => since(old).length === 0);
    });
  });

  test("nothing is left on any host", async () => {
    await broker.close();
    await soon(() => processes().size === 0);
  });
});

/** @returns the code and the message of why there is no slave */
async function failureOf(context: Context): Promise<{ code: string; message: string }> {
  const error = await context.ready().then(
    () => new Error("it has opened"),
    (reason: unknown) => reason as EcontextError,
  );
  return { code: "code" in error ? error.code : "", message: error.message };
}

/** @returns the process id as the process itself sees it, in its namespace */
function seenAs({ pid }: Marked): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, "utf8");
  return Number(/^NSpid:.*?(\d+)$/m.exec(status)?.[1]);
}
