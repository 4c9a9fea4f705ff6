/** The end of what `econtext up` keeps while it is in use, and processes that cannot be used. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { ECONTEXT } from "../cli/econtext.ts";
import { isRunning } from "../helpers/leaks.ts";
import { suite } from "../helpers/skip.ts";
import { soon } from "../helpers/soon.ts";
import { missingSshd } from "../helpers/sshd.ts";
import { Scene } from "./scene.ts";

setDefaultTimeout(120_000);

/** Starts a command that waits. @returns it, and the pid of the remote command */
async function startLong(scene: Scene, target: string) {
  const child = scene.start(["exec", target, "--", "sh", "-c", "echo $$; exec sleep 300"]);
  const { value } = await child.stdout.getReader().read();
  return { child, pid: Number.parseInt(new TextDecoder().decode(value), 10) };
}

suite("econtext down", missingSshd(), "sshd", () => {
  test("tells the commands that it ends; the other targets of a set stay", async () => {
    await using scene = await Scene.open();
    const names = [1, 2, 3].map((n) => `${scene.host}${n}`);
    const up = await scene.run(["up", `${scene.host}[1-3]`]);
    expect(up).toMatchObject({ stderr: "", status: 0 });
    expect((await scene.kept()).map(({ target }) => target)).toEqual(names);
    const echo = ["exec", `${scene.host}[1-3]`, "--", "echo", "hi"];
    expect((await scene.run(echo)).stdout.split("\n").sort()).toEqual([
      "",
      ...names.map((name) => `${name}: hi`),
    ]);
    expect((await scene.kept()).map(({ served }) => served)).toEqual([1, 1, 1]);
    for (const args of [["down", names[0] as string], ["down"]]) {
      const { child, pid } = await startLong(scene, args[1] ?? (names[1] as string));
      expect(await scene.run(args)).toMatchObject({ stdout: "", stderr: "", status: 0 });
      expect(await child.stderr.text()).toBe(
        "econtext: the connection is closed: econtext down, or the end of econtext up\n",
      );
      expect(await child.exited).toBe(255);
      await soon(() => !isRunning(pid));
      const kept = (await scene.kept()).map(({ target }) => target);
      expect(kept).toEqual(args.length === 2 ? names.slice(1) : []);
    }
  });
});

suite("a process that keeps connections", missingSshd(), "sshd", () => {
  test("leaves a socket when it is killed, which nothing trusts", async () => {
    await using scene = await Scene.open();
    const { host } = scene;
    await scene.run(["up", host]);
    const pid = scene.daemon() as number;
    process.kill(pid, "SIGKILL");
    await soon(() => !isRunning(pid));
    expect(existsSync(scene.socket)).toBe(true);
    let listed = await scene.run(["ps"]);
    // The system closes a socket some moments after the process is gone.
    for (let round = 0; listed.status === 255 && round < 20; round++) {
      await Bun.sleep(100);
      listed = await scene.run(["ps"]);
    }
    expect(listed).toMatchObject({
      stderr: "econtext ps: nothing is kept; econtext up TARGET opens it\n",
      status: 1,
    });
    expect(await scene.run(["down"])).toMatchObject({ stdout: "", stderr: "", status: 0 });
    expect(await scene.run(["up", host])).toMatchObject({ stderr: "", status: 0 });
  });

  const isCompiled = ECONTEXT.length === 1;
  test.skipIf(!isCompiled)("of another version is not used, told by ps, and replaced", async () => {
    await using scene = await Scene.open();
    const { host } = scene;
    const other = join(scene.folder, "econtext-other");
    copyFileSync(ECONTEXT[0] as string, other);
    const options = { env: { ...scene.env }, stdout: "ignore", stderr: "inherit" } as const;
    expect(await Bun.spawn([other, "up", host], options).exited).toBe(0);
    const pid = scene.daemon() as number;
    const words = `another version of econtext (pid ${pid}) keeps the connections`;
    expect(await scene.run(["exec", host, "--", "echo", "own"])).toMatchObject({
      stdout: "own\n",
      stderr: "",
      status: 0,
    });
    for (const args of [["ps"], ["down", host]]) {
      expect(await scene.run(args)).toMatchObject({
        stderr: `econtext ${args[0]}: ${words}; econtext down, without a TARGET, ends it\n`,
        status: 255,
      });
    }
    expect(await scene.run(["up", host])).toMatchObject({
      stderr: `econtext up: ${words}: it is replaced\n`,
      status: 0,
    });
    await soon(() => !isRunning(pid));
    expect(await scene.run(["exec", host, "--", "echo", "on"])).toMatchObject({
      stdout: "on\n",
      stderr: "",
    });
    expect((await scene.kept())[0]).toMatchObject({ served: 1 });
  });
});
