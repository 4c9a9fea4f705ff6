/** The life of what `econtext up` keeps: who may use it, how it ends, and what is left of it. */
import { expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { descendants, isRunning } from "../helpers/leaks.ts";
import { suite } from "../helpers/skip.ts";
import { soon } from "../helpers/soon.ts";
import { missingSshd } from "../helpers/sshd.ts";
import { Scene } from "./scene.ts";

setDefaultTimeout(120_000);

suite("what econtext up keeps", missingSshd(), "sshd", () => {
  test("is shown, belongs to its user alone, and leaves nothing when it ends", async () => {
    await using scene = await Scene.open();
    const { host } = scene;
    expect(await scene.run(["ps"])).toMatchObject({ stdout: "", status: 1 });
    expect(await scene.run(["down"])).toMatchObject({ stdout: "", stderr: "", status: 0 });
    const up = await scene.run(["up", host, `${host}/local`]);
    expect(up).toMatchObject({ stderr: "", status: 0 });
    expect(up.stdout.split("\n").filter(Boolean).sort()).toEqual([
      expect.stringMatching(/^target\/local: python 3\.\S+, pid \d+$/),
      expect.stringMatching(/^target: python 3\.\S+, pid \d+$/),
    ]);
    const folder = join(scene.folder, "econtext");
    expect([statSync(folder).mode & 0o777, lstatSync(scene.socket).mode & 0o777]).toEqual([
      0o700, 0o600,
    ]);
    expect(await scene.kept()).toEqual([
      expect.objectContaining({ target: host, depth: 0, via: null, lost: null }),
      expect.objectContaining({ target: `${host}/local`, depth: 1, via: host, lost: null }),
    ]);
    const { stdout } = await scene.run(["ps"]);
    expect(stdout).toMatch(/^TARGET +SSH +KIND +PID +AGE +ROUND TRIP +SENT\/RECEIVED +LAST USED\n/);
    expect(stdout).toMatch(/\n {2}target\/local +- +python/);
    const pid = scene.daemon() as number;
    const started = descendants(pid);
    expect(started.length).toBeGreaterThan(0);
    expect(await scene.run(["down", "absent"])).toMatchObject({
      stderr: "econtext down: not kept: absent\n",
      status: 1,
    });
    expect(await scene.run(["down", host])).toMatchObject({ stderr: "", status: 0 });
    expect(await scene.run(["down", host])).toMatchObject({
      stderr: `econtext down: ${host} is a hop: it closes with the last target behind it\n`,
      status: 1,
    });
    expect(await scene.run(["up", host])).toMatchObject({ stderr: "", status: 0 });
    expect(await scene.run(["down", `${host}/local`])).toMatchObject({ stderr: "", status: 0 });
    expect((await scene.kept()).map(({ target }) => target)).toEqual([host]);
    expect(await scene.run(["down"])).toMatchObject({ stderr: "", status: 0 });
    await soon(() => !isRunning(pid) && started.every((one) => !isRunning(one.pid)));
    expect(existsSync(scene.socket)).toBe(false);
  });

  test("ends by SIGTERM, after its time, and with its parent", async () => {
    await using scene = await Scene.open();
    const { host } = scene;
    for (const how of ["SIGTERM", "idle", "parent"] as const) {
      const options = { SIGTERM: [], idle: ["--idle", "700ms"], parent: ["--with-parent"] }[how];
      const command = ["sh", "-c", '"$@"; status=$?; read line; exit $status', "sh"];
      const shell = Bun.spawn([...command, ...scene.argv(["up", ...options, host])], {
        env: { ...scene.env },
        stdio: ["pipe", "pipe", "inherit"],
      });
      const { value } = await shell.stdout.getReader().read();
      expect(new TextDecoder().decode(value)).toStartWith("target: python");
      const pid = scene.daemon() as number;
      if (how === "SIGTERM") process.kill(pid, "SIGTERM");
      if (how === "parent") {
        await Bun.sleep(600);
        expect(isRunning(pid)).toBe(true);
      }
      if (how !== "idle") shell.stdin.end();
      await soon(() => !isRunning(pid));
      shell.stdin.end();
      expect(await shell.exited).toBe(0);
      expect(existsSync(scene.socket)).toBe(false);
    }
  });

  test("a further up is told of another parent, and gives it another time", async () => {
    await using scene = await Scene.open();
    const { host } = scene;
    const words = scene.argv(["up", "--with-parent", host]);
    const shell = Bun.spawn(["sh", "-c", '"$@"; read line', "sh", ...words], {
      env: { ...scene.env },
      stdio: ["pipe", "pipe", "inherit"],
    });
    await shell.stdout.getReader().read();
    const pid = scene.daemon() as number;
    const short = await scene.run(["up", host]);
    expect(short.stderr).toContain(`ends with process ${shell.pid} (econtext up --with-parent)`);
    const long = await scene.run(["up", "--with-parent", "target2"]);
    expect(long.stderr).toContain("was there before: it does not end with this parent");
    expect(await scene.run(["up", "--idle", "300ms", host])).toMatchObject({ status: 0 });
    await soon(() => !isRunning(pid));
    shell.stdin.end();
    await shell.exited;
  });

  test("a command whose process is killed is cancelled; a killed keeper is told", async () => {
    await using scene = await Scene.open();
    const { host } = scene;
    await scene.run(["up", host]);
    const pid = scene.daemon() as number;
    const long = ["exec", host, "--", "sh", "-c", "echo $$; exec sleep 300"];
    const sleeping = async (child: ReturnType<typeof scene.start>): Promise<number> => {
      const { value } = await child.stdout.getReader().read();
      return Number.parseInt(new TextDecoder().decode(value), 10);
    };
    const client = scene.start(long);
    const remote = await sleeping(client);
    client.kill("SIGKILL");
    await soon(() => !isRunning(remote));
    expect(isRunning(pid)).toBe(true);
    expect(await scene.run(["exec", host, "--", "echo", "on"])).toMatchObject({ stdout: "on\n" });

    const other = scene.start(long);
    const far = await sleeping(other);
    process.kill(pid, "SIGKILL");
    const said = await other.stderr.text();
    expect(said).toBe(
      "econtext: the process that keeps the connections has ended (econtext up starts another)\n",
    );
    expect(await other.exited).toBe(255);
    await soon(() => !isRunning(far));
    const first = await scene.run(["exec", host, "--", "echo", "own"]);
    expect(first).toMatchObject({
      stdout: "own\n",
      stderr:
        "econtext: the process that kept connections has ended; econtext up opens them anew\n",
      status: 0,
    });
    expect(await scene.run(["exec", host, "--", "echo", "own"])).toMatchObject({ stderr: "" });
    expect(await scene.run(["up", host])).toMatchObject({ stderr: "", status: 0 });
  });

  test("signals reach the remote command, and end the local one as without it", async () => {
    await using scene = await Scene.open();
    const { host } = scene;
    await scene.run(["up", host]);
    const trap = "trap 'echo got; exit 3' INT TERM HUP; echo ready; while :; do sleep 0.1; done";
    for (const [script, name, status, signal] of [
      [trap, "SIGINT", 3, null],
      ["echo ready; exec sleep 300", "SIGTERM", null, "SIGTERM"],
      ["echo ready; exec sleep 300", "SIGINT", null, "SIGINT"],
    ] as const) {
      for (const isKept of [true, false]) {
        const env = { ECONTEXT_UP: isKept ? undefined : "off" };
        const child = scene.start(["exec", host, "--", "sh", "-c", script], { env });
        const reader = child.stdout.getReader();
        await reader.read();
        child.kill(name);
        await child.exited;
        expect({ isKept, status: child.exitCode, signal: child.signalCode }).toEqual({
          isKept,
          status,
          signal,
        });
      }
    }
  });

  test("a hundred commands at once, a loop, and what runs in the background", async () => {
    await using scene = await Scene.open();
    const { host } = scene;
    await scene.run(["up", host]);
    const all = await Promise.all(
      Array.from({ length: 100 }, (_, n) => scene.run(["exec", host, "--", "echo", String(n)])),
    );
    expect(all.map(({ stdout, status }) => `${status} ${stdout}`)).toEqual(
      all.map((_, n) => `0 ${n}\n`),
    );
    const [program] = scene.argv([]);
    const loop = `printf '1\\n2\\n3\\n' | while read n; do ${scene.argv([]).join(" ")} exec -n ${host} -- echo $n; done`;
    expect(program).toBeDefined();
    const loops = Bun.spawn(["sh", "-c", loop], { env: { ...scene.env }, stdout: "pipe" });
    expect(await loops.stdout.text()).toBe("1\n2\n3\n");
    const script = "(trap '' TERM; sleep 300) >/dev/null 2>&1 & echo $!";
    const { stdout } = await scene.run(["exec", host, "--", "sh", "-c", script]);
    expect(isRunning(Number(stdout))).toBe(false);
    // The shell waits until the program has left its session, and let go of its output.
    const leaves = "setsid sh -c 'echo $$; exec sleep 300 >/dev/null 2>&1' &";
    const far = `pid=$(${leaves}); echo $pid`;
    const left = Number((await scene.run(["exec", host, "--", "sh", "-c", far])).stdout);
    expect(isRunning(left)).toBe(true);
    process.kill(left);
  });

  test("code is never stale", async () => {
    await using scene = await Scene.open();
    await scene.run(["up", scene.host]);
    for (const n of [1, 2]) {
      writeFileSync(join(scene.folder, "tasks.py"), `def n(): return ${n}\n`);
      writeFileSync(join(scene.folder, "tasks.ts"), `export const n = (): number => ${n};\n`);
      for (const file of ["tasks.py", "tasks.ts"]) {
        expect((await scene.run(["call", scene.host, `${file}:n`])).stdout).toBe(`${n}\n`);
      }
    }
  });

  test("a process that does not answer is told of, and the command connects by itself", async () => {
    await using scene = await Scene.open();
    const { host } = scene;
    await scene.run(["up", host]);
    const pid = scene.daemon() ?? 0;
    expect(pid).toBeGreaterThan(1);
    process.kill(pid, "SIGSTOP");
    try {
      const silent = `the process that keeps connections (pid ${pid}) does not answer`;
      const [exec, ps] = await Promise.all([
        scene.run([
          "exec",
          host,
          "--",
          "sh",
          "-c",
          `echo on >> ${scene.folder}/ran; cat ${scene.folder}/ran`,
        ]),
        scene.run(["ps"]),
      ]);
      expect(exec).toMatchObject({ stdout: "on\n", status: 0 });
      expect(exec.stderr).toContain(`econtext: not used: ${silent}`);
      expect(ps.stderr).toContain(`econtext ps: ${silent}`);
    } finally {
      process.kill(pid, "SIGCONT");
    }
    // Nothing that was given up is done later.
    expect((await scene.run(["exec", host, "--", "cat", `${scene.folder}/ran`])).stdout).toBe(
      "on\n",
    );
  });

  test("what has the folder of each command is not kept", async () => {
    await using scene = await Scene.open();
    for (const target of ["local", "local/unshare", "sudo:root"]) {
      const { stderr, status } = await scene.run(["up", scene.host, target]);
      expect(stderr).toStartWith(`econtext up: ${target} cannot be kept: `);
      expect(status).toBe(2);
    }
    expect(await scene.kept()).toEqual([]);
  });

  test("another environment, another version and an unsafe folder are refused", async () => {
    await using scene = await Scene.open();
    const { host } = scene;
    await scene.run(["up", host]);
    const env = { SSH_AUTH_SOCK: "/absent" };
    expect(await scene.run(["up", host], { env })).toMatchObject({
      stderr:
        "econtext up: SSH_AUTH_SOCK is not what it was at econtext up; econtext down ends what is open\n",
      status: 255,
    });
    const served = async () => Number((await scene.kept())[0]?.["served"]);
    const before = await served();
    expect((await scene.run(["exec", host, "--", "echo", "a"], { env })).stdout).toBe("a\n");
    expect(await served()).toBe(before);
    await scene.run(["down"]);
    await soon(() => !existsSync(scene.socket));

    const folder = join(scene.folder, "econtext");
    chmodSync(folder, 0o755);
    const refused = await scene.run(["up", host]);
    expect(refused).toMatchObject({ status: 1 });
    expect(refused.stderr).toContain(`${folder} is open to other users`);
    chmodSync(folder, 0o700);
    // A link in the place of the folder, and a file in the place of the socket.
    writeFileSync(scene.socket, "");
    chmodSync(scene.socket, 0o600);
    expect(await scene.run(["exec", host, "--", "echo", "a"])).toMatchObject({
      stdout: "a\n",
      stderr: `econtext: not used: ${scene.socket} is no socket\n`,
    });
    const linked = join(scene.folder, "other");
    mkdirSync(linked, { mode: 0o700 });
    symlinkSync(folder, join(linked, "econtext"));
    const env2 = { XDG_RUNTIME_DIR: linked };
    expect((await scene.run(["up", host], { env: env2 })).stderr).toContain("is no folder");
    expect((await scene.run(["exec", host, "--", "echo", "a"], { env: env2 })).stderr).toBe(
      `econtext: not used: ${join(linked, "econtext")} is no folder\n`,
    );
  });

  test.skipIf(process.getuid?.() !== 0)("another user gets nothing by it", async () => {
    await using scene = await Scene.open();
    const { host } = scene;
    await scene.run(["up", host]);
    const folder = join(scene.folder, "econtext");
    await using _modes = {
      [Symbol.asyncDispose]: async () => {
        chownSync(folder, 0, 0);
        chmodSync(folder, 0o700);
        chmodSync(scene.socket, 0o600);
      },
    };
    // Even if the modes let others in, the kernel tells who they are.
    for (const path of [scene.folder, folder]) chmodSync(path, 0o755);
    chmodSync(scene.socket, 0o666);
    const stream = { isTerminal: false, coloured: false };
    const streams = { stdin: stream, stdout: stream, stderr: stream, hasPerson: false };
    const hello = JSON.stringify({ identity: "", args: ["ps"], env: {}, folder: "/", ...streams });
    const ask = `
      const hello = Buffer.from(${JSON.stringify(hello)});
      const head = Buffer.alloc(5); head.writeUInt32LE(hello.length); head[4] = 1;
      let got = "";
      const socket = require("node:net").connect(${JSON.stringify(scene.socket)});
      socket.on("connect", () => socket.write(Buffer.concat([head, hello])));
      socket.on("data", (bytes) => { got += bytes.toString(); });
      socket.on("error", () => {});
      socket.on("close", () => console.log(JSON.stringify(got)));`;
    const stranger = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const answerTo = async (argv: readonly string[]): Promise<string> => {
      await using child = Bun.spawn([...argv, process.execPath, "-e", ask], {
        env: { PATH: process.env["PATH"] },
        stdio: ["ignore", "pipe", "inherit"],
      });
      return await child.stdout.text();
    };
    expect(await answerTo(stranger)).toBe('""\n');
    expect(await answerTo([])).toContain("another version of econtext");
    // A folder that another user has made is told, and not used.
    chownSync(folder, 65_534, 65_534);
    chmodSync(folder, 0o700);
    expect(await scene.run(["exec", host, "--", "echo", "own"])).toMatchObject({
      stdout: "own\n",
      stderr: `econtext: not used: ${folder} belongs to another user\n`,
    });
    expect(await scene.run(["up", host])).toMatchObject({ status: 1 });
    chownSync(folder, 0, 0);
    // Its own user does not trust a socket that others could open, either.
    expect(await scene.run(["ps"])).toMatchObject({
      stderr: `econtext: ${scene.socket} is open to other users\n`,
      status: 1,
    });
  });

  test("a target that cannot be opened is an error, and keeps no process", async () => {
    await using scene = await Scene.open();
    const run = await scene.run(["up", "-o", "Port=1", scene.host]);
    expect(run.status).toBe(255);
    expect(run.stderr).toContain("target: ");
    await soon(() => scene.daemon() === undefined);
  });
});
