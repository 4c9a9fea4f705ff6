/** What is told of the embedded ssh, and when. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { DIFFERENCES } from "../../src/embedded-ssh/notices.ts";
import { EmbeddedSpawner } from "../../src/embedded-ssh/spawner.ts";
import { Broker, type LogRecord } from "../../src/index.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";

setDefaultTimeout(60_000);

suite("notices of the embedded ssh", missingSshd(), "sshd", () => {
  let server: SshServer;

  beforeAll(async () => {
    server = await startSshd();
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });

  test("what is different is told once, and of each host which client connects", async () => {
    const logs: string[] = [];
    const onLog = ({ context, message }: LogRecord) => void logs.push(`${context}: ${message}`);
    await using broker = new Broker({ onLog, logLevel: "debug" });
    const connect = async (...options: readonly string[]): Promise<void> => {
      const own = ["-F", server.configPath, ...options];
      const context = await broker.connect("target", { ssh: { engine: "auto", options: own } });
      await context.ready();
    };
    const refused = ["-o", "ForwardX11=yes"];
    await connect(...refused);
    const spawned = "target: spawned ssh: ForwardX11 yes: windows are not forwarded";
    expect(logs.splice(0)).toEqual([expect.stringMatching(/^target: your ssh .*X11 yes/), spawned]);
    await Promise.all([connect(), connect("-o", "ConnectTimeout=20"), connect(...refused)]);
    const embedded = "target: embedded ssh";
    expect(logs.toSorted()).toEqual([`: ${DIFFERENCES}`, embedded, embedded, spawned]);
  });

  test("what is different is told before anything is asked", async () => {
    const events: string[] = [];
    const unknown = ["UserKnownHostsFile=/dev/null", "StrictHostKeyChecking=ask", "BatchMode=no"];
    const options = [...unknown.flatMap((option) => ["-o", option]), "-F", server.configPath];
    const child = new EmbeddedSpawner().spawn(["ssh", ...options, "-T", "--", "target", "true"], {
      asks: false,
      isClient: true,
      chosen: (refusal) => events.push(`chosen: ${refusal}`),
      asker: {
        ask: async () => {
          events.push("asked");
          return undefined;
        },
      },
    });
    expect((await child.ended).status).toBe(255);
    expect(events).toEqual(["chosen: undefined", "asked"]);
  });
});
