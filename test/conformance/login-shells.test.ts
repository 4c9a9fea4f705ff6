/**
 * The shells that sshd may hand our command line to: what every one of them must start, and how.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Broker, type ConnectOptions } from "../../src/index.ts";
import { nodeOf } from "../helpers/javascripts.ts";
import { pythons, SUPPORTED } from "../helpers/pythons.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { loginShell, missingSshd, startSshd } from "../helpers/sshd.ts";
import { pythonKind } from "./python.ts";
import { type Connect, opener } from "./session.ts";

/** Each behind sshd's own way to run it: `SHELL -c COMMAND`. */
const SHELLS = ["sh", "bash", "zsh", "fish", "tcsh", "ksh"];
const python = pythons().at(-1);
const kind = pythonKind(SUPPORTED.at(-1) ?? "3.13");

for (const shell of SHELLS) {
  const { path = "", missing } = loginShell(shell);
  suite(`login shell ${shell}`, missingSshd() ?? missing, "shells", () => {
    let server: SshServer | undefined;
    beforeAll(async () => {
      server = await startSshd({ loginShell: path });
    });
    afterAll(() => server?.[Symbol.asyncDispose]());
    const ssh = () => ({ options: ["-F", server?.configPath ?? ""] });

    const serves = async (connect: Connect): Promise<string> => {
      await using session = await connect();
      const { context, logs } = session;
      const { executable, pid } = await context.ready();
      expect(await context.call("os.getpid")).toBe(pid);
      expect(await context.call("echo.echo", "a $b 'c' \"d\" !e")).toBe("a $b 'c' \"d\" !e");
      await context.call("os.system", "echo $0 said");
      expect(logs.map((r) => r.message)).toEqual(["sh said"]);
      return executable;
    };

    test("with a named interpreter", async () => {
      const named = opener("target", kind, () => ({
        python: python?.path ?? "python3",
        ssh: ssh(),
      }));
      expect(await serves(named)).toContain("python");
    });

    const asked = async (options: ConnectOptions, fn?: string): Promise<string> => {
      await using broker = new Broker();
      const context = await broker.connect("target", { ...options, ssh: ssh() });
      // The first call decides what is looked for.
      const text = "a $b 'c' \"d\" !e";
      if (fn !== undefined) expect(await context.call(fn, text)).toBe(text);
      return (await context.ready()).kind;
    };

    test("a named Bun and a named Node.js", async () => {
      expect(await asked({ kind: "bun", bun: process.execPath }, "structuredClone")).toBe("bun");
      const { path: node, missing: none } = nodeOf("22");
      if (none !== undefined) return;
      expect(await asked({ kind: "node", node }, "structuredClone")).toBe("node");
    });

    test("the first stage finds what JavaScript runs on, and whatever there is", async () => {
      const found = await asked({}, "node:util.format").catch((error: Error) => error.message);
      // Whether sshd's PATH has one is the machine's affair; that the shell runs what looks for it
      // is not.
      expect(found).toMatch(/^(bun|node)$|tried bun, node/);
      expect(await asked({})).toMatch(/^(python|bun|node)$/);
    });

    test("the first stage finds the interpreter itself", async () => {
      expect(await serves(opener("target", kind, () => ({ ssh: ssh() })))).toContain("python");
    });
  });
}

const ODD_COMMANDS: readonly (readonly [command: string, said: RegExp])[] = [
  ["internal-sftp", /lets this account copy files, and run nothing/],
  ["echo no >&2; exit 3", /seems to run a command of its own: it ended with status 3[\s\S]*no\n/],
  ["/bin/false", /seems to run a command of its own: it ended with status 1.*printed nothing/],
];
suite("a server that runs a command of its own", missingSshd(), "sshd", () => {
  for (const [command, said] of ODD_COMMANDS) {
    test(command, async () => {
      await using server = await startSshd({ config: [`ForceCommand ${command}`] });
      for (const engine of [{}, { engine: "embedded" }] as const) {
        const ssh = { options: ["-F", server.configPath], ...engine };
        await using broker = new Broker();
        const connected = broker.connect("target", { ssh });
        const told = await connected.then((context) => context.ready()).catch(String);
        expect(told).toMatch(said);
        expect(told).not.toMatch(/--python|usable/);
      }
    });
  }
});

const nologin = Bun.which("nologin", { PATH: "/usr/sbin:/sbin" });
const noNologin = nologin === null ? "no nologin" : undefined;
suite("login shell nologin", missingSshd() ?? noNologin, "sshd", () => {
  test("is told, however ssh is spoken", async () => {
    await using server = await startSshd({ loginShell: nologin ?? "" });
    for (const engine of [{}, { engine: "embedded" }] as const) {
      const ssh = { options: ["-F", server.configPath], ...engine };
      await using broker = new Broker();
      const connected = broker.connect("target", { ssh });
      expect(await connected.then((context) => context.ready()).catch(String)).toMatch(
        /the account has no login shell[\s\S]*chsh -s/,
      );
    }
  });
});
