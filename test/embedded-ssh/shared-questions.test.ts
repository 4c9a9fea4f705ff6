/**
 * Questions of a connection that several contexts wait for: when the context that is asked is
 * closed, the next one is asked. A real sshd takes a password.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Broker, type ConnectOptions } from "../../src/index.ts";
import { makeUser, missingRoot, type ScratchUser } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";

setDefaultTimeout(60_000);

suite("shared questions", missingSshd() ?? missingRoot(), "sshd and root", () => {
  const folder = mkdtempSync(join(tmpdir(), "econtext-questions-"));
  const config = join(folder, "config");
  let user: ScratchUser;
  let bastion: SshServer;
  let far: SshServer;
  beforeAll(async () => {
    user = makeUser();
    const asks = ["PasswordAuthentication yes", "UsePAM yes", "LogLevel VERBOSE"];
    [bastion, far] = await Promise.all([startSshd({ config: asks }), startSshd()]);
    const own = (server: SshServer): string[] =>
      readFileSync(server.configPath, "utf8").split("\n").slice(1);
    const lines = [
      ...["Host web*", "  ProxyJump bastion", ...own(far)],
      ...["Host bastion*", `  User ${user.name}`, "  PreferredAuthentications password"],
      ...["  BatchMode no", ...own(bastion)],
    ];
    writeFileSync(config, lines.join("\n"));
  });
  afterAll(async () => {
    await Promise.all([bastion, far].map((one) => one?.[Symbol.asyncDispose]()));
    user?.[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const [what, names] of [
    ["hosts behind one jump host", ["web1", "web2", "web3", "web4"]],
    ["contexts of one host", ["bastion", "bastion", "bastion"]],
  ] as const) {
    test(`${what}: the first is closed while it is asked`, async () => {
      const ssh = { engine: "embedded", options: ["-F", config] } as const;
      await using broker = new Broker({ defaults: { ssh } });
      const asked = Promise.withResolvers<void>();
      let count = 0;
      // Only the first question stays open.
      const password = (): Promise<string> | string => {
        count += 1;
        asked.resolve();
        return count === 1 ? Promise.withResolvers<string>().promise : user.password;
      };
      const options: ConnectOptions = { password };
      const contexts = await Promise.all(names.map((name) => broker.connect(name, options)));
      const ready = contexts.map((context) => context.ready().then(() => "", String));
      await asked.promise;
      await contexts[0]?.close();
      const [first, ...others] = await Promise.all(ready);
      expect(first).not.toBe("");
      expect(others).toEqual(others.map(() => ""));
      expect(count).toBe(2);
    });

    test.each([
      ["answered wrong", "wrong"],
      ["declined", undefined],
    ])(`${what}: what is %s is asked once, and ends all`, async (_, answer) => {
      const ssh = { engine: "embedded", options: ["-F", config] } as const;
      await using broker = new Broker({ defaults: { ssh } });
      let count = 0;
      const password = (): string | undefined => {
        count += 1;
        return answer;
      };
      const contexts = await Promise.all(names.map((name) => broker.connect(name, { password })));
      const ready = contexts.map((context) => context.ready().then(() => "ready", String));
      for (const error of await Promise.all(ready)) expect(error).toMatch(/assword|denied/);
      expect(count).toBe(1);
    });
  }

  test.each(["", "sleep 0.3; "])("what a proxy says just before it ends: %p", async (before) => {
    const proxy = `sh -c '${before}echo no way there >&2; exit 3'`;
    const options = ["-F", far.configPath, "-o", `ProxyCommand=${proxy}`];
    await using broker = new Broker({ defaults: { ssh: { engine: "embedded", options } } });
    for (let round = 0; round < 5; round++) {
      const context = await broker.connect(far.host);
      expect(await context.ready().then(() => "ready", String)).toContain("no way there");
    }
  });

  test("what a proxy says in the middle of a session stands in the error", async () => {
    const note = join(folder, "go");
    const script = join(folder, "proxy");
    const bridge = ["exec 3<>/dev/tcp/$1/$2", "cat <&3 &", "exec 4<&0", "cat <&4 >&3 &"];
    const end = [`until [ -e ${note} ]; do sleep 0.02; done`, "echo proxy gives up >&2"];
    writeFileSync(script, [...bridge, ...end, "kill $(jobs -p)", ""].join("\n"));
    const proxy = `bash ${script} %h %p`;
    const options = ["-F", far.configPath, "-o", `ProxyCommand=${proxy}`];
    await using broker = new Broker({ defaults: { ssh: { engine: "embedded", options } } });
    const context = await broker.connect(far.host);
    await context.ready();
    const call = context.exec(["sleep", "60"]).exited.then(() => "ended", String);
    writeFileSync(note, "");
    expect(await call).toContain("proxy gives up");
  });
});
