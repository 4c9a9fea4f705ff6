/** No orphans of far sides behind a real sshd, by the ssh program and by the embedded ssh. */
import { afterAll, beforeAll } from "bun:test";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { FARS, isMain, orphans } from "./orphans.ts";

/** The way does not depend on the version. */
const isOnce = ([label]: (typeof FARS)[number]): boolean => !label.startsWith("node");
const WAYS = [
  ...FARS.map((far) => [...far, undefined] as const),
  ...FARS.filter(isOnce).map((far) => [...far, "embedded"] as const),
];

for (const [label, far, missing, engine] of WAYS) {
  suite(`${label}, ${engine ?? "the program"} ssh`, missing ?? missingSshd(), "sshd", () => {
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
      const ssh = { options, ...(engine && { engine }) };
      const name = `${label} ${engine ?? "spawned"} ssh`;
      return { name, target, connect: { ssh }, far, isMain: isMain(label) };
    });
  });
}
