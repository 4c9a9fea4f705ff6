/**
 * The floor: an empty interpreter and the plain `ssh` client, with nothing on top.
 *
 * "Connect and first call" is to run `python3 -I -S -c pass`, `bun -e 0` or `node -e 0` here, or
 * `python3 -c pass` behind ssh, to its end.
 */
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

const held: Bun.Subprocess<"pipe", "pipe", "inherit">[] = [];

await serve("ssh and an empty Python", {
  connect: ({ to }) => timed(() => run(argv(to, firstHost))),
  fan: ({ to, n }) => timed(() => Promise.all(hosts(n).map((host) => run(argv(to, host))))),

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
