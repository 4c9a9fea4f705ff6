/** What the other tests take from the laboratory. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../conformance/session.ts";
import { isRunning } from "../helpers/leaks.ts";
import { suite } from "../helpers/skip.ts";
import { SOON_MS } from "../helpers/soon.ts";
import { Lab, missingLab } from "./lab.ts";
import { run } from "./processes.ts";

const MASTER = join(import.meta.dir, "../fixtures/lab-master.ts");

suite("laboratory", missingLab(), "lab", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.open({ wires: ["bastion", "web3"], password: "correct horse" });
  });
  afterAll(() => lab?.[Symbol.asyncDispose]());

  const ssh = (...command: string[]) =>
    run(["ssh", "-F", lab.configPath, "bastion", ...command]).then((text) => text.trim());

  test("the machines are reached through the bastion alone, each with its own name", async () => {
    expect(await ssh("hostname")).toBe("bastion");
    for (const name of ["web1", "web2", "web3"])
      expect(await ssh(`ssh ${name} hostname`)).toBe(name);
    expect(await ssh("ssh web1-23 hostname")).toBe("web1");
    const direct = run(["ssh", "-F", lab.configPath, "-oConnectTimeout=1", "172.30.0.11", "id"]);
    expect(await direct.then(() => "open", String)).toContain("ssh");
  });

  test("a machine knows only its neighbour", async () => {
    const inside = ["nsenter", "-t", String(lab.host("web2").pid), "-n"];
    const routes = await run([...inside, "ip", "route"]);
    expect(routes.match(/172\.30\.0\.\d+/g)).toEqual(["172.30.0.1", "172.30.0.12"]);
  });

  test("sudo, su, doas, containers and another Debian are there", async () => {
    expect(await ssh("ssh web1 sudo id -un")).toBe("root");
    expect(await ssh("ssh web1 doas id -un")).toBe("root");
    expect(await ssh("ssh web1 sudo podman exec app cat /etc/debian_version")).toStartWith("13");
    expect(await ssh("ssh web2 sudo id -un")).toBe("root");
    expect(await ssh("ssh web2 sudo --version 2>&1")).toStartWith("sudo-rs");
    expect(await ssh("ssh web2 ssh -V 2>&1")).toStartWith("OpenSSH_10");
    const asBea = lab.host("web1").run(["su", "bea", "-c", "sudo -S id -un"], "correct horse\n");
    expect((await asBea).trim()).toBe("root");
    expect(await lab.emptied(SOON_MS)).toBeNumber();
  });

  test("what a session leaves behind is found", async () => {
    await ssh("ssh web1 'setsid sleep 1000 >/dev/null 2>&1 </dev/null &'");
    const strays = () => lab.strays().filter(({ command }) => command.startsWith("sleep 1000"));
    // The login ends when the shell has started the program.
    expect(await eventually(() => strays().length === 1)).toBe(true);
    await lab
      .host("web1")
      .run(["kill", ...strays().map(() => "-1")])
      .catch(() => {});
    for (const { pid } of strays()) process.kill(pid, "SIGKILL");
    await lab.emptied(SOON_MS);
  });

  test("a wire is slow, loses packets, and is cut and mended", async () => {
    const wire = lab.wire("bastion");
    await wire.delay(100);
    const began = performance.now();
    await ssh("true");
    // The handshake of TCP alone is one round trip.
    expect(performance.now() - began).toBeGreaterThan(4 * 200);
    await wire.delay(0);
    await wire.lose(5);
    expect(await ssh("seq 1 20000 | tail -1")).toBe("20000");
    await wire.lose(0);
    await wire.cut();
    const cut = run(["ssh", "-F", lab.configPath, "-oConnectTimeout=1", "bastion", "true"]);
    expect(await cut.then(() => "open", String)).toContain("timed out");
    await wire.mend();
    expect(await ssh("hostname")).toBe("bastion");
  });

  test("nothing is left of one whose tests were killed", async () => {
    await using master = Bun.spawn([process.execPath, MASTER], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const line = new TextDecoder().decode((await master.stdout.getReader().read()).value);
    const [dir = "", pid] = line.trim().split(" ");
    expect(isRunning(Number(pid))).toBe(true);
    master.kill("SIGKILL");
    await master.exited;
    while (isRunning(Number(pid))) await Bun.sleep(10);
    expect(existsSync(dir)).toBe(true);
    await using another = await Lab.open({ machines: [] });
    expect(another.configPath).not.toStartWith(`${dir}/`);
    expect(existsSync(dir)).toBe(false);
  });
});
