/** A question that several hosts wait for, for real: one host that gives up takes it from none. */
import { afterAll, beforeAll, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ECONTEXT } from "../cli/econtext.ts";
import { Gate } from "../helpers/gate.ts";
import { run } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import { soon } from "../helpers/soon.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { missingTmux, Tmux } from "../repl/tmux.ts";

setDefaultTimeout(120_000);

suite("a question for several hosts", missingSshd() ?? missingTmux, "sshd", () => {
  const folder = mkdtempSync(join(tmpdir(), "econtext-shared-question-"));
  const key = join(folder, "key");
  const config = join(folder, "config");
  /** The other host answers once this file is there. */
  const begun = join(folder, "begun");
  let server: SshServer;
  let gate: Gate;
  let log: string;

  beforeAll(async () => {
    server = await startSshd({ config: ["LogLevel VERBOSE"] });
    gate = await Gate.before(server);
    const own = dirname(server.configPath);
    log = join(own, "sshd.log");
    copyFileSync(`${own}/user_key`, key);
    run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", key]);
    const usual = readFileSync(server.configPath, "utf8").replace(/IdentityFile .*/, "");
    const wait = `while [ ! -e ${begun} ]; do sleep 0.05; done`;
    const relay = "exec 3<>/dev/tcp/$1/$2; cat <&3 & cat >&3; kill $!";
    writeFileSync(join(folder, "late"), `${wait}; ${relay}\n`);
    const hosts = [
      ...["Host target-first", `  Port ${gate.port}`, "  ProxyCommand none"],
      ...["Host target", `  ProxyCommand bash ${folder}/late %h %p`],
    ];
    const lines = [`IdentityFile ${key}`, "BatchMode no", ...hosts, usual];
    writeFileSync(config, lines.join("\n"));
  });
  afterAll(async () => {
    gate?.[Symbol.dispose]();
    await server?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  /** How many connections have found a server that takes their key: they need its passphrase. */
  const needing = (): number => readFileSync(log, "utf8").split("Postponed publickey").length - 1;

  test("a passphrase stays asked for when the server of the first one has closed", async () => {
    await using terminal = new Tmux();
    const options = ["--ssh", "embedded", "-F", config];
    const words = [...ECONTEXT, "exec", ...options, "target-first", "target", "--", "echo", "in"];
    await terminal.open(`${words.join(" ")}; echo LEFT $?; exec cat`);
    await terminal.until(/Enter passphrase for key/);
    await soon(() => needing() === 1);
    writeFileSync(begun, "");
    await soon(() => needing() === 2);
    // Nothing shows that it waits for the same question. Too short a time makes no test fail.
    await Bun.sleep(500);
    gate.shut();
    await terminal.until(/target-first: /);
    await terminal.paste("open sesame");
    await terminal.until(/target: +in\n[\s\S]*LEFT \d+/);
  });
});
