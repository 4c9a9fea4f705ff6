/**
 * Other servers than OpenSSH's: dropbear; and tinysshd, which has no cipher in common with the
 * embedded ssh, and which ProxyCommand starts for each connection.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EmbeddedSpawner } from "../../src/embedded-ssh/spawner.ts";
import { LocalSpawner } from "../../src/launch/local-child.ts";
import { makeUser, missingRoot, run, type ScratchUser } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import { answers, freePort } from "../helpers/sshd.ts";
import { type Run, withEmbedded, withSsh } from "./compare.ts";

setDefaultTimeout(60_000);

const PATH = `${process.env["PATH"] ?? ""}:/usr/sbin`;

function missing(name: string, debian: string): string | undefined {
  const isThere = Bun.which(name, { PATH }) !== null && Bun.which("ssh") !== null;
  return missingRoot() ?? (isThere ? undefined : `no ${name} (Debian package ${debian})`);
}

suite("dropbear", missing("dropbear", "dropbear-bin"), "dropbear", () => {
  const scene = serverScene();
  let daemon: Bun.Subprocess;
  let port = 0;
  const server = (user: ScratchUser): Run => {
    const { lines, ...rest } = scene.run(user, "nothing");
    const own = ["HostName 127.0.0.1", `Port ${port}`, "ProxyCommand none"];
    return { ...rest, lines: [...own, ...lines] };
  };
  beforeAll(async () => {
    scene.begin();
    const key = join(scene.folder, "host");
    run(["dropbearkey", "-t", "ed25519", "-f", key]);
    port = await freePort();
    const argv = ["dropbear", "-F", "-E", "-p", `127.0.0.1:${port}`, "-r", key];
    daemon = Bun.spawn(argv, { env: { ...process.env, PATH }, stderr: "ignore" });
    await answers(port, () => daemon.exitCode === null);
  });
  afterAll(() => {
    daemon?.kill();
    scene.end();
  });

  test("a command, as by ssh", async () => {
    const theirs = await withSsh(join(scene.folder, "a"), server(scene.user));
    const ours = await withEmbedded(join(scene.folder, "b"), server(scene.user));
    expect(ours).toMatchObject({ status: 3, stdout: "ok\nin\n" });
    expect(ours.stdout).toBe(theirs.stdout);
  });
  test("a password", async () => {
    const { lines, ...rest } = server(scene.user);
    const own = ["PreferredAuthentications password", ...lines];
    const asking = { ...rest, lines: own, answers: ["wrong", scene.user.password] };
    const ours = await withEmbedded(join(scene.folder, "c"), asking);
    expect(ours).toMatchObject({ status: 3, stdout: "ok\nin\n" });
  });
  test("new keys under way", async () => {
    const { lines, ...rest } = server(scene.user);
    const command = "head -c 8388608 /dev/zero; cat";
    const rekeying = { ...rest, lines: ["RekeyLimit 1M", ...lines], command };
    const ours = await withEmbedded(join(scene.folder, "d"), rekeying);
    expect(ours.stdout).toHaveLength(8 * 2 ** 20 + 3);
  });
});

suite("tinysshd", missing("tinysshd", "tinysshd"), "tinysshd", () => {
  const scene = serverScene();
  beforeAll(() => {
    scene.begin();
    run(["tinysshd-makekey", join(scene.folder, "keys")]);
  });
  afterAll(() => scene.end());
  const server = (): Run => scene.run(scene.user, `tinysshd ${join(scene.folder, "keys")}`);

  test("nothing in common: the error says so", async () => {
    const ours = await withEmbedded(join(scene.folder, "a"), server());
    expect(ours).toMatchObject({ status: 255, code: "ERR_TRANSPORT_REFUSED" });
    expect(ours.stderr).toMatch(/no matching/i);
  });
  test("`auto` starts ssh", async () => {
    const auto = new EmbeddedSpawner({ fallback: new LocalSpawner() });
    const own = { ...server(), options: ["-o", "BatchMode=yes"] };
    const ours = await withEmbedded(join(scene.folder, "b"), own, auto);
    expect(ours.stdout).toBe("ok\nin\n");
  });
});

/** An account that a server lets in, and the configuration that leads to the server. */
function serverScene() {
  const folder = mkdtempSync(join(tmpdir(), "econtext-server-"));
  let user: ScratchUser;
  return {
    folder,
    get user(): ScratchUser {
      return user;
    },
    begin(): void {
      user = makeUser();
      run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", join(folder, "key")]);
      const own = join(user.home, ".ssh");
      mkdirSync(own, { mode: 0o700 });
      writeFileSync(join(own, "authorized_keys"), readFileSync(join(folder, "key.pub")));
      run(["chown", "-R", user.name, own]);
    },
    end(): void {
      user?.[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
    run: ({ name }: ScratchUser, server: string): Run => ({
      lines: [
        "Host target",
        `  ProxyCommand env PATH=${PATH} ${server} 2>/dev/null`,
        `  User ${name}`,
        `  IdentityFile ${join(folder, "key")}`,
        "  IdentitiesOnly yes",
        "  IdentityAgent none",
        "  StrictHostKeyChecking accept-new",
        "  UserKnownHostsFile DIR/known_hosts",
        "  UpdateHostKeys no",
      ],
    }),
  };
}
