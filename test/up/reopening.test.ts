/** Connections of `econtext up` that are lost: they are opened anew while no person is needed. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { Gate } from "../helpers/gate.ts";
import { descendants, isRunning } from "../helpers/leaks.ts";
import { suite } from "../helpers/skip.ts";
import { SOON_MS, soon } from "../helpers/soon.ts";
import { missingSshd } from "../helpers/sshd.ts";
import { Scene } from "./scene.ts";

setDefaultTimeout(120_000);

type Kept = Awaited<ReturnType<Scene["kept"]>>;

/** @returns what is kept, as soon as it is so */
async function until(scene: Scene, holds: (kept: Kept) => boolean): Promise<Kept> {
  const end = performance.now() + SOON_MS;
  for (;;) {
    const kept = await scene.kept();
    if (holds(kept)) return kept;
    if (performance.now() > end) throw new Error(`it does not hold: ${JSON.stringify(kept)}`);
    await Bun.sleep(50);
  }
}

const isGivenUp = ([one]: Kept): boolean =>
  typeof one?.["retryError"] === "string" && one["retryMs"] === null;
const isOpen = (kept: Kept): boolean => kept.every(({ lost }) => lost === null);

suite("a lost connection", missingSshd(), "sshd", () => {
  test("is opened anew, with its hops", async () => {
    await using scene = await Scene.open();
    const { host } = scene;
    await scene.run(["up", `${host}/local`]);
    const pid = scene.daemon() as number;
    const before = await scene.kept();
    expect(before.map(({ target }) => target)).toEqual([host, `${host}/local`]);
    const ssh = descendants(pid).find(({ parent }) => parent === pid)?.pid as number;
    process.kill(ssh, "SIGKILL");
    await soon(() => !isRunning(ssh));
    const after = await until(scene, isOpen);
    expect(after.map(({ target }) => target)).toEqual([host, `${host}/local`]);
    expect(after.map((one) => one["pid"])).not.toEqual(before.map((one) => one["pid"]));
    expect((await scene.run(["exec", `${host}/local`, "--", "echo", "on"])).stdout).toBe("on\n");
    expect((await scene.kept())[1]).toMatchObject({ served: 1 });
  });

  test("is tried again while the host is away", async () => {
    await using scene = await Scene.open();
    using gate = await Gate.before(scene.server);
    scene.env["ECONTEXT_SSH_CONFIG"] = gate.configPath;
    const { host } = scene;
    await scene.run(["up", host]);
    gate.shut();
    const refused = (kept: Kept): boolean => typeof kept[0]?.["retryError"] === "string";
    const [away] = await until(scene, refused);
    expect(away).toMatchObject({
      lost: expect.stringMatching(/^target: /),
      retryMs: expect.any(Number),
      retryError: expect.stringContaining("the host refuses the connection"),
    });
    expect((await scene.run(["ps"])).stdout).toMatch(
      /^lost: target: [^\\\n]*; (next attempt in|connecting)/m,
    );
    // A command says by itself what is wrong.
    const { stderr, status } = await scene.run(["exec", host, "--", "true"]);
    expect([stderr, status]).toEqual([expect.stringContaining("refuses the connection"), 255]);
    await gate.open();
    const [back] = await until(scene, isOpen);
    expect(back).toMatchObject({ target: host, retryMs: null, retryError: null });
    expect((await scene.run(["exec", host, "--", "echo", "on"])).stdout).toBe("on\n");
    expect((await scene.kept())[0]).toMatchObject({ served: 1 });
    // What is closed meanwhile stays closed.
    gate.shut();
    await until(scene, refused);
    expect(await scene.run(["down", host])).toMatchObject({ stderr: "", status: 0 });
    await soon(() => !existsSync(scene.socket));
  });

  test("is left to a person where the host asks for one", async () => {
    await using scene = await Scene.open();
    using gate = await Gate.before(scene.server);
    scene.env["ECONTEXT_SSH_CONFIG"] = gate.configPath;
    const { host } = scene;
    await scene.run(["up", host]);
    const key = join(dirname(scene.server.configPath), "user_key.pub");
    renameSync(key, `${key}.away`);
    gate.shut();
    await gate.open();
    const [lost] = await until(scene, isGivenUp);
    expect(lost).toMatchObject({
      lost: expect.any(String),
      retryMs: null,
      retryError: expect.stringContaining("permission denied"),
    });
    expect((await scene.run(["ps"])).stdout).toContain("; econtext up opens it (target: ");
    renameSync(`${key}.away`, key);
    expect(await scene.run(["up", host])).toMatchObject({ stderr: "", status: 0 });
    expect(await scene.kept()).toEqual([
      expect.objectContaining({ target: host, lost: null, retryError: null }),
    ]);
  });
});
