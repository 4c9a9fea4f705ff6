/** A question that several hosts wait for, for real: one host that gives up takes it from none. */
import { afterAll, beforeAll, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ECONTEXT } from "../cli/econtext.ts";
import { run } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { missingTmux, Tmux } from "../repl/tmux.ts";

setDefaultTimeout(120_000);

suite("a question for several hosts", missingSshd() ?? missingTmux, "sshd", () => {
  const folder = mkdtempSync(join(tmpdir(), "econtext-shared-question-"));
  const key = join(folder, "key");
  const config = join(folder, "config");
  let patient: SshServer;
  let hasty: SshServer;

  beforeAll(async () => {
    patient = await startSshd();
    const own = dirname(patient.configPath);
    hasty = await startSshd({
      config: [
        "LoginGraceTime 1",
        `HostKey ${own}/host_key`,
        `AuthorizedKeysFile ${own}/user_key.pub`,
      ],
    });
    copyFileSync(`${own}/user_key`, key);
    run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", key]);
    const usual = readFileSync(patient.configPath, "utf8").replace(/IdentityFile .*/, "");
    const port = `Host target-hasty\nPort ${hasty.port}\n`;
    writeFileSync(config, `IdentityFile ${key}\nBatchMode no\n${port}${usual}`);
  });
  afterAll(async () => {
    await patient[Symbol.asyncDispose]();
    await hasty[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test("a passphrase stays asked for when the server of the first one has closed", async () => {
    await using terminal = new Tmux();
    const options = ["--ssh", "embedded", "-F", config];
    const words = [...ECONTEXT, "exec", ...options, "target-hasty", "target", "--", "echo", "in"];
    await terminal.open(`${words.join(" ")}; echo LEFT $?; exec cat`);
    await terminal.until(/Enter passphrase for key/);
    await terminal.until(/target-hasty: /);
    await terminal.paste("open sesame");
    await terminal.until(/target: +in\n[\s\S]*LEFT \d+/);
  });
});
