/** Which keys of a user the embedded ssh looks up and offers, beside the system's ssh. */

import { beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { relative } from "node:path";
import { account } from "../../src/transports/account.ts";
import { run as runTool } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import { missingSshd } from "../helpers/sshd.ts";
import { type Run, withEmbedded } from "./compare.ts";
import { OK, optionScene } from "./scene.ts";

suite("identities of the embedded ssh", missingSshd(), "sshd", () => {
  const { at, folder, another, makeKey, usual, same } = optionScene();
  const denied = { status: 255, code: "ERR_TRANSPORT_PERMISSION_DENIED" } as const;

  const using = (...lines: readonly string[]): Run => {
    const run = usual();
    return { ...run, lines: [...lines, ...run.lines.filter((one) => !/Identit/.test(one))] };
  };
  beforeAll(() => {
    makeKey("ca", "ed25519");
    makeKey("certified", "ed25519");
    runTool(["ssh-keygen", "-q", "-s", at("ca"), "-I", "me", "-n", "root", at("certified.pub")]);
  });

  describe("a certificate beside a key", () => {
    const file = `IdentityFile ${at("certified")}`;
    test("refuses the host", async () => {
      const ours = await withEmbedded(another(), using(file));
      expect(ours).toMatchObject({ status: 255, code: "ERR_TRANSPORT_REFUSED" });
      expect(ours.stderr).toContain("certified-cert.pub");
    });
    for (const line of ["PubkeyAuthentication no", "PreferredAuthentications password"]) {
      test(`does not matter with ${line}`, () => same(using(file, line), denied));
    }
  });

  describe("the path of a file", () => {
    const file = (path: string, env: Readonly<Record<string, string>>) => ({
      ...usual(),
      lines: [...usual().lines, `  IdentityFile ${path}`],
      env,
    });
    test("with a variable whose value looks like a token", async () => {
      mkdirSync(at("100%h"));
      runTool(["cp", "-p", at("user_rsa"), at("100%h/127.0.0.1")]);
      await same(file(`\${KEYS}/%h`, { KEYS: at("100%h") }), OK);
    });
    test("with a variable whose value begins with ~", async () => {
      const value = { KEYS: `~/${relative(account().home, folder)}` };
      await same(file(`\${KEYS}/user_rsa`, value), denied);
    });
  });
});
