/** `econtext doctor`: how far a connection comes, stage by stage, and what to do where it fails. */
import type { Stage } from "../../doctor/stage.ts";
import { makeCommand } from "../command-definition.ts";
import { readConfiguration } from "../configuration.ts";
import type { Host } from "../host.ts";
import { inOrder } from "../in-order.ts";
import { Stop } from "../interruption.ts";
import { readConnect, readFleet, readLogLevel } from "../option-values.ts";
import { COMMON, FLEET, JSON_OPTION, TARGETS } from "../options.ts";
import type { CommandLine, Definitions } from "../parse-line.ts";
import { openPrompter } from "../passwords.ts";
import { readTargets } from "../targets.ts";
import { jsonText } from "../ui/json.ts";
import { wrapFor } from "../ui/wrap.ts";

const { deadline, ...rest } = COMMON;
const args: Definitions = {
  "target...": {
    type: "positional",
    description: "local, a host as for ssh, a path, or a set: web[01-20],@db",
  },
  json: { ...JSON_OPTION, description: "Print one JSON object for each stage, one a line" },
  deadline: {
    ...deadline,
    description: "5 (seconds), 500ms, 2m or 1h: for each login and each connection (default 20)",
  },
  ...TARGETS,
  jobs: { ...FLEET.jobs, description: "Test N targets at the same time (default: as with exec)" },
  ...rest,
};

export const command = makeCommand({
  name: "doctor",
  description: "Test a connection stage by stage, and say what to do where it fails",
  usage: ["[OPTIONS] TARGET..."],
  examples: [
    "econtext doctor web1",
    "econtext doctor bastion/web1/sudo:root",
    "econtext doctor web1 --json",
    "econtext doctor 'web[01-20]'",
  ],
  args,
  exitStatus: `0 all stages passed, also with warnings. Else the first that failed:
10 name, 11 TCP, 12 host key, 13 login, 14 shell, 15 hop (sudo, a container),
17 bootstrap, 18 round trip, bandwidth or clock. With several targets, the
highest. 2 wrong usage; 129, 130, 143 ended by a signal.`,
  details: `Prints a line for each stage, as soon as it is known: its time, and what was
found. The stages of a host: name, TCP, host key, login, the shell and what its
profile prints, the interpreters and the modules that they lack, the bootstrap.
A path has them for each hop; behind a hop, the embedded ssh has one line: the
bootstrap, or the stage that failed. Then the target's round trip, the bandwidth
each way, the difference of the clocks, and what its interpreter wrote to a
disk.

Several targets are tested at the same time, and shown one after another, in the
order in which they are given. What measures the link runs for one target at a
time.

Each host is logged in to twice: once by "ssh -v", which uses nothing of
econtext there and asks nothing, and once as every command does. Up to 32 MiB
are sent each way, but little more than take a quarter of a second.`,
  run,
});

async function run({ flags, before, after }: CommandLine, host: Host): Promise<number> {
  const words = [...before, ...(after ?? [])];
  const { names: targets } = await readTargets("doctor", words, flags, host);
  const { deadline: deadlineMs, ...connect } = readConnect("doctor", flags);
  const { window } = readFleet("doctor", flags);
  const configuration = readConfiguration(host);
  const asked = new Pause();
  const user = { free: () => asked.begin() };
  const prompter = await openPrompter("doctor", flags, host, configuration, user);
  const { Broker } = await import("../../index.ts");
  const { Diagnoses, diagnose } = await import("../../doctor/diagnose.ts");
  const { STAGES } = await import("../../doctor/stage.ts");
  const stop = new Stop(host);
  const { signal } = stop;
  const logLevel = readLogLevel("doctor", flags);
  const broker = new Broker({ ...configuration, prompter, logLevel, signal });
  const shared = new Diagnoses(broker);
  const options = { ...configuration, connect, deadlineMs, signal };
  const stages = targets.map((target) => () => diagnose(shared, target, options));
  const all = async (): Promise<number> => {
    let status = 0;
    let at = 0;
    for (const found of inOrder(stages, { window, signal })) {
      const target = targets[at++] ?? "";
      const shown = flags["json"] === true ? new Records(target, host) : new Lines(host);
      for await (const stage of found) {
        await asked.over();
        await shown.show(stage);
        if (stage.result === "failed") status = Math.max(status, STAGES[stage.stage]);
      }
    }
    return status;
  };
  try {
    const ended = all();
    ended.catch(() => {});
    const status = await Promise.race([ended, stop.happened]);
    return stop.status ?? status ?? 0;
  } finally {
    await broker.close();
    stop.dispose();
  }
}

/** While a question stands on the terminal, no line is written below it. */
class Pause {
  #open = 0;
  #change = Promise.withResolvers<void>();

  /** @returns what ends the pause */
  begin(): () => void {
    this.#open++;
    return () => {
      this.#open--;
      this.#change.resolve();
      this.#change = Promise.withResolvers();
    };
  }

  async over(): Promise<void> {
    while (this.#open > 0) await this.#change.promise;
  }
}

/** One object a line. */
class Records {
  readonly #target: string;
  readonly #host: Host;

  constructor(target: string, host: Host) {
    this.#target = target;
    this.#host = host;
  }

  async show(stage: Stage): Promise<void> {
    const ms = stage.ms === undefined ? undefined : Number(stage.ms.toFixed(1));
    await this.#host.stdout.write(`${jsonText({ target: this.#target, ...stage, ms })}\n`);
  }
}

/** SGR codes of a terminal. */
const COLOURS = { ok: 32, warning: 33, unknown: 33, failed: 31 } as const;
const WORDS = { ok: "ok", warning: "look", unknown: "-", failed: "FAILED" } as const;

/** A line for each stage, below the name of its hop. */
class Lines {
  readonly #host: Host;
  #hop: string | undefined;

  constructor(host: Host) {
    this.#host = host;
  }

  async show({ hop, stage, result, ms, detail, hint }: Stage): Promise<void> {
    const { stdout } = this.#host;
    const lines = hop === this.#hop ? [] : [hop];
    this.#hop = hop;
    const word = WORDS[result].padEnd(6);
    const shown = stdout.coloured ? `\x1b[${COLOURS[result]}m${word}\x1b[0m` : word;
    const time = ms === undefined ? "" : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
    const name = `  ${stage.padEnd(15)} `;
    const head = `${name}${word} ${time.padStart(9)}  `;
    const line = wrapFor(stdout, head + detail, head.length).trimEnd();
    // A colour takes no column.
    lines.push(name + shown + line.slice(name.length + word.length));
    const told = `${" ".repeat(head.length)}try: `;
    if (hint !== undefined) lines.push(wrapFor(stdout, told + hint, told.length));
    await stdout.write(lines.map((line) => `${line}\n`).join(""));
  }
}
