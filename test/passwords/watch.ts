/**
 * Looks for secrets in the arguments and environments of all processes of this machine, over and
 * over, until its input ends. Input: the secrets, one a line. Output: where one was found.
 *
 * As a module: starts itself as a process of its own, so that a busy test does not slow it down.
 */
import { readdirSync, readFileSync } from "node:fs";

/** For each moment of looking: it must not slow down the tests that it watches. */
const PAUSES = 4;

export interface Watch {
  /** From now on, this is a secret. */
  add(secret: string): void;
  /** @returns where secrets were found */
  end(): Promise<string>;
}

export function watchProcesses(): Watch {
  const child = Bun.spawn([process.execPath, import.meta.path], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  return {
    add: (secret) => {
      child.stdin.write(`${secret}\n`);
      child.stdin.flush();
    },
    end: async () => {
      child.stdin.end();
      return child.stdout.text();
    },
  };
}

function look(secrets: readonly string[]): void {
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    for (const file of ["cmdline", "environ"]) {
      const text = contentOf(`/proc/${pid}/${file}`);
      if (secrets.some((secret) => text.includes(secret))) {
        const [program] = contentOf(`/proc/${pid}/cmdline`).split("\0");
        console.log(`${file} of ${pid}, ${program}`);
      }
    }
  }
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // the process has ended
  }
}

if (import.meta.main) {
  const secrets: string[] = [];
  let isOver = false;
  void (async () => {
    for await (const line of console) if (line !== "") secrets.push(line);
    isOver = true;
  })();
  while (!isOver) {
    const began = performance.now();
    look(secrets);
    await Bun.sleep(PAUSES * (performance.now() - began));
  }
  look(secrets);
}
