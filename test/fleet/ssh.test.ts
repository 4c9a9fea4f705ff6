/** A fleet behind a real sshd: many names of one server, some of which are broken. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Broker } from "../../src/index.ts";
import { suite } from "../helpers/skip.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";

suite("a fleet by ssh", missingSshd(), "sshd", () => {
  test("all names answer in a window, and each broken one has its own error", async () => {
    await using server = await startSshd();
    // Names of the server under test, and of ways in which a host can be broken.
    const folder = join(server.configPath, "..");
    writeFileSync(join(folder, "wrong_hosts"), `wrong ${wrongKey}\n`);
    const config = join(folder, "fleet_config");
    const lines = [
      "Host refused",
      "  HostName 127.0.0.1",
      "  Port 1",
      "Host target-wrong-key",
      "  HostKeyAlias wrong",
      `  UserKnownHostsFile ${join(folder, "wrong_hosts")}`,
      "Host *",
      `  Include ${server.configPath}`,
    ];
    writeFileSync(config, `${lines.join("\n")}\n`);
    await using broker = new Broker();
    const set = `${server.host}[01-12],refused,target-wrong-key,nowhere.invalid`;
    let [active, most] = [0, 0];
    const fleet = broker.fleet(set, {
      ssh: { options: ["-F", config] },
      window: 4,
      retries: 1,
      maxFailures: "50%",
      onEvent: ({ type }) => {
        if (type === "connecting") most = Math.max(most, ++active);
        if (type === "done" || type === "failed") active--;
      },
    });
    const results = await fleet.exec(["echo", "hi"]);
    expect(most).toBeLessThanOrEqual(4);
    const good = results.slice(0, 12);
    expect(good.map((result) => result.ok && result.value.stdout)).toEqual(
      Array.from({ length: 12 }, () => "hi\n"),
    );
    const told = results.slice(12).map((result) => ({
      target: result.target,
      code: result.ok ? "" : (result.error as { code?: string }).code,
      attempts: result.attempts,
    }));
    expect(told).toEqual([
      { target: "refused", code: "ERR_TRANSPORT_UNREACHABLE", attempts: 2 },
      { target: "target-wrong-key", code: "ERR_TRANSPORT_HOST_KEY_CHANGED", attempts: 1 },
      { target: "nowhere.invalid", code: "ERR_TRANSPORT_UNKNOWN_HOST", attempts: 1 },
    ]);
  });

  test("targets behind a hop name the hop that failed", async () => {
    await using server = await startSshd();
    await using broker = new Broker();
    const ssh = { options: ["-F", server.configPath] };
    const paths = [`${server.host}/local`, "nowhere.invalid/local"];
    const [good, failed] = await broker.fleet(paths, { ssh }).exec(["echo", "hi"]);
    expect(good).toMatchObject({ ok: true, value: { stdout: "hi\n" } });
    expect(good).not.toHaveProperty("hop");
    expect(failed).toMatchObject({ ok: false, hop: "nowhere.invalid" });
  });
});

/** Of no server. */
const wrongKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
