/**
 * `npm run demo`: builds dist/econtext and does the main job with it, on this machine and over ssh.
 * Each step says what must happen and is checked; the exit status is 0 only if all of it did.
 *
 * The far end of ssh is a small server of our own on loopback with throw-away keys, reached by the
 * system's real `ssh`. `-F` names a configuration of its own: ~/.ssh is neither read nor touched.
 */
import { relative } from "node:path";
import { describeProcess, marked, survivors } from "../test/helpers/leaks.ts";
import { startSsh2Server } from "../test/helpers/ssh2-server.ts";
import { build, OUTFILE, ROOT } from "./build.ts";

interface Step {
  readonly title: string;
  readonly args: readonly string[];
  readonly status: number;
  /** What must be seen, on stdout and stderr together. */
  readonly seen: readonly RegExp[];
  readonly withinMs?: number;
}

/** @param far a host of the throw-away ssh configuration */
function steps(far: string): Step[] {
  const both = `local,${far}`;
  return [
    {
      title: "A function of a package that the far side does not have",
      args: ["call", both, "fleet.report.summary"],
      status: 0,
      seen: [/^local: \w+ with \d+ processors, Python/m, /^target: \w+ with \d+ processors/m],
    },
    {
      title: "What it prints and logs arrives as log lines",
      args: ["call", far, "fleet.report.chatty", "disks"],
      status: 0,
      seen: [
        /^[\d:]{8} I target: stdout: about to look at disks$/m,
        /^[\d:]{8} W target: fleet\.report: disks was looked at$/m,
        /^[\d:]{8} I target: stdout: a child of the function says hello$/m,
        /^0$/m,
      ],
    },
    {
      title: "A command without a shell, on both",
      args: ["exec", "local", far, "--", "uname", "-s"],
      status: 0,
      seen: [/^local: \w+$/m, /^target: \w+$/m],
    },
    {
      title: "An exception arrives here (exit status 1)",
      args: ["call", far, "fleet.checks.disk", "free_percent=3"],
      status: 1,
      seen: [/^target: fleet\.checks\.CheckFailed: only 3 % /m, /checks\.py", line 11, in disk$/m],
    },
    {
      title: "A call that hangs is given up, here and on the remote machine (exit status 124)",
      args: ["call", far, "--deadline", "2", "fleet.checks.hang"],
      status: 124,
      seen: [/^target: no result within 2000 ms/m],
      withinMs: 8_000,
    },
  ];
}

/** @returns what went wrong, a line each */
async function run(step: Step, configPath: string): Promise<string[]> {
  const [command = "", ...rest] = step.args;
  const roots = command === "call" ? ["--python-path", "examples"] : [];
  console.log(`\n# ${step.title}\n$ econtext ${[command, ...roots, ...rest].join(" ")}`);
  const began = performance.now();
  const child = Bun.spawn([OUTFILE, command, "-F", configPath, ...roots, ...rest], {
    cwd: ROOT,
    env: process.env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const said = (await Promise.all([child.stderr.text(), child.stdout.text()])).join("");
  const status = await child.exited;
  const ms = performance.now() - began;
  process.stdout.write(said);
  const missing = step.seen.filter((pattern) => !pattern.test(said));
  return [
    ...(status === step.status ? [] : [`exit status ${status}, not ${step.status}`]),
    ...missing.map((pattern) => `not seen: ${pattern.source}`),
    ...(ms > (step.withinMs ?? Number.POSITIVE_INFINITY) ? [`took ${ms.toFixed(0)} ms`] : []),
  ];
}

async function demo(): Promise<string[]> {
  if (Bun.which("ssh") === null) return ["there is no ssh client on this machine"];
  console.log(`Building ${relative(ROOT, OUTFILE)}`);
  await build();
  const wrong: string[] = [];
  {
    await using server = await startSsh2Server();
    console.log("A throw-away ssh server listens on loopback; its name for ssh is `target`.");
    for (const step of steps(server.host)) {
      const problems = await run(step, server.configPath);
      for (const problem of problems) console.log(`WRONG: ${problem}`);
      wrong.push(...problems.map((problem) => `${step.title}: ${problem}`));
    }
    console.log("\n# Nothing is left running");
    const left = await survivors([...marked().values()]);
    for (const one of left) wrong.push(`left running: ${describeProcess(one)}`);
    console.log(left.length === 0 ? "nothing" : left.map(describeProcess).join("\n"));
  }
  return wrong;
}

const wrong = await demo();
console.log(wrong.length === 0 ? "\nAll of it happened." : `\n${wrong.join("\n")}`);
process.exit(wrong.length === 0 ? 0 : 1);
