/** Passwords of sudo-rs, for real, in a Debian 13 root with a file system in memory over it. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { missingRoot, run, type ScratchUser } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import { debianRoot } from "../lab/roots.ts";
import { missingTmux } from "../repl/tmux.ts";
import { debianOverlay } from "./debian-overlay.ts";
import { Scene } from "./scene.ts";

setDefaultTimeout(180_000);

const missing = missingRoot() ?? missingTmux ?? debianRoot().missing;

suite("sudo-rs", missing, "root", () => {
  const scene = new Scene();
  const { root } = debianOverlay(scene);
  afterAll(() => scene.end());
  const sudoers = join(root, "etc/sudoers");
  const chroot = `chroot:${encodeURIComponent(root)}`;
  const password = (user: ScratchUser) => ({ input: user.password });

  function user(rules: string): ScratchUser {
    const made = scene.user(root);
    chmodSync(sudoers, 0o640);
    writeFileSync(sudoers, `${rules.replaceAll("USER", made.name)}\n`, { flag: "a" });
    chmodSync(sudoers, 0o440);
    return made;
  }

  const able = user("USER ALL=(ALL:ALL) ALL");
  const path = (of: ScratchUser) => `${chroot}/runuser:${of.name}/sudo-rs:root`;

  test("takes the right password, and nothing that follows gets lost", async () => {
    const ran = await scene.who(path(able), password(able));
    expect(ran).toMatchObject({ said: "I am root" });
  });

  test("a wrong one is sent once", async () => {
    const ran = await scene.who(path(able), { input: "wrong" });
    expect(ran).toMatchObject({ said: "ERR_TRANSPORT_PASSWORD_WRONG" });
  });

  test("none", async () => {
    const ran = await scene.who(path(able));
    expect(ran).toMatchObject({ said: "ERR_TRANSPORT_PASSWORD_NEEDED" });
  });

  test("on a terminal, after a wrong one; and three wrong ones", async () => {
    const shown = await scene.whoOnTerminal(path(able), undefined, ["wrong", able.password]);
    expect(shown).toMatch(
      /\[sudo-rs\] password for ect-\w+ at .*:\nWrong\. .*:\nroot\nLEFT 0\nSANE/,
    );
    const never = await scene.whoOnTerminal(path(able), undefined, ["one", "two", "three"]);
    expect(never).toContain("the password was wrong each time");
  });

  test("no rule, an expired account, and an expired password", async () => {
    const [none, expired, old] = [
      user("# no rule for USER"),
      user("USER ALL=(ALL:ALL) ALL"),
      user("USER ALL=(ALL:ALL) ALL"),
    ];
    run(["chage", "-E", "0", expired.name], root);
    run(["chage", "-d", "0", old.name], root);
    for (const [of, code] of [
      [none, "ERR_TRANSPORT_NOT_ALLOWED"],
      [expired, "ERR_TRANSPORT_ACCOUNT_LOCKED"],
      [old, "ERR_TRANSPORT_PASSWORD_EXPIRED"],
    ] as const) {
      expect(await scene.who(path(of), password(of))).toMatchObject({ said: code });
    }
  });
});
