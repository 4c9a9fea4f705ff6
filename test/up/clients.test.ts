/** What is kept by one ssh client is not used by a command that asks for another. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { DIFFERENCES } from "../../src/embedded-ssh/notices.ts";
import { suite } from "../helpers/skip.ts";
import { missingSshd } from "../helpers/sshd.ts";
import { Scene } from "./scene.ts";

setDefaultTimeout(120_000);

const REFUSED = ["--ssh", "auto", "-o", "ForwardX11=yes"] as const;

suite("ssh clients of what is kept", missingSshd(), "sshd", () => {
  test("each has connections of its own, and ps shows which", async () => {
    await using scene = await Scene.open();
    const { host } = scene;
    /** How often each was used, and how ps names it. */
    const served = async (): Promise<Record<string, number>> =>
      Object.fromEntries((await scene.kept()).map((one) => [one["ssh"], Number(one["served"])]));
    const up = await scene.run(["up", "--ssh", "embedded", host, "target2"]);
    expect(up).toMatchObject({ status: 0 });
    // What is not of one target is told once.
    expect(up.stderr).toMatch(/^[\d:]+ I econtext: [^\n]*\n$/);
    expect(up.stderr.trimEnd()).toEndWith(DIFFERENCES);
    const plain = await scene.run(["exec", host, "--", "true"]);
    expect(plain).toMatchObject({ stderr: "", status: 0 });
    expect(await served()).toEqual({ embedded: 0 });
    expect(await scene.run(["down", "target2"])).toMatchObject({ status: 0 });
    expect(await scene.run(["up", host])).toMatchObject({ stderr: "", status: 0 });
    const refused = await scene.run(["up", ...REFUSED, host]);
    expect(refused).toMatchObject({ stderr: expect.stringContaining("ForwardX11 yes"), status: 0 });
    const runs = [
      scene.run(["exec", host, "--", "true"]),
      scene.run(["exec", "--ssh", "embedded", host, "--", "true"]),
      scene.run(["rsh", host, "true"], { env: { ECONTEXT_SSH: "embedded" } }),
      scene.run(["exec", ...REFUSED, host, "--", "true"]),
    ];
    const silent = runs.map(() => ({ stderr: "", status: 0 }));
    expect(await Promise.all(runs)).toMatchObject(silent);
    expect(await served()).toEqual({ ssh: 1, embedded: 2, auto: 1 });
    const { stdout } = await scene.run(["ps"]);
    const clients = [...stdout.matchAll(/^target +(.+?) {2,}python/gm)].map(([, name]) => name);
    expect(clients.toSorted()).toEqual(["auto: ssh", "embedded", "ssh"]);
    const own = await scene.run([
      ...["exec", "--ssh", "embedded", "--log-format", "json", "-o", "ConnectTimeout=99"],
      ...[host, "--", "true"],
    ]);
    expect(JSON.parse(own.stderr)).toMatchObject({ context: "", message: DIFFERENCES });
    expect(await served()).toEqual({ ssh: 1, embedded: 2, auto: 1 });
  });

  test("--log-level debug says which ssh opens what is kept, and why", async () => {
    await using scene = await Scene.open();
    const { stderr, status } = await scene.run([
      ...["up", ...REFUSED, "--log-level", "debug", "--log-format", "json", scene.host],
    ]);
    const records = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(records).toContainEqual(
      expect.objectContaining({
        context: scene.host,
        message: expect.stringMatching(/^spawned ssh: ForwardX11 yes: /),
      }),
    );
    expect(status).toBe(0);
  });
});
