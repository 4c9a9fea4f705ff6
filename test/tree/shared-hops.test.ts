/** A context that a user has opened is the hop of later paths: no machine is logged in to twice. */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Broker } from "../../src/index.ts";
import { suite } from "../helpers/skip.ts";
import { SOON_MS } from "../helpers/soon.ts";
import { Lab, missingLab, type Name } from "../lab/lab.ts";

setDefaultTimeout(120_000);

const USER = "import os, pwd; print(pwd.getpwuid(os.getuid()).pw_name, end='')";
const WHO = ["python3", "-c", USER];

suite("hops of paths", missingLab(), "lab", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.open({ machines: ["web1"] });
  });
  afterAll(() => lab?.[Symbol.asyncDispose]());
  afterEach(async () => {
    await lab.emptied(SOON_MS);
  });

  const open = () => new Broker({ defaults: { ssh: { options: ["-F", lab.configPath] } } });
  const logins = (name: Name): number => {
    const log = readFileSync(lab.host(name).path("/var/log/sshd.log"), "utf8");
    return log.split("Accepted ").length - 1;
  };
  /** Logins to both machines since the last look. */
  const before = new Map<Name, number>();
  const newLogins = () =>
    (["bastion", "web1"] as const).map((name) => {
      const count = logins(name) - (before.get(name) ?? 0);
      before.set(name, logins(name));
      return count;
    });

  test("are contexts that were opened before, each machine logged in to once", async () => {
    newLogins();
    await using broker = open();
    const bastion = await broker.connect("bastion");
    const web = await bastion.connect("web1");
    const root = await broker.connect("bastion/web1/sudo:root");
    expect(root.via).toBe(web);
    expect(web.via).toBe(bastion);
    const bea = await web.connect("sudo:root/sudo:bea");
    expect(bea.via).toBe(root);
    for (const [context, user] of [
      [bastion, "ada"],
      [web, "ada"],
      [root, "root"],
      [bea, "bea"],
    ] as const) {
      expect(await context.exec(WHO).stdout.text()).toBe(user);
    }
    expect(newLogins()).toEqual([1, 1]);
  });

  test("go on when their user has closed them, and end after the last path", async () => {
    newLogins();
    await using broker = open();
    const web = await broker.connect("bastion/web1");
    const root = await broker.connect("bastion/web1/sudo:root");
    expect(await root.call("os.getuid")).toBe(0);
    const pid = await web.call("os.getpid");
    await web.close();
    await expect(web.call("os.getpid")).rejects.toThrow("the context was closed");
    expect(await root.call("os.getuid")).toBe(0);
    // A new path has a hop of its own.
    const again = await broker.connect("bastion/web1/sudo:root");
    expect(await again.call("os.getppid")).toBeNumber();
    expect(again.via).not.toBe(web);
    expect(newLogins()).toEqual([1, 2]);
    await root.close();
    const isGone = await again.call("subprocess.call", ["sh", "-c", GONE, "sh", String(pid)]);
    expect(isGone).toBe(0);
  });

  test("carry a context of the same path, without another login", async () => {
    newLogins();
    await using broker = open();
    const root = await broker.connect("bastion/web1/sudo:root");
    expect(await root.call("os.getuid")).toBe(0);
    const bun = await broker.connect("bastion/web1", { kind: "bun", name: "web" });
    const web = await broker.connect("bastion/web1");
    expect(await bun.call("process.getuid")).toBe(await web.call("os.getuid"));
    expect(web.via?.name).toBe("bastion");
    // Each is a process of its own.
    await web.close();
    await root.close();
    expect(await bun.exec(["hostname"]).stdout.text()).toBe("web1\n");
    expect(newLogins()).toEqual([1, 1]);
    const missing = await broker.connect("bastion/web1", { python: "/nope" });
    await expect(missing.ready()).rejects.toMatchObject({
      message: expect.stringMatching(/^bastion: web1: no interpreter found/),
      hop: "bastion/web1",
    });
  });

  test("are none that have options of their own", async () => {
    newLogins();
    await using broker = open();
    const others = await Promise.all([
      broker.connect("bastion/web1", { kind: "bun" }),
      broker.connect("bastion/web1", { name: "web" }),
    ]);
    for (const other of others) await other.ready();
    const root = await broker.connect("bastion/web1/sudo:root");
    expect(await root.call("os.getuid")).toBe(0);
    expect(others).not.toContain(root.via as (typeof others)[number]);
    expect(newLogins()).toEqual([1, 3]);
  });

  test("end with everything behind them, which names them", async () => {
    await using broker = open();
    const web = await broker.connect("bastion/web1");
    const root = await broker.connect("bastion/web1/sudo:root");
    expect(await root.call("os.getuid")).toBe(0);
    const waiting = root.call("time.sleep", 1000);
    web.call("os.kill", (await web.call("os.getpid")) as number, 9).catch(() => {});
    await expect(waiting).rejects.toMatchObject({
      code: "ERR_DISCONNECT_LOST",
      hop: "bastion/web1",
      message: expect.stringMatching(/^bastion\/web1: the far side ended/),
    });
    // And is opened anew by the next path.
    const next = await broker.connect("bastion/web1/sudo:root");
    expect(await next.call("os.getuid")).toBe(0);
  });
});

/** Waits until a process is gone. */
const GONE = "while kill -0 $1 2>/dev/null; do sleep 0.05; done";
