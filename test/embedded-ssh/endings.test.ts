/**
 * Servers that close, disconnect or refuse, at each stage of a connection and on a jump host: the
 * embedded ssh says what ssh says.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AuthContext, Connection, ServerChannel, Session } from "ssh2";
import { EmbeddedSpawner } from "../../src/embedded-ssh/spawner.ts";
import { LocalSpawner } from "../../src/launch/local-child.ts";
import { ssh } from "../../src/transports/ssh.ts";
import { run } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import { missingSshd } from "../helpers/sshd.ts";
import { type Outcome, type Run, withEmbedded, withSsh } from "./compare.ts";
import { disconnect, letIn, socketOf, withListener, withServer } from "./odd-server.ts";

setDefaultTimeout(60_000);

type Refuse = () => void;

const letInAnd = (event: "ready" | "session" | "tcpip", work: (client: Connection) => void) => {
  return (client: Connection): void => {
    letIn(client);
    client.on(event as "ready", () => work(client));
  };
};
const refuseExec = (client: Connection): void => {
  letIn(client);
  client.on("session", (accept: () => Session) =>
    accept().on("exec", (_accept: unknown, refuse: Refuse) => refuse()),
  );
};
const refuse = (event: "session" | "tcpip") => (client: Connection) => {
  letIn(client);
  client.on(event as "session", (_accept: unknown, refuse: Refuse) => refuse());
};
const sayGoodbye = (client: Connection): void => disconnect(client, 11);
const leave = (client: Connection): void => void socketOf(client).end();

/** Each with words of ssh that must be there. */
const ENDINGS: readonly (readonly [string, (client: Connection) => void, string])[] = [
  [
    "that leaves before the login",
    (client) => client.on("authentication", () => leave(client)),
    "Connection closed by 127.0.0.1 port PORT",
  ],
  [
    "that has seen too many attempts",
    (client) => client.on("authentication", () => disconnect(client, 2)),
    "Received disconnect from 127.0.0.1 port PORT:2: ",
  ],
  [
    "that disconnects after the login",
    letInAnd("ready", sayGoodbye),
    "Received disconnect from 127.0.0.1 port PORT:11: ",
  ],
  [
    "that leaves when a session is wanted",
    letInAnd("session", leave),
    "Connection to 127.0.0.1 closed by remote host.",
  ],
  ["that allows no session", refuse("session"), "channel 0: open failed: connect failed: "],
  ["that runs no command", refuseExec, "exec request failed on channel 0"],
];

suite("how a connection ends", missingSshd(), "sshd", () => {
  const folder = mkdtempSync(join(tmpdir(), "econtext-endings-"));
  const key = join(folder, "key");
  let count = 0;
  beforeAll(() => run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const another = (): string => join(folder, `run${++count}`);
  const account = [
    `IdentityFile ${key}`,
    "IdentitiesOnly yes",
    "IdentityAgent none",
    "StrictHostKeyChecking no",
    "UserKnownHostsFile /dev/null",
  ];
  const direct = (port: number): Run => ({
    lines: ["HostName 127.0.0.1", `Port ${port}`, ...account],
  });
  const jump = (port: number): Run => ({
    lines: [
      ...["Host bastion", "HostName 127.0.0.1", `Port ${port}`],
      ...["Host target", "HostName 192.0.2.1", "ProxyJump bastion"],
      ...["Host *", ...account],
    ],
  });
  const said = ({ stderr }: Outcome, port: number): string =>
    stderr.replace(/^Warning: Permanently added.*\n/gm, "").replaceAll(String(port), "PORT");
  /** @returns what both have said */
  const both = async (run: Run, port: number): Promise<[theirs: string, ours: string]> => {
    const [theirs, ours] = await Promise.all([
      withSsh(another(), run),
      withEmbedded(another(), run),
    ]);
    expect(theirs.status).toBe(255);
    expect(ours.status).toBe(255);
    expect(ours.code).toBe(theirs.code as string);
    return [said(theirs, port), said(ours, port)];
  };

  for (const [name, serve, words] of ENDINGS) {
    test(`a server ${name}`, () =>
      withServer(key, serve, async (port) => {
        const [theirs, ours] = await both(direct(port), port);
        expect(ours).toBe(theirs);
        expect(ours).toContain(words);
      }));
  }

  describe("before the version of the server", () => {
    test("its words are shown, as by ssh -v", () =>
      withListener(
        (socket) => socket.end("Exceeded MaxStartups\r\nbye\r\n"),
        async (port) => {
          const [theirs, ours] = await both(direct(port), port);
          const line = "kex_exchange_identification: banner line";
          expect(ours).toBe(`${line} 0: Exceeded MaxStartups\n${line} 1: bye\n${theirs}`);
        },
      ));
  });

  for (const version of ["SSH-1.5-old", "SSH-3.0-new", "SSH-2.0", "SSH-x-2.0"]) {
    test(`a server of the version ${version}`, () =>
      withListener(
        (socket) => socket.write(`${version}\r\n`),
        async (port) => {
          const [theirs, ours] = await both(direct(port), port);
          expect(ours).toBe(theirs);
          expect(ours).toContain("banner exchange: Connection to 127.0.0.1 port PORT: ");
        },
      ));
  }

  describe("a jump host is named", () => {
    const END = "kex_exchange_identification: Connection closed by remote host\n";
    const LAST = `${END}Connection closed by UNKNOWN port 65535\n`;
    const named = (what: string) => `The embedded ssh: the jump host bastion ${what}.\n${LAST}`;
    const NAMED = named("has failed");
    const NO_WAY = named("opens no way to 192.0.2.1 port 22");
    test("that closes at once", () =>
      withListener(
        (socket) => socket.end(),
        async (port) => {
          const [theirs, ours] = await both(jump(port), port);
          expect(ours).toBe(theirs.replace(LAST, NAMED));
          expect(ours).toContain("Connection closed by 127.0.0.1 port PORT\nThe embedded");
        },
      ));
    for (const [name, serve, words] of [
      ["that refuses the way on", refuse("tcpip"), NO_WAY],
      ["that disconnects after the login", letInAnd("ready", sayGoodbye), NAMED],
    ] as const) {
      test(name, () =>
        withServer(key, serve, async (port) => {
          const [theirs, ours] = await both(jump(port), port);
          expect(ours).toBe(theirs.replace(LAST, words));
        }),
      );
    }
  });

  describe("a password that has expired", () => {
    /** What the server was sent, one after the other. */
    const sent: unknown[] = [];
    const serve = (client: Connection): void => {
      client.on("authentication", (context: AuthContext) => {
        if (context.method !== "password") return context.reject(["password"]);
        context.requestChange("Choose another.", (fresh) => {
          sent.push([context.password, fresh]);
          if (fresh === "new") context.accept();
          else context.reject(["password"]);
        });
      });
      client.on("session", (accept: () => Session) =>
        accept().on("exec", (take: () => ServerChannel) => {
          const channel = take();
          channel.on("data", () => {
            channel.exit(3);
            channel.end("ok in\n");
          });
        }),
      );
    };
    /** @returns what is the same for both */
    const changed = (answers: readonly string[]): Promise<Outcome> => {
      const { promise, resolve } = Promise.withResolvers<Outcome>();
      const work = async (port: number): Promise<void> => {
        const asking = { ...direct(port), answers, options: ["-oNumberOfPasswordPrompts=2"] };
        const [theirs, ours] = [
          await withSsh(another(), asking),
          await withEmbedded(another(), asking),
        ];
        expect(ours.asked).toEqual(theirs.asked);
        expect(said(ours, port)).toBe(said(theirs, port));
        expect(ours).toMatchObject({ status: theirs.status, stdout: theirs.stdout });
        resolve(ours);
      };
      return withServer(key, serve, work).then(() => promise);
    };

    test("is changed, after two that differ", async () => {
      const answers = ["old", "old", "new", "other", "new", "new"];
      const { status, stdout, stderr } = await changed(answers);
      expect({ status, stdout }).toEqual({ status: 3, stdout: "ok in\n" });
      expect(stderr).toContain("Choose another.\nMismatch; try again, EOF to quit.\n");
      expect(sent.splice(0)).toEqual([
        ["old", "new"],
        ["old", "new"],
      ]);
    });

    test("and a new one that the server does not take", async () => {
      const { status, stderr } = await changed([
        "old",
        "old",
        "bad",
        "bad",
        "old",
        "old",
        "bad",
        "bad",
      ]);
      expect(status).toBe(255);
      expect(stderr).toContain("Permission denied (password)");
      expect(sent.splice(0)).toHaveLength(4);
    });

    test("is told where nothing answers", () =>
      withServer(key, serve, async (port) => {
        const ours = await withEmbedded(another(), { ...direct(port), answers: ["old"] });
        expect(ours).toMatchObject({ status: 255, code: "ERR_TRANSPORT_PASSWORD_EXPIRED" });
        expect(ours.stderr).toBe("Choose another.\nYour password has expired.\n");
      }));
  });

  test("a server that leaves first holds up no end of the program", () => {
    const serve = (client: Connection): void => {
      letIn(client);
      client.on("session", (accept: () => Session) =>
        accept().on("exec", (run: () => ServerChannel) => {
          run();
          socketOf(client).destroy();
        }),
      );
    };
    const work = async (port: number): Promise<void> => {
      // A connection that does not end is closed by force after a second. Here it takes longer than
      // any machine is slow.
      const script = `
        let forced = 0;
        const { setTimeout: set } = globalThis;
        globalThis.setTimeout = (work, ms, ...rest) => {
          const force = () => void (forced++, work());
          return ms === 1000 ? set(force, 20_000) : set(work, ms, ...rest);
        };
        const { withEmbedded } = await import("${join(import.meta.dirname, "compare.ts")}");
        const { status } = await withEmbedded("${another()}", ${JSON.stringify(direct(port))});
        process.on("exit", () => console.log(status, forced));`;
      const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
      const [status, forced] = (await child.stdout.text()).split(" ").map(Number);
      expect({ status, forced }).toEqual({ status: 255, forced: 0 });
    };
    return withServer(key, serve, work);
  });

  test("a banner that ssh2 does not read", () => {
    const banner = `${"=".repeat(79)}\n`.repeat(600);
    const work = async (port: number): Promise<void> => {
      const ours = await withEmbedded(another(), direct(port));
      expect(ours).toMatchObject({ status: 255, code: "ERR_TRANSPORT_REFUSED" });
      const { message, hint } = ssh("target").explain(255, ours.stderr) ?? {};
      expect(message).toBe("the embedded ssh lacks what this server needs");
      expect(hint).not.toContain("-o");
      // ssh shows it, and goes on to where this server answers nothing but a refusal.
      const auto = new EmbeddedSpawner({ fallback: new LocalSpawner() });
      const theirs = await withEmbedded(another(), direct(port), auto);
      expect(theirs.stderr).toContain("=====");
      expect(theirs.stderr).toContain("exec request failed");
    };
    return withServer(key, refuseExec, work, banner);
  });
});
