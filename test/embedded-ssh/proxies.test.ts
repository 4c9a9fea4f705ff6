/**
 * The end of proxy commands: when a command has ended, nothing is left of the proxy that its
 * connection led through. A real sshd is the server.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, spyOn, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EmbeddedSpawner } from "../../src/embedded-ssh/spawner.ts";
import { descendants } from "../helpers/leaks.ts";
import { runEcontext } from "../helpers/run-econtext.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";

setDefaultTimeout(60_000);

/** Milliseconds until a connection that does not end is closed by force. */
const END_MS = 1_000;

suite("proxy commands of the embedded ssh", missingSshd(), "sshd", () => {
  const folder = mkdtempSync(join(tmpdir(), "econtext-proxies-"));
  const heard = join(folder, "heard");
  let server: SshServer;

  beforeAll(async () => {
    server = await startSshd();
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const left = (): string[] =>
    descendants(1).flatMap(({ command }) => (command.includes(folder) ? command : []));

  /** @param end what the proxy does after the end of its input. It notes SIGHUP at any time. */
  const configure = (end: string, ...lines: readonly string[]): string => {
    const path = join(folder, "config");
    const proxy = join(folder, "proxy");
    const note = `trap "echo SIGHUP >>${heard}; exit" HUP`;
    const bridge = ["exec 3<>/dev/tcp/$1/$2", "cat <&3 &", "cat >&3", "kill $!", "wait"];
    writeFileSync(proxy, [note, ...bridge, end, ""].join("\n"));
    const command = `  ProxyCommand bash ${proxy} %h %p`;
    const own = readFileSync(server.configPath, "utf8");
    writeFileSync(path, [...lines, "Host target", command, own].join("\n"));
    writeFileSync(heard, "");
    return path;
  };

  const run = async (config: string, host = "target") => {
    const argv = ["ssh", "-F", config, "-T", "--", host, "exit 3"];
    const child = new EmbeddedSpawner().spawn(argv, { asks: false, isClient: true });
    child.listen({ data() {}, drained() {}, closed() {} });
    const ending = await child.ended;
    await child.gone;
    return ending;
  };

  const goesOn = `(exec -a ${folder}/sleep sleep 70) & wait`;

  test("one that ends with its input gets no SIGHUP", async () => {
    // What ends a connection by force comes later than any machine is slow.
    const setTimer = globalThis.setTimeout;
    let forced = 0;
    const later = (work: () => void, ms?: number) => {
      const force = (): void => {
        forced += 1;
        work();
      };
      return ms === END_MS ? setTimer(force, 20 * END_MS) : setTimer(work, ms);
    };
    using _ = spyOn(globalThis, "setTimeout").mockImplementation(later as typeof setTimeout);
    expect(await run(configure(""))).toEqual({ status: 3 });
    expect(left()).toEqual([]);
    expect(readFileSync(heard, "utf8")).toBe("");
    expect(forced).toBe(0);
  });

  test("one that goes on gets SIGHUP", async () => {
    const ending = await run(configure(goesOn));
    expect(left()).toEqual([]);
    expect(ending).toEqual({ status: 3 });
    expect(readFileSync(heard, "utf8")).toBe("SIGHUP\n");
  });

  test("one of a jump host that goes on gets SIGHUP", async () => {
    const config = configure(goesOn, "Host target-far", "  ProxyJump target");
    const ending = await run(config, "target-far");
    expect(left()).toEqual([]);
    expect(ending).toEqual({ status: 3 });
    expect(readFileSync(heard, "utf8")).toBe("SIGHUP\n");
  });

  test("one that goes on is gone when the program ends", async () => {
    const config = configure(goesOn);
    const options = ["-F", config, "--ssh", "embedded"];
    const { status, stderr } = await runEcontext(
      folder,
      "exec",
      ...options,
      "target",
      "--",
      "true",
    );
    expect(left()).toEqual([]);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(readFileSync(heard, "utf8")).toBe("SIGHUP\n");
  });
});
