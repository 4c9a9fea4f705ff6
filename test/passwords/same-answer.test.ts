/** A function that gives the same answer to every question of ssh: nothing asks it for ever. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { AuthContext, Connection, KeyboardAuthContext } from "ssh2";
import { ECONTEXT } from "../cli/econtext.ts";
import { withServer } from "../embedded-ssh/odd-server.ts";
import { suite } from "../helpers/skip.ts";
import { SOON_MS } from "../helpers/soon.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";

setDefaultTimeout(120_000);

const PROGRAM = join(import.meta.dir, "../fixtures/passwords/same-answer.ts");

suite("the same answer to every question", missingSshd(), "sshd", () => {
  const folder = mkdtempSync(join(tmpdir(), "econtext-same-answer-"));
  let server: SshServer;
  beforeAll(async () => {
    server = await startSshd();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  /** @param lines of ssh's configuration, which take precedence over the usual ones */
  async function run(engine: string, answer: string, ...lines: readonly string[]): Promise<string> {
    const config = join(folder, "config");
    const own = ["BatchMode no", "IdentitiesOnly yes", ...lines].join("\n");
    writeFileSync(config, `${own}\n${readFileSync(server.configPath, "utf8")}`);
    // What asks for ever may leave no turn to any timer of its process.
    await using child = Bun.spawn(["setsid", "-w", ...ECONTEXT, PROGRAM, config, engine, answer], {
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 2 * SOON_MS,
      killSignal: "SIGKILL",
    });
    return await child.stdout.text();
  }

  for (const engine of ["ssh", "embedded"]) {
    const unknown = ["StrictHostKeyChecking ask", `UserKnownHostsFile ${join(folder, engine)}`];

    test(`${engine}: a host key is asked for once`, async () => {
      const said = await run(engine, "hunter2", ...unknown);
      expect(said).toMatch(
        /^ERR_TRANSPORT_HOST_KEY_UNKNOWN target: the host key is not known; it asks "The authent/,
      );
      expect(said).toContain("SHA256:");
      expect(said).toContain(
        `(yes/no/[fingerprint])?", and the function password answered neither yes nor no\n  try: `,
      );
      expect(said).toContain("asked 1\n");
      expect(await run(engine, "yes", ...unknown)).toMatch(/^I am \w+\nasked 1\n$/);
    });

    test(`${engine}: a server that asks without end is given up`, async () => {
      const serve = (client: Connection): void => {
        client.on("authentication", (context: AuthContext) => {
          if (context.method !== "keyboard-interactive") {
            context.reject(["keyboard-interactive"]);
            return;
          }
          const ask = (): void =>
            (context as KeyboardAuthContext).prompt([{ prompt: "Code: ", echo: false }], ask);
          ask();
        });
      };
      const key = join(dirname(server.configPath), "host_key");
      await withServer(key, serve, async (port) => {
        const own = [`Port ${port}`, "PreferredAuthentications keyboard-interactive"];
        const said = await run(engine, "123456", ...own);
        expect(said).toMatch(
          /^ERR_TRANSPORT_PASSWORD_EXHAUSTED target: ssh asks without end; 100 answers were not /,
        );
        expect(said).toMatch(/it asks "\(\w+@econtext-throw-away\) Code:"\n {2}try: /);
        expect(said).toContain("asked 100\n");
      });
    });
  }
});
