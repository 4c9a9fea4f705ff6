/** Broker: options are checked before anything starts, defaults, and the end of all contexts. */
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Broker } from "../../src/broker/broker.ts";
import type { ConnectOptions } from "../../src/context/connect-options.ts";
import { DisconnectError } from "../../src/errors.ts";

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "it did not fail",
    (error: { code?: unknown }) => error.code,
  );
}

describe("options", () => {
  const wrong: readonly (readonly [string, ConnectOptions, string])[] = [
    ["local", { deadline: -1 }, "ERR_USAGE_DEADLINE"],
    ["local", { deadline: Number.NaN }, "ERR_USAGE_DEADLINE"],
    ["-oProxyCommand=x", {}, "ERR_USAGE_TARGET"],
    ["", {}, "ERR_USAGE_TARGET"],
    ["local", { kind: "perl" as "bun" }, "ERR_USAGE_KIND"],
    ["local", { python: "a", node: "b" }, "ERR_USAGE_KIND"],
    ["local", { kind: "node", lend: true }, "ERR_USAGE_KIND"],
    ["local", { python: "/bin/python", lend: true }, "ERR_USAGE_KIND"],
    ["local", { node: "/bin/node", lend: "/bin/bun" }, "ERR_USAGE_KIND"],
  ];
  test.each(wrong)("%j %j is refused before an id is spent", async (target, options, code) => {
    await using broker = new Broker();
    const first = await broker.connect("local");
    expect(await codeOf(broker.connect(target, options))).toBe(code);
    expect((await broker.connect("local")).id).toBe(first.id + 1);
  });

  test.each([{ graceMs: -1 }, { leaseMs: Number.NaN }])("%j of a broker", (options) => {
    expect(() => new Broker(options)).toThrow(
      expect.objectContaining({ code: "ERR_USAGE_DEADLINE" }),
    );
  });

  test("a name, or the target", async () => {
    await using broker = new Broker();
    expect((await broker.connect("local")).name).toBe("local");
    expect((await broker.connect("local", { name: "web1" })).name).toBe("web1");
  });
});

describe("with an ssh that fails", () => {
  /** Connects with a program in place of ssh. @returns its argument vector, which it prints */
  async function argvOf(defaults: ConnectOptions, own: ConnectOptions): Promise<string> {
    const dir = mkdtempSync(join(tmpdir(), "econtext-broker-"));
    const program = join(dir, "ssh");
    writeFileSync(program, '#!/bin/sh\nprintf "<%s>" "$@" | head -c 2000 >&2; exit 1\n');
    chmodSync(program, 0o700);
    await using broker = new Broker({
      defaults: { ...defaults, ssh: { program, ...defaults.ssh } },
    });
    const context = await broker.connect("web1", own);
    const error = await context.ready().then(
      () => new Error("it became ready"),
      (reason: Error) => reason,
    );
    rmSync(dir, { recursive: true });
    return (error as Error & { report?: { said: string } }).report?.said ?? error.message;
  }

  test("options of the call stand before the defaults", async () => {
    const said = await argvOf(
      { ssh: { options: ["-p", "1"] } },
      { ssh: { options: ["-p", "2"], interactive: false } },
    );
    expect(said).toContain("<-p><2><-p><1>");
    expect(said).toContain("<BatchMode=yes>");
  });

  test("a kind replaces all defaults that choose one", async () => {
    const byDefault = await argvOf({ python: "/no/python" }, {});
    expect(byDefault).toContain("/no/python");
    const own = await argvOf({ python: "/no/python" }, { bun: "/no/bun" });
    expect(own).toContain("/no/bun");
    expect(own).not.toContain("/no/python");
  });
});

describe("the end", () => {
  test("a closed broker opens nothing, and closing is idempotent", async () => {
    const broker = new Broker();
    const context = await broker.connect("local");
    const closing = broker.close();
    expect(broker.close()).toBe(closing);
    await closing;
    expect(await codeOf(broker.connect("local"))).toBe("ERR_USAGE_CLOSED");
    expect(await codeOf(context.call("os.getpid"))).toBe("ERR_DISCONNECT_CLOSED");
  });

  test("by force, each context gets the reason", async () => {
    const broker = new Broker();
    const contexts = [await broker.connect("local"), await broker.connect("local")];
    const calls = contexts.map((context) => codeOf(context.call("time.sleep", 60)));
    await contexts[0]?.ready();
    await broker.sever(new DisconnectError("ERR_DISCONNECT_FORCED", "enough"));
    expect(await Promise.all(calls)).toEqual(["ERR_DISCONNECT_FORCED", "ERR_DISCONNECT_FORCED"]);
    await broker.close();
  });
});

describe("a broker beside another", () => {
  const whoami = (): number => process.pid;

  test("opens contexts in one that the other keeps, with logs of its own, and closes its own", async () => {
    const heard: string[] = [];
    await using keeper = new Broker({ onLog: ({ context }) => void heard.push(`kept ${context}`) });
    const hop = await keeper.connect("local");
    const { pid } = await hop.ready();
    const kept = { exchange: keeper.exchange, find: () => ({ steps: 1, id: hop.id }) };
    const said: string[] = [];
    const beside = new Broker({ kept, onLog: ({ message }) => void said.push(message) });
    const context = await beside.connect("local", { kind: "bun", bun: process.execPath });
    const own = await context.call(whoami);
    expect(own).not.toBe(pid);
    expect(String(context.name)).toBe("local");
    await context.call(() => console.log("from beside"));
    await beside.close();
    expect({ said, heard }).toEqual({ said: ["from beside"], heard: [] });
    await expect(context.call(whoami)).rejects.toThrow("the context was closed");
    expect((await hop.ready()).pid).toBe(pid);
    expect(await hop.ping()).toBeGreaterThan(0);
    expect(await hop.exec(["echo", "still"]).stdout.text()).toBe("still\n");
  });

  test("gives a slave back that was lent, after its calls", async () => {
    await using keeper = new Broker();
    const hop = await keeper.connect("local");
    const slave = await hop.connect("local", { kind: "python", name: "local" });
    const { pid } = await slave.ready();
    const part = { steps: 1, id: hop.id, lent: slave.id };
    for (const word of ["one", "two"]) {
      const beside = new Broker({ kept: { exchange: keeper.exchange, find: () => part } });
      const context = await beside.connect("local");
      expect((await context.ready()).pid).toBe(pid);
      const command = context.exec(["sh", "-c", `sleep 0.2; echo ${word}`]);
      const text = command.stdout.text();
      await beside.close();
      expect(await text).toBe(`${word}\n`);
      expect(() => context.exec(["true"])).not.toThrow();
      await expect(context.exec(["true"]).exited).rejects.toThrow("the context was closed");
    }
    expect(await slave.call("os.getpid")).toBe(pid);
  });
});
