/** Which keys of a user the embedded ssh looks up and offers, beside the system's ssh. */

import { afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { relative } from "node:path";
import type { Connection } from "ssh2";
import { EmbeddedSpawner } from "../../src/embedded-ssh/spawner.ts";
import { LocalSpawner } from "../../src/launch/local-child.ts";
import { account } from "../../src/transports/account.ts";
import { run as runTool } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { type Run, withEmbedded, withSsh } from "./compare.ts";
import { withServer } from "./odd-server.ts";
import { OK, optionScene } from "./scene.ts";

/** Makes an agent hold a key that only a security key could sign with. None is needed for that. */
async function addSecurityKey(path: string, comment: string): Promise<void> {
  const string = (value: string | Uint8Array): Buffer => {
    const bytes = Buffer.from(value as Uint8Array);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const fields = ["sk-ssh-ed25519@openssh.com", new Uint8Array(32).fill(7), "ssh:"];
  const handle = ["handle", "", comment];
  const parts = [Buffer.of(17), ...fields.map(string), Buffer.of(1), ...handle.map(string)];
  const socket = connect(path);
  socket.write(string(Buffer.concat(parts)));
  const [reply] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  expect(reply[4]).toBe(6);
}

suite("identities of the embedded ssh", missingSshd(), "sshd", () => {
  const { at, folder, another, makeKey, usual, same } = optionScene();
  const denied = { status: 255, code: "ERR_TRANSPORT_PERMISSION_DENIED" } as const;

  const refused = { status: 255, code: "ERR_TRANSPORT_REFUSED", stdout: "" } as const;
  const using = (...lines: readonly string[]): Run => {
    const run = usual();
    return { ...run, lines: [...lines, ...run.lines.filter((one) => !/Identit/.test(one))] };
  };
  beforeAll(() => {
    for (const type of ["ed25519", "rsa"]) {
      makeKey(`certified_${type}`, type);
      const names = ["-I", "me", "-n", account().name];
      runTool(["ssh-keygen", "-q", "-s", at("ca"), ...names, at(`certified_${type}.pub`)]);
    }
  });

  describe("a certificate beside a key", () => {
    const file = `IdentityFile ${at("certified_rsa")}`;
    test("refuses the host", async () => {
      const ours = await withEmbedded(another(), using(file));
      expect(ours).toMatchObject(refused);
      expect(ours.stderr).toContain("certified_rsa-cert.pub");
    });
    test("refuses it, too, where it is named instead of a key", async () => {
      const ours = await withEmbedded(another(), using(`${file}-cert.pub`));
      expect(ours).toMatchObject(refused);
    });
    for (const line of ["PubkeyAuthentication no", "PreferredAuthentications password"]) {
      test(`does not matter with ${line}`, () => same(using(file, line), denied));
    }
  });

  describe("an agent with a certificate", () => {
    let socket: string;
    let lines: readonly string[];
    let pid: number;
    const add = (...words: readonly string[]): string =>
      runTool(["env", `SSH_AUTH_SOCK=${socket}`, "ssh-add", "-q", ...words]);
    /** Leaves the certificate in the agent, and takes its key out. */
    const hold = (type: string): void => {
      add(at(`certified_${type}`));
      add("-k", "-d", at(`certified_${type}.pub`));
    };
    beforeEach(() => {
      // An agent removes its socket some time after it was told to end.
      socket = `${another()}-agent`;
      lines = [`IdentityAgent ${socket}`, "IdentityFile none"];
      pid = Number(/SSH_AGENT_PID=(\d+)/.exec(runTool(["ssh-agent", "-s", "-a", socket]))?.[1]);
    });
    afterEach(() => void process.kill(pid));

    for (const type of ["ed25519", "rsa"]) {
      test(`${type}: the host is refused, so that ssh is started with --ssh auto`, async () => {
        hold(type);
        expect(await withSsh(another(), using(...lines))).toMatchObject(OK);
        const ours = await withEmbedded(another(), using(...lines));
        expect(ours).toMatchObject(refused);
        expect(ours.stderr).toContain(`the certificate "certified_${type}" of the agent`);
        const auto = new EmbeddedSpawner({ fallback: new LocalSpawner() });
        expect(await withEmbedded(another(), using(...lines), auto)).toMatchObject(OK);
      });
    }
    test("a key that the server takes is enough", async () => {
      hold("ed25519");
      add(at("other"), at("user_rsa"));
      await same(using(...lines), OK);
      add("-d", at("user_rsa.pub"));
      await same(using(...lines, `IdentityFile ${at("user_ecdsa")}`), OK);
    });
    test("one that ssh would not offer does not matter", async () => {
      hold("rsa");
      await same(using("IdentitiesOnly yes", ...lines), denied);
      await same(using("PubkeyAcceptedAlgorithms ssh-ed25519,rsa-sha2-256", ...lines), denied);
      await same(using("PubkeyAuthentication no", ...lines), denied);
    });
    test("no password is asked for first, and a key too many is no other reason", async () => {
      hold("ed25519");
      add(at("other"));
      const config = [
        ...["PasswordAuthentication yes", "MaxAuthTries 1"],
        `TrustedUserCAKeys ${at("ca.pub")}`,
      ];
      for (const own of [[config[0], config[2]], config]) {
        await using server = await startSshd({ config: own as string[] });
        const at = [`Port ${server.port}`, "StrictHostKeyChecking no"];
        const run = { ...using(...at, ...lines), known: "", answers: ["wrong"] };
        expect(await withSsh(another(), run)).toMatchObject(OK);
        expect(await withEmbedded(another(), run)).toMatchObject({ ...refused, asked: [] });
      }
    });
    test("a wrong password too many is not the certificate's fault", async () => {
      hold("ed25519");
      add(at("user_rsa"));
      const methods = ["AuthenticationMethods publickey,password", "PasswordAuthentication yes"];
      const files = [
        `TrustedUserCAKeys ${at("ca.pub")}`,
        `AuthorizedKeysFile ${at("user_rsa.pub")}`,
      ];
      const config = [...methods, "MaxAuthTries 2", ...files];
      await using server = await startSshd({ config });
      const own = [`Port ${server.port}`, "StrictHostKeyChecking no"];
      const run = { ...using(...own, ...lines), known: "", answers: ["wrong", "wrong", "wrong"] };
      const theirs = await withSsh(another(), run);
      const auto = new EmbeddedSpawner({ fallback: new LocalSpawner() });
      for (const spawner of [undefined, auto]) {
        const ours = await withEmbedded(another(), run, spawner);
        expect(ours.stderr).toContain("Too many authentication failures");
        expect(ours).toMatchObject({ status: 255, code: theirs.code, asked: theirs.asked });
      }
    });
    test("a security key is told if the server takes no other", async () => {
      await addSecurityKey(socket, "my token");
      const ours = await withEmbedded(another(), using(...lines));
      expect(ours).toMatchObject(denied);
      expect(ours.stderr).toContain(`the agent's "my token" is of a security key`);
      const only = await withEmbedded(another(), using("IdentitiesOnly yes", ...lines));
      expect(only).toMatchObject(denied);
      expect(only.stderr).not.toContain("my token");
    });
  });

  describe("a server that demands more than a key", () => {
    for (const type of ["user_rsa", "user_ecdsa"]) {
      test(`a password is asked for after ${type}, and no other key is tried`, async () => {
        const methods = ["AuthenticationMethods publickey,password", "MaxAuthTries 2"];
        const taken = `AuthorizedKeysFile ${at(`${type}.pub`)}`;
        const config = [...methods, "PasswordAuthentication yes", taken];
        await using server = await startSshd({ config });
        const own = [`Port ${server.port}`, "StrictHostKeyChecking no"];
        const files = [type, "other"].map((name) => `IdentityFile ${at(name)}`);
        const run = { ...using(...own, ...files), known: "", answers: ["wrong", "wrong"] };
        const theirs = await withSsh(another(), run);
        expect(theirs.asked).toHaveLength(2);
        const ours = await withEmbedded(another(), run);
        const { status, code, asked } = theirs;
        expect(ours).toMatchObject({ status, code, asked });
        expect(ours.stderr).toContain("Too many authentication failures");
      });
    }
    test("keys are tried once after a password", async () => {
      const tried: string[] = [];
      const serve = (client: Connection): void =>
        void client.on("authentication", (context) => {
          tried.push(context.method);
          const isRight = context.method === "password";
          context.reject([tried.includes("password") ? "publickey" : "password"], isRight);
        });
      await withServer(at("other"), serve, async (port) => {
        const own = [`Port ${port}`, "StrictHostKeyChecking no"];
        const file = `IdentityFile ${at("user_ecdsa")}`;
        const run = { ...using(...own, file), known: "", answers: ["right"] };
        const methods = ["none", "password", "publickey"];
        for (const start of [withSsh, withEmbedded]) {
          tried.length = 0;
          expect(await start(another(), run)).toMatchObject(denied);
          expect(tried).toEqual(methods);
        }
      });
    });
  });

  describe("the path of a file", () => {
    const file = (path: string, env: Readonly<Record<string, string>>) => ({
      ...usual(),
      lines: [...usual().lines, `  IdentityFile ${path}`],
      env,
    });
    test("with a variable whose value looks like a token", async () => {
      mkdirSync(at("100%h"));
      runTool(["cp", "-p", at("user_rsa"), at("100%h/127.0.0.1")]);
      await same(file(`\${KEYS}/%h`, { KEYS: at("100%h") }), OK);
    });
    test("with a variable whose value begins with ~", async () => {
      const value = { KEYS: `~/${relative(account().home, folder)}` };
      await same(file(`\${KEYS}/user_rsa`, value), denied);
    });
  });
});
