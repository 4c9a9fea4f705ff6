/**
 * Limits that a connection meets: of the server's logins, of the age of keys, of this process's
 * files; and names that only looking them up completes. A real sshd is the server.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { EmbeddedSpawner } from "../../src/embedded-ssh/spawner.ts";
import { Secret } from "../../src/prompts/secret.ts";
import { ssh } from "../../src/transports/ssh.ts";
import { missingRoot } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { outputOf, type Run, withEmbedded, withSsh } from "./compare.ts";

setDefaultTimeout(60_000);

const SOURCE = join(import.meta.dirname, "../../src");
const COMPARE = join(import.meta.dirname, "compare.ts");

suite("limits of the embedded ssh", missingSshd(), "sshd", () => {
  const folder = mkdtempSync(join(tmpdir(), "econtext-embedded-"));
  let server: SshServer;
  beforeAll(async () => {
    server = await startSshd({ config: ["LogLevel DEBUG"] });
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const beside = (name: string): string => join(dirname(server.configPath), name);

  /** The only login that the server takes. The one that asked whether it is up may not be over. */
  async function hold({ port }: SshServer): Promise<Socket> {
    for (;;) {
      const socket = connect(port, "127.0.0.1");
      const { promise, resolve } = Promise.withResolvers<boolean>();
      socket.once("data", (data) => resolve(data.toString().startsWith("SSH-")));
      socket.once("close", () => resolve(false));
      socket.on("error", () => {});
      if (await promise) return socket;
      socket.destroy();
      await Bun.sleep(10);
    }
  }

  test("MaxStartups: a connection too many is closed, and not tried again", async () => {
    await using full = await startSshd({ config: ["MaxStartups 1:100:1"] });
    const known = readFileSync(join(dirname(full.configPath), "known_hosts"), "utf8");
    const run: Run = { lines: [`Include ${full.configPath}`], known };
    const held = await hold(full);
    const options = ["-o", "ConnectionAttempts=2", "-o", "LogLevel=INFO"];
    for (const one of [run, { ...run, options }]) {
      const theirs = await withSsh(join(folder, "theirs"), one);
      const ours = await withEmbedded(join(folder, "ours"), one);
      const { status, code } = theirs;
      expect(ours).toMatchObject({ status, code: code as string, stdout: "" });
      for (const { stderr } of [theirs, ours]) {
        expect(stderr).toStartWith("kex_exchange_identification: ");
        expect(ssh("target").explain(255, stderr)?.hint).toContain("MaxStartups");
      }
    }
    held.destroy();
  });

  test("RekeyLimit by time begins with the login", async () => {
    const command = "sleep 1.2; echo one; sleep 0.1; echo two; cat";
    const asks = ["BatchMode=no", "StrictHostKeyChecking=ask", `UserKnownHostsFile=${folder}/new`];
    const options = ["RekeyLimit=default 1", ...asks].flatMap((option) => ["-o", option]);
    const argv = ["ssh", ...options, "-F", server.configPath, "-T", "--", "target", command];
    // A person takes longer to accept the host's key than keys may be used.
    const ask = async (): Promise<Secret> => {
      await Bun.sleep(1200);
      return Secret.of("yes");
    };
    const asking = { asks: true, isClient: true, asker: { ask } };
    const count = (): number =>
      readFileSync(beside("sshd.log"), "utf8").match(/rekeying in/g)?.length ?? 0;
    const before = count();
    const child = new EmbeddedSpawner().spawn(argv, asking);
    expect(await outputOf(child, Buffer.from("in\n"))).toBe("one\ntwo\nin\n");
    expect(count()).toBeGreaterThan(before);
  });

  test("known hosts that cannot be read for lack of descriptors are not taken for none", () => {
    const script = `
      import { openSync } from "node:fs";
      import { KnownHostsFiles } from "${SOURCE}/embedded-ssh/known-hosts-files.ts";
      const files = new KnownHostsFiles({ userFiles: ["${beside("known_hosts")}"], globalFiles: [] });
      try { for (;;) openSync("/dev/null", "r"); } catch {}
      try { console.log(files.keysOf("econtext-throw-away").length); }
      catch (error) { console.log(error.message); }`;
    const argv = ["sh", "-c", 'ulimit -n 200; exec "$0" -e "$1"', process.execPath, script];
    const { stdout } = Bun.spawnSync(argv);
    expect(stdout.toString()).toBe(`${beside("known_hosts")}: Too many open files\n`);
  });

  const root = missingRoot() === undefined ? test : test.skip;
  root("CanonicalizeHostname: the name is looked up before anything is decided by it", () => {
    writeFileSync(join(folder, "hosts"), "127.0.0.1 web1.example.test web1.example.test.\n");
    const lines = [
      "CanonicalizeHostname yes",
      "CanonicalDomains other.test example.test",
      "Match canonical host *.example.test",
      `  Include ${join(folder, "target")}`,
    ];
    const text = readFileSync(server.configPath, "utf8");
    // Only the lines of the host that the name stands for lead to the server.
    writeFileSync(join(folder, "target"), text.replace(/^(?:Host|HostName) .*\n/gm, ""));
    const run: Run = { lines, destination: "WEB1" };
    const script = `
      import { withEmbedded, withSsh } from "${COMPARE}";
      const known = await Bun.file("${beside("known_hosts")}").text();
      const run = { ...${JSON.stringify(run)}, known };
      const theirs = await withSsh("${folder}/c1", run);
      const ours = await withEmbedded("${folder}/c2", run);
      console.log(JSON.stringify([theirs, ours]));`;
    const mounted = 'mount --bind "$2" /etc/hosts && exec "$0" -e "$1"';
    const words = [process.execPath, script, join(folder, "hosts")];
    const { stdout } = Bun.spawnSync(["unshare", "-m", "sh", "-c", mounted, ...words]);
    const outcomes = JSON.parse(stdout.toString());
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ status: 3, stdout: "ok\nin\n" });
  });
});
