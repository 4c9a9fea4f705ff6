/**
 * Random configurations: the embedded ssh does what the system's ssh does, or refuses the host by
 * name. `ECONTEXT_CONFIGURATIONS` says how many, `ECONTEXT_TEST_SEED` which.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { makeDice } from "../helpers/random.ts";
import { run as runTool } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import { missingSshd } from "../helpers/sshd.ts";
import type { Outcome } from "./compare.ts";
import { randomRun } from "./random-run.ts";
import { optionScene } from "./scene.ts";

const COUNT = Number(process.env.ECONTEXT_CONFIGURATIONS ?? 30);
const FIRST = Number(process.env.ECONTEXT_TEST_SEED ?? 1);

suite("random configurations of the embedded ssh", missingSshd(), "sshd", () => {
  const scene = optionScene();
  const agents: number[] = [];
  beforeAll(() => {
    const { at } = scene;
    for (const [name, ...keys] of [
      ["agent1", "other", "user_ecdsa"],
      ["agent2", "user_rsa", "user_ed25519"],
    ] as const) {
      const said = runTool(["ssh-agent", "-s", "-a", at(name)]);
      agents.push(Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1]));
      for (const key of keys) {
        runTool(["env", `SSH_AUTH_SOCK=${at(name)}`, "ssh-add", "-q", at(key)]);
      }
    }
    const relay = "exec 3<>/dev/tcp/127.0.0.1/$1; cat <&3 & cat >&3; kill $!";
    writeFileSync(at("relay"), `#!/bin/bash\ntrap "" HUP\n${relay}\n`, { mode: 0o755 });
    writeFileSync(at("printed"), scene.hostKey("ed25519") + scene.hostKey("ecdsa"));
  });
  afterAll(() => {
    for (const pid of agents) process.kill(pid);
  });

  test(`${COUNT} configurations from ECONTEXT_TEST_SEED=${FIRST}`, async () => {
    let compared = 0;
    for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
      const run = randomRun(makeDice(seed), scene);
      const [theirs, ours] = await scene.both(run);
      if (ours.stderr.includes("The embedded ssh refuses it")) continue;
      // With this level, ssh does not print why it failed.
      const isSilent = run.lines.some((line) => /^LogLevel\W+(QUIET|FATAL)/i.test(line));
      const what = (one: Outcome) => comparable(one, isSilent);
      expect({ seed, run, ...what(ours) }).toEqual({ seed, run, ...what(theirs) });
      compared++;
    }
    expect(compared).toBeGreaterThan(COUNT / 2);
  });
});

/** What must be the same: all but the words of warnings, and the salt of hashed names. */
function comparable({ status, stdout, code, asked, known }: Outcome, isSilent: boolean) {
  const lines = known.replaceAll(/^\|1\|\S+/gm, "HASHED").split("\n");
  return { status, stdout, asked, lines, code: isSilent ? undefined : code };
}
