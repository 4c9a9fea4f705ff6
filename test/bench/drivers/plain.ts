/**
 * The floor: an empty interpreter and the plain `ssh` client, with nothing on top.
 *
 * "Connect and first call" is to run `python3 -I -S -c pass`, `bun -e 0` or `node -e 0` here, or
 * `python3 -c pass` behind ssh, to its end.
 */
import { join } from "node:path";
import type { Place } from "../driver.ts";
import { firstHost, hosts, python, runtimes, serve } from "./loop.ts";

function argv(to: Place, host: string): string[] {
  const { runs = "python" } = to;
  if (runs !== "python" && to.kind === "local") return [runtimes[runs], "-e", "0"];
  if (to.kind === "local") return [python, "-I", "-S", "-c", "pass"];
  if (to.kind === "path") {
    const [bastion = "", target = ""] = to.path.split("/");
    const number = host.replace(/\D/g, "");
    return ["ssh", "-F", to.config, "-J", bastion, target.replaceAll("#", number), "true"];
  }
  if (to.kind === "behind") throw new Error("plain ssh has no contexts");
  return [to.program, "-F", to.config, host, `${python} -c pass`];
}

async function run(command: string[], stdin: "ignore" | Blob = "ignore"): Promise<void> {
  const child = Bun.spawn(command, { stdin, stdout: "ignore", stderr: "inherit" });
  const status = await child.exited;
  if (status !== 0) throw new Error(`${command.join(" ")}: exit status ${String(status)}`);
}

async function timed(work: () => Promise<unknown>): Promise<{ ms: number }> {
  const begin = performance.now();
  await work();
  return { ms: performance.now() - begin };
}

/** Programs that write a line at once, and that wait for it. */
const EMPTY = {
  python: ["-I", "-S", "-c", "import os; os.write(1, b'x')"],
  node: ["-e", "require('fs').writeSync(1, 'x')"],
  bun: ["-e", "require('fs').writeSync(1, 'x')"],
} as const;

/**
 * Programs that say a line, wait for an argument vector, start that, and pass on what it writes
 * first. In JavaScript a thread of their own does it, as in a slave: the other may hang.
 */
const WORKER = `
  const fs = require("fs");
  const { isMainThread, Worker } = require("worker_threads");
  if (isMainThread) new Worker(process.argv.at(-1), { eval: true });`;
const SPAWNERS = {
  python: [
    ...["-I", "-S", "-c"],
    `
import fcntl, os, struct, sys
os.write(1, b"x")
argv = os.read(0, 65536).decode().split("\\0")
pipes = [os.pipe() for _ in range(3)]
actions = [(os.POSIX_SPAWN_DUP2, pipe[fd > 0], fd) for fd, pipe in enumerate(pipes)]
os.posix_spawn(argv[0], argv, os.environ, file_actions=actions, setsid=True)
os.write(1, os.read(pipes[1][0], 65536))
os.read(0, 1)
`,
  ],
  node: [
    ...["-e", WORKER],
    `
const fs = require("fs");
const socket = new (require("net").Socket)({ fd: 0 });
socket.once("data", (line) => {
  const [program, ...words] = String(line).split("\\0");
  const child = require("child_process").spawn(program, words, { detached: true });
  child.stdout.on("data", (data) => fs.writeSync(1, data));
});
fs.writeSync(1, "x");
`,
  ],
  bun: [
    ...["-e", WORKER],
    `
const fs = require("fs");
(async () => {
  for await (const line of Bun.file(0).stream()) {
    const argv = String(Buffer.from(line)).split("\\0");
    const child = Bun.spawn(argv, { stdio: ["pipe", "pipe", "pipe"], detached: true });
    for await (const data of child.stdout) fs.writeSync(1, data);
  }
})();
fs.writeSync(1, "x");
`,
  ],
} as const;

function begun(argv: readonly string[]) {
  const child = Bun.spawn([...argv], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  return { child, reader: child.stdout.getReader() };
}

const held: Bun.Subprocess<"pipe", "pipe", "inherit">[] = [];

await serve("ssh and an empty Python", {
  connect: ({ to }) => timed(() => run(argv(to, firstHost))),
  fan: ({ to, n }) => timed(() => Promise.all(hosts(n).map((host) => run(argv(to, host))))),

  /** What it adds to the start of an interpreter that another interpreter does it. */
  async second({ to: { runs = "python" }, module }) {
    const argv = [runtimes[runs], ...EMPTY[runs]];
    const first = runs === "python" ? (module as "node" | "bun") : "python";
    const direct = await timed(async () => {
      const { child, reader } = begun(argv);
      await reader.read();
      child.kill();
    });
    const { child, reader } = begun([runtimes[first], ...SPAWNERS[first]]);
    await reader.read();
    await Bun.sleep(50);
    const beside = await timed(async () => {
      child.stdin.write(argv.join("\0"));
      await child.stdin.flush();
      await reader.read();
    });
    child.kill();
    return { ms: beside.ms - direct.ms };
  },

  /** To its end as above, so that the two differ only by the line that travels. */
  answer: ({ to }) => {
    const command = to.kind === "ssh" ? [to.program, "-F", to.config, firstHost, "head -n 1"] : [];
    return timed(() => run(command, new Blob(["x\n"])));
  },

  async open() {
    const idle = "import sys; sys.stdout.write('x'); sys.stdout.flush(); sys.stdin.read()";
    const child = Bun.spawn([python, "-I", "-S", "-c", idle], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    held.push(child);
    await child.stdout.getReader().read();
    return { pid: child.pid };
  },

  async close() {
    for (const child of held.splice(0)) {
      await child.stdin.end();
      await child.exited;
    }
    return {};
  },

  async import({ module }) {
    const program = join(import.meta.dirname, "import_floor.py");
    const folder = process.env["BENCH_PACKAGE"] ?? "";
    const child = Bun.spawn([python, "-B", "-S", program, folder, module], { stderr: "inherit" });
    return (await child.stdout.json()) as Record<string, unknown>;
  },

  /** The same bytes through a pipe to `cat`. */
  bulk: async ({ bytes, n }) => {
    const data = crypto.getRandomValues(new Uint8Array(65536));
    return timed(async () => {
      const child = Bun.spawn(["cat"], { stdin: "pipe", stdout: "ignore", stderr: "inherit" });
      for (let sent = 0; sent < bytes * n; sent += data.length) {
        child.stdin.write(data);
        await child.stdin.flush();
      }
      await child.stdin.end();
      await child.exited;
    });
  },
});
