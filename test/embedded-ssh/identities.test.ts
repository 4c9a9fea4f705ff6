/** Which keys of a user the embedded ssh looks up and offers, beside the system's ssh. */

import { describe, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { relative } from "node:path";
import { account } from "../../src/transports/account.ts";
import { run as runTool } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import { missingSshd } from "../helpers/sshd.ts";
import { OK, optionScene } from "./scene.ts";

suite("identities of the embedded ssh", missingSshd(), "sshd", () => {
  const { at, folder, usual, same } = optionScene();
  const denied = { status: 255, code: "ERR_TRANSPORT_PERMISSION_DENIED" } as const;

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
