/**
 * The hosts of the screens in docs/guide.md: names of one real ssh server, with commands that print
 * what such hosts print. Some hosts are broken.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeScript } from "../helpers/scripts.ts";
import { startSshd } from "../helpers/sshd.ts";

/** What each command prints, by the host. */
const COMMANDS: Readonly<Record<string, string>> = {
  uptime: `case $NAME in web2) echo up 12 minutes;; *) echo up 3 days, 2 hours;; esac`,
  uname: `case $NAME in db1) echo 6.12.9-amd64;; *) echo 6.1.0-28-amd64;; esac`,
  df: `echo 'Filesystem      Size  Used Avail Use% Mounted on'
case $NAME in
web1) echo '/dev/vdb         98G   37G   56G  40% /srv';;
*) echo '/dev/vdb         98G   91G  2.1G  98% /srv';;
esac`,
  sysctl: `echo vm.dirty_ratio = 20
case $NAME in db1) echo vm.overcommit_memory = 2;; *) echo vm.overcommit_memory = 0;; esac
echo vm.swappiness = 60`,
  systemctl: `case $NAME in web2) echo inactive; exit 3;; *) echo active;; esac`,
  // Of a run with a folder RUN, web7 is the last one, however slow the others are.
  report: `[ -z "$RUN" ] || : >"$RUN/$NAME"
case $NAME in
web7)
  [ -z "$RUN" ] || while [ "$(ls "$RUN" | wc -l)" -lt 29 ]; do sleep 0.1; done
  sleep 3;;
web3) exit 7;;
esac`,
};

export interface Scene extends AsyncDisposable {
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
}

/** @param argv of econtext */
export async function openScene(argv: readonly string[]): Promise<Scene> {
  const dir = mkdtempSync(join(tmpdir(), "econtext-screens-"));
  const [bin, far] = [join(dir, "bin"), join(dir, "far")];
  for (const folder of [bin, far]) mkdirSync(folder);
  writeScript(join(bin, "econtext"), `exec ${argv.map((word) => `'${word}'`).join(" ")} "$@"`);
  for (const [name, text] of Object.entries(COMMANDS)) writeScript(join(far, name), text);
  const shell = join(dir, "shell");
  const lines = [
    `PATH=${far}:$PATH`,
    "[ $NAME != web1 ] || echo Welcome to the machine",
    'exec /bin/sh "$@"',
  ];
  writeScript(shell, lines.join("\n"));
  const server = await startSshd({ loginShell: shell, config: ["AcceptEnv NAME RUN"] });
  const names = [...Array.from({ length: 30 }, (_, at) => `web${at + 1}`), "db1"];
  const client = readFileSync(server.configPath, "utf8").replace(/^Host .*\n/, "");
  const config = [
    "Host web30\n  HostName 127.0.0.30\n  Port 11",
    ...names.map((name) => `Host ${name}\n  SetEnv NAME=${name}`),
    `Host *\n  SendEnv RUN\n${client}`,
  ];
  const file = join(dir, "ssh_config");
  writeFileSync(file, `${config.join("\n")}\n`);
  return {
    dir,
    env: { PATH: `${bin}:${process.env["PATH"] ?? ""}`, ECONTEXT_SSH_CONFIG: file, HOME: dir },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
