/** Servers that hang, leave or demand without end, and keys that are broken: nothing waits on. */
import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AuthContext, Connection, ServerChannel, Session } from "ssh2";
import { keyFileAt } from "../../src/embedded-ssh/key-file.ts";
import { EmbeddedSpawner } from "../../src/embedded-ssh/spawner.ts";
import type { Asker } from "../../src/launch/child.ts";
import { Secret } from "../../src/prompts/secret.ts";
import { startAhead } from "../../src/session/head-start.ts";
import { descendants } from "../helpers/leaks.ts";
import { run } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import { soon } from "../helpers/soon.ts";
import { missingSshd } from "../helpers/sshd.ts";
import { letIn, socketOf, withListener, withServer } from "./odd-server.ts";

setDefaultTimeout(60_000);

suite("faults of embedded ssh", missingSshd(), "sshd", () => {
  const folder = mkdtempSync(join(tmpdir(), "econtext-faults-"));
  const key = join(folder, "key");
  const locked = join(folder, "locked");
  beforeAll(() => {
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]);
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "open sesame", "-f", locked]);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const start = (port: number, ...lines: string[]) => startAsking(undefined, port, ...lines);
  const startAsking = (asker: Asker | undefined, port: number, ...lines: string[]) => {
    const config = join(folder, `config${port}`);
    const own = [
      ...lines,
      "HostName 127.0.0.1",
      `Port ${port}`,
      "StrictHostKeyChecking no",
      "UserKnownHostsFile /dev/null",
      `IdentityFile ${key}`,
      "IdentitiesOnly yes",
      "IdentityAgent none",
    ];
    writeFileSync(config, `Host *\n${own.join("\n")}\n`);
    const argv = ["ssh", "-F", config, "--", "target", "command"];
    const child = new EmbeddedSpawner().spawn(argv, {
      asks: asker !== undefined,
      isClient: true,
      ...(asker === undefined ? {} : { asker }),
    });
    child.listen({ data() {}, drained() {}, closed() {} });
    return child;
  };

  for (const stage of ["session", "exec"] as const) {
    test(`a server that never answers a request for ${stage}`, async () => {
      const asked = Promise.withResolvers<void>();
      const serve = (client: Connection): void => {
        letIn(client);
        client.on("session", (accept: () => Session) => {
          if (stage === "session") asked.resolve();
          else accept().on("exec", () => asked.resolve());
        });
      };
      await withServer(key, serve, async (port) => {
        const child = start(port);
        await asked.promise;
        child.close();
        expect(await child.ended).toEqual({ status: 255 });
      });
    });
  }

  test("the end of a command that comes with its beginning", async () => {
    const serve = (client: Connection): void => {
      letIn(client);
      const socket = socketOf(client);
      client.on("session", (accept: () => Session) =>
        accept().on("exec", (run: () => ServerChannel) => {
          socket.cork();
          const channel = run();
          channel.exit(5);
          channel.end();
          socket.uncork();
        }),
      );
    };
    await withServer(key, serve, async (port) => {
      expect(await start(port).ended).toEqual({ status: 5 });
    });
  });

  test("a server that is never content with a key", async () => {
    const serve = (client: Connection): void => {
      client.on("authentication", (context: AuthContext) => context.reject(["publickey"], true));
    };
    await withServer(key, serve, async (port) => {
      const child = start(port);
      expect(await child.ended).toEqual({ status: 255 });
      expect(child.stderr).toContain("Permission denied (publickey).");
    });
  });

  describe("an agent that waits for its person", () => {
    const path = join(folder, "agent.sock");
    const line = `IdentityAgent ${path}`;
    let asked = Promise.withResolvers<void>();
    let left = Promise.withResolvers<void>();
    let count = 0;
    const agent = createServer((socket) => {
      count += 1;
      socket.on("close", () => left.resolve());
      socket.once("data", () => asked.resolve());
    });
    beforeAll(() => new Promise<void>((resolve) => agent.listen(path, () => resolve())));
    afterAll(() => void agent.close());
    beforeEach(() => {
      [asked, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      count = 0;
    });
    const taking = (method: "publickey" | "password") => (client: Connection) =>
      client.on("authentication", (context: AuthContext) => context.reject([method]));

    test("is left when the login is given up", () =>
      withServer(key, taking("publickey"), async (port) => {
        const child = start(port, line);
        await asked.promise;
        child.close();
        await left.promise;
      }));
    test("is not asked by a server that takes no keys", () =>
      withServer(key, taking("password"), async (port) => {
        expect(await start(port, line).ended).toEqual({ status: 255 });
        expect(count).toBe(0);
      }));
    test("is not asked where no keys are to be tried", () =>
      withServer(key, taking("publickey"), async (port) => {
        const lines = ["PubkeyAuthentication no", line];
        expect(await start(port, ...lines).ended).toEqual({ status: 255 });
        expect(count).toBe(0);
      }));
    test("is not asked before the host key is verified", () =>
      withServer(key, taking("publickey"), async (port) => {
        const child = start(port, "StrictHostKeyChecking yes", line);
        expect(await child.ended).toEqual({ status: 255 });
        expect(child.stderr).toContain("Host key verification failed.");
        expect(count).toBe(0);
      }));
    test("does not hold up ConnectTimeout", () =>
      withListener(
        () => {},
        async (port) => {
          const child = start(port, "ConnectTimeout 1", line);
          expect(await child.ended).toEqual({ status: 255 });
          expect(child.stderr).toContain("timed out during banner exchange");
        },
      ));
  });

  for (const answer of ["yes", "no", "open sesame"]) {
    test(`"${answer}" to a question whose connection was given up meanwhile`, async () => {
      const asked = Promise.withResolvers<void>();
      const closed = Promise.withResolvers<void>();
      const left = Promise.withResolvers<void>();
      const asker: Asker = {
        ask: async () => {
          asked.resolve();
          await closed.promise;
          return Secret.of(answer);
        },
      };
      const isPassphrase = answer === "open sesame";
      const serve = (client: Connection): void => {
        client.on("close", () => left.resolve());
        client.on("authentication", (context: AuthContext) => {
          if (context.method === "publickey") context.accept();
          else context.reject(["publickey"]);
        });
      };
      await withServer(key, serve, async (port) => {
        const line = isPassphrase ? `IdentityFile ${locked}` : "StrictHostKeyChecking ask";
        const child = startAsking(asker, port, line);
        await asked.promise;
        child.close();
        expect(await child.ended).toEqual({ status: 255 });
        // The server knows, so that ssh2 was told of the end, too.
        await left.promise;
        closed.resolve();
        // The answer must have no effect: an error would be one of this test.
        await Bun.sleep(50);
      });
    });
  }

  test("a server that leaves while its known keys are looked up", async () => {
    const server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
    const { port } = server.address() as AddressInfo;
    const child = start(port, "KnownHostsCommand /bin/sleep 0.3");
    expect(await child.ended).toEqual({ status: 255 });
    expect(child.stderr).toContain("Connection closed by remote host");
    server.close();
  });

  describe("nothing is left", () => {
    const marked = `9${process.pid}`;
    const left = (): string[] =>
      descendants(1).flatMap(({ command }) => (command.includes(`sleep ${marked}`) ? command : []));
    test("of a proxy command that ignores SIGHUP", async () => {
      const child = start(9, `ProxyCommand sh -c 'trap "" HUP; sleep ${marked}; true'`);
      await soon(() => left().length > 0);
      child.kill();
      expect(await child.ended).toEqual({ status: 255 });
      await child.gone;
      // They were killed. The system may take a moment.
      await soon(() => left().length === 0);
    });
    test("of an ssh -G whose Match exec goes on", async () => {
      const child = start(8, "HostName 127.0.0.1", `Match exec "exec sleep ${marked}"`);
      await soon(() => left().length > 0);
      child.kill();
      expect(await child.ended).toEqual({ status: 255 });
      // The command is not ssh's own: a killed ssh leaves it, too.
      for (const { pid, command } of descendants(1)) {
        if (command.includes(`sleep ${marked}`)) process.kill(pid);
      }
    });
  });
  test("a key file of which a part is left", async () => {
    const broken = join(folder, "broken");
    const whole = readFileSync(key, "latin1").split("\n");
    writeFileSync(broken, [whole[0], "b3BlbnNzaC1rZXktdjEA", whole.at(-2), ""].join("\n"), {
      mode: 0o600,
    });
    const use = { asker: undefined, attempts: 1, say() {} };
    expect(await keyFileAt(broken, use)?.open()).toBeUndefined();
  });
});

test("no ssh is started early where the embedded one is used", () => {
  const transport = {
    engine: "embedded",
    wrap: () => {
      throw new Error("a program would be started");
    },
  };
  startAhead(transport as never, "any", {}, {});
});
