/** Passwords of su and doas, for real: su asks in its own words, doas on a terminal only. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { missingRoot, run, type ScratchUser } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import { missingTmux } from "../repl/tmux.ts";
import type { Ran } from "./run.ts";
import { Scene } from "./scene.ts";

setDefaultTimeout(120_000);

const missing = missingRoot() ?? missingTmux;

suite("su", missing, "root", () => {
  const scene = new Scene();
  const [from, to] = [scene.user(), scene.user()];
  afterAll(() => scene.end());

  /** The first hop, and behind a hop. */
  async function both(target: ScratchUser, password: string): Promise<Ran[]> {
    return [
      await scene.who(`su:${target.name}`, { user: from.name, input: password }),
      await scene.who(`runuser:${from.name}/su:${target.name}`, { input: password }),
    ];
  }

  test("takes the password of the target", async () => {
    for (const ran of await both(to, to.password)) {
      expect(ran).toMatchObject({ said: `I am ${to.name}` });
    }
  });

  test("root is asked for none", async () => {
    expect(await scene.who(`su:${to.name}`)).toMatchObject({ said: `I am ${to.name}` });
  });

  test("a wrong one, and none", async () => {
    for (const ran of await both(to, "wrong")) {
      expect(ran).toMatchObject({ said: "ERR_TRANSPORT_PASSWORD_WRONG" });
    }
    const none = await scene.who(`su:${to.name}`, { user: from.name });
    expect(none).toMatchObject({ said: "ERR_TRANSPORT_PASSWORD_NEEDED" });
  });

  test("on a terminal", async () => {
    const shown = await scene.whoOnTerminal(`su:${to.name}`, from.name, [to.password]);
    expect(shown).toContain(`[su] password for ${to.name} at local:\n${to.name}\nLEFT 0\nSANE`);
  });

  test("an expired password, and an expired account", async () => {
    const [old, expired] = [scene.user(), scene.user()];
    run(["chage", "-d", "0", old.name]);
    run(["chage", "-E", "0", expired.name]);
    for (const ran of await both(old, old.password)) {
      expect(ran).toMatchObject({ said: "ERR_TRANSPORT_PASSWORD_EXPIRED" });
    }
    for (const ran of await both(expired, expired.password)) {
      expect(ran).toMatchObject({ said: "ERR_TRANSPORT_ACCOUNT_EXPIRED" });
    }
  });

  test("a locked password, an account without a login shell, and a home that cannot be read", async () => {
    const [locked, shellless] = [scene.user(), scene.user()];
    run(["passwd", "-l", locked.name]);
    run(["usermod", "-s", "/usr/sbin/nologin", shellless.name]);
    run(["chmod", "0", shellless.home]);
    for (const ran of await both(locked, locked.password)) {
      expect(ran).toMatchObject({ said: "ERR_TRANSPORT_PASSWORD_WRONG" });
    }
    expect(await scene.who(`su:${shellless.name}`)).toMatchObject({
      said: `I am ${shellless.name}`,
    });
  });

  test("no such user", async () => {
    const ran = await scene.who("su:no-such-user", { user: from.name, input: "x" });
    expect(ran).toMatchObject({ said: "ERR_TRANSPORT_UNKNOWN_USER" });
  });
});

const missingDoas =
  Bun.which("doas") === null ? "no doas here (Debian package opendoas)" : undefined;

suite("doas", missing ?? missingDoas, "root", () => {
  const scene = new Scene();
  const [able, unable] = [scene.user(), scene.user()];
  const CONFIG = "/etc/doas.conf";
  const before = existsSync(CONFIG) ? readFileSync(CONFIG) : undefined;
  appendFileSync(CONFIG, `\npermit ${able.name}\n`, { mode: 0o600 });
  scene.atEnd(() => (before === undefined ? rmSync(CONFIG) : writeFileSync(CONFIG, before)));
  afterAll(() => scene.end());

  async function both(user: ScratchUser, password: string): Promise<Ran[]> {
    return [
      await scene.who("doas:root", { user: user.name, input: password }),
      await scene.who(`runuser:${user.name}/doas:root`, { input: password }),
    ];
  }

  test("takes the right password", async () => {
    for (const ran of await both(able, able.password)) {
      expect(ran).toMatchObject({ said: "I am root" });
    }
  });

  test("a wrong one, and none", async () => {
    for (const ran of await both(able, "wrong")) {
      expect(ran).toMatchObject({ said: "ERR_TRANSPORT_PASSWORD_WRONG" });
    }
    const none = await scene.who("doas:root", { user: able.name });
    expect(none).toMatchObject({ said: "ERR_TRANSPORT_PASSWORD_NEEDED" });
  });

  test("no rule", async () => {
    for (const ran of await both(unable, unable.password)) {
      expect(ran).toMatchObject({ said: "ERR_TRANSPORT_NOT_ALLOWED" });
    }
  });

  test("on a terminal", async () => {
    const shown = await scene.whoOnTerminal("doas:root", able.name, [able.password]);
    expect(shown).toMatch(/password.*:\nroot\nLEFT 0\nSANE/);
  });
});
