/**
 * The embedded ssh behind hops, in a laboratory: the hop makes a connection and carries bytes, and
 * the master speaks ssh with the machine behind it.
 */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Broker, type BrokerOptions, type Context } from "../../src/index.ts";
import { suite } from "../helpers/skip.ts";
import { SOON_MS } from "../helpers/soon.ts";
import { Lab, missingLab } from "../lab/lab.ts";

setDefaultTimeout(60_000);

const MIB = 1 << 20;
const whoami = ["sh", "-c", "hostname; id -un"];
const said = (context: Context, argv: readonly string[]): Promise<string> =>
  context.exec(argv).stdout.text();

suite("embedded ssh behind a hop", missingLab(), "lab", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.open({ machines: ["web1", "web2"], password: "correct horse" });
    // The hop has no key, and knows no host.
    await lab.host("bastion").run(["sh", "-c", "rm ~ada/.ssh/*"]);
  });
  afterAll(() => lab?.[Symbol.asyncDispose]());
  afterEach(async () => {
    await lab.emptied(SOON_MS);
  });

  /** @param lines of the configuration that stand for web1, before the usual ones */
  const open = (lines: readonly string[] = [], options: BrokerOptions = {}): Broker => {
    const config = join(lab.jumpConfigPath, "..", "ssh_config.own");
    const own = ["Host web1", ...lines, readFileSync(lab.jumpConfigPath, "utf8")];
    writeFileSync(config, own.join("\n"));
    const ssh = { engine: "embedded", options: ["-F", config] } as const;
    return new Broker({ ...options, defaults: { ssh } });
  };
  const logins = (): number =>
    readFileSync(lab.host("web1").path("/var/log/sshd.log"), "latin1").match(/^.*Accepted /gm)
      ?.length ?? 0;
  const failure = (context: Context): Promise<{ code: string; hop: string; message: string }> =>
    context.ready().then(
      () => {
        throw new Error(`${context.name} was opened`);
      },
      (error: unknown) => error as { code: string; hop: string; message: string },
    );

  test("each host of a path has one connection, and no hop starts an ssh", async () => {
    await using broker = open();
    const before = logins();
    const paths = ["bastion/web1", "bastion/web1-2", "bastion/web1", "bastion/web2"];
    const contexts = await Promise.all(paths.map((path) => broker.connect(path)));
    const names = await Promise.all(contexts.map((context) => said(context, whoami)));
    expect(names).toEqual(["web1\nada\n", "web1\nada\n", "web1\nada\n", "web2\nada\n"]);
    expect(logins() - before).toBe(2);
    const clients = lab.strays().filter(({ command }) => /^(?:\S*\/)?ssh /.test(command));
    expect(clients).toEqual([]);
  });

  test("behind it, users, containers, another language and further hosts", async () => {
    await using broker = open();
    const root = await broker.connect("bastion/web1/sudo:root");
    expect(await said(root, whoami)).toBe("web1\nroot\n");
    const box = await broker.connect("bastion/web1/sudo:root/podman:app");
    expect(await said(box, ["cat", "/etc/debian_version"])).toStartWith("13");
    const web1 = await broker.connect("bastion/web1");
    const [sum, name] = await Promise.all([web1.call("sum", [1, 2]), web1.call(() => typeof Bun)]);
    expect([sum, name]).toEqual([3, "object"]);
    // By another user, over the network of the hop.
    const further = await broker.connect("bastion/sudo:root/web2");
    expect(await said(further, whoami)).toBe("web2\nada\n");
  });

  for (const kind of ["python", "node", "bun"] as const) {
    test(`bytes both ways, through a hop in ${kind}`, async () => {
      await using broker = open([], { targets: { bastion: { kind } } });
      const context = await broker.connect("bastion/web1");
      const data = new Uint8Array(8 * MIB);
      for (let at = 0; at < data.length; at += 65536) {
        crypto.getRandomValues(data.subarray(at, at + 65536));
      }
      const out = await context.exec(["cat"], { stdin: data }).stdout.bytes();
      expect(Buffer.compare(out, data)).toBe(0);
    });
  }

  test("a host that does not read holds up no other, and loses nothing", async () => {
    await using broker = open();
    const [slow, other] = await Promise.all([
      broker.connect("bastion/web1"),
      broker.connect("bastion/web2"),
    ]);
    await Promise.all([slow.ready(), other.ready()]);
    const daemons = lab.strays().filter(({ command }) => /^sshd: ada@notty/.test(command));
    const onWeb1 = daemons.filter(({ pid }) => isIn(pid, lab.host("web1").pid));
    expect(onWeb1).toHaveLength(1);
    for (const { pid } of onWeb1) process.kill(pid, "SIGSTOP");
    const data = new Uint8Array(24 * MIB);
    const counted = slow.exec(["wc", "-c"], { stdin: data }).stdout.text();
    try {
      for (let i = 0; i < 20; i++) await other.ping();
      expect(await said(other, ["head", "-c", String(MIB), "/dev/zero"])).toHaveLength(MIB);
    } finally {
      for (const { pid } of onWeb1) process.kill(pid, "SIGCONT");
    }
    expect((await counted).trim()).toBe(String(data.length));
  });

  test("a host that is unknown, refuses, has another key, or takes no key", async () => {
    const behind = async (path: string, ...lines: readonly string[]) => {
      await using broker = open(lines);
      return await failure(await broker.connect(path));
    };
    const unknown = await behind("bastion/no-such-host.invalid");
    expect(unknown).toMatchObject({ code: "ERR_TRANSPORT_UNKNOWN_HOST" });
    expect(unknown.message).toStartWith("bastion: no-such-host.invalid: no such host");
    expect(unknown.message).toContain("check the name on bastion");
    const refused = await behind("bastion/web1", "Port 9");
    expect(refused).toMatchObject({ code: "ERR_TRANSPORT_UNREACHABLE", hop: "bastion/web1" });
    expect(refused.message).toContain(
      "ssh: connect to host 172.30.0.11 port 9: Connection refused",
    );
    const silent = await behind("bastion/web1", "HostName 172.30.0.99", "ConnectTimeout 1");
    expect(silent).toMatchObject({ code: "ERR_TRANSPORT_UNREACHABLE" });
    const stranger = await behind("bastion/web1", "HostKeyAlias web2");
    expect(stranger).toMatchObject({ code: "ERR_TRANSPORT_HOST_KEY_CHANGED" });
    const lacking = await behind("bastion/web1", "ForwardX11 yes");
    expect(lacking).toMatchObject({ code: "ERR_TRANSPORT_REFUSED" });
    const denied = await behind("bastion/web1", "PubkeyAuthentication no");
    expect(denied).toMatchObject({ code: "ERR_TRANSPORT_PERMISSION_DENIED", hop: "bastion/web1" });
  });

  test("the path is the way: jumps and proxies of the configuration do not count", async () => {
    for (const line of ["ProxyJump no-such-host.invalid", "ProxyCommand false"]) {
      await using broker = open([line, "BindAddress 127.0.0.9"]);
      const context = await broker.connect("bastion/web1");
      expect(await said(context, whoami)).toBe("web1\nada\n");
    }
  });

  test("what is behind a hop that dies ends with the hop's reason", async () => {
    await using broker = open();
    const paths = ["bastion", "bastion/web1", "bastion/web1/sudo:root", "bastion/web2"];
    const contexts = await Promise.all(paths.map((path) => broker.connect(path)));
    const [bastion] = contexts as [Context];
    const calls = contexts.map((context) =>
      context
        .call("time.sleep", 1000)
        .catch((error: unknown) => error as { code: string; hop: string }),
    );
    const pid = await bastion.ready().then((slave) => slave.pid);
    const kill = ["sh", "-c", `kill -9 ${String(pid)}`];
    await Promise.all(contexts.map((context) => context.ready()));
    await lab.host("bastion").run(kill);
    for (const error of await Promise.all(calls)) {
      expect(error).toMatchObject({ code: "ERR_DISCONNECT_LOST", hop: "bastion" });
    }
  });

  test("what dies behind a hop ends alone, and can be opened again", async () => {
    await using broker = open();
    const [web1, web2] = (await Promise.all(
      ["bastion/web1", "bastion/web2"].map((path) => broker.connect(path)),
    )) as [Context, Context];
    await Promise.all([web1.ready(), web2.ready()]);
    const hung = web1.call("time.sleep", 1000).catch((error: unknown) => error);
    await lab.host("web1").run(["pkill", "-9", "-f", "^sshd: ada"]);
    expect(await hung).toMatchObject({ code: "ERR_DISCONNECT_LOST", hop: "bastion/web1" });
    await web2.ping();
    const again = await broker.connect("bastion/web1");
    expect(await said(again, whoami)).toBe("web1\nada\n");
  });

  test("a question is answered by this machine; the hop sees no password", async () => {
    await using broker = open(["UserKnownHostsFile /dev/null", "StrictHostKeyChecking ask"]);
    const asked: string[] = [];
    const password = ({ prompt }: { readonly prompt: string }): string => {
      asked.push(prompt);
      return "yes";
    };
    const context = await broker.connect("bastion/web1", { password });
    expect(await said(context, whoami)).toBe("web1\nada\n");
    expect(asked).toHaveLength(1);
    expect(asked[0]).toContain("The authenticity of host");
  });
});

/** Whether a process runs below another one. */
function isIn(pid: number, root: number): boolean {
  for (let at = pid; at > 1; ) {
    if (at === root) return true;
    const stat = readFileSync(`/proc/${String(at)}/stat`, "latin1");
    at = Number(stat.slice(stat.lastIndexOf(")")).split(" ")[2]);
  }
  return false;
}
