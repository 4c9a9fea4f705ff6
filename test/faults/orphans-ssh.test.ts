/** No orphans of far sides behind a real sshd. */
import { afterAll, beforeAll } from "bun:test";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { FARS, orphans } from "./orphans.ts";

for (const [label, far, missing] of FARS) {
  suite(`${label}, ssh`, missing ?? missingSshd(), "sshd", () => {
    let server: SshServer | undefined;
    beforeAll(async () => {
      server = await startSshd();
    });
    afterAll(async () => {
      await server?.[Symbol.asyncDispose]();
    });
    orphans(() => {
      const options = ["-F", server?.configPath ?? ""];
      const target = server?.host ?? "";
      return { name: `${label} ssh`, target, connect: { ssh: { options } }, far };
    });
  });
}
