/** LocalChild: real processes of this machine, how they end, and what is left of them. */
import { expect, test } from "bun:test";
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from "node:fs";
import type { SpawnOptions } from "../../src/launch/child.ts";
import { LocalSpawner } from "../../src/launch/local-child.ts";
import { SOON_MS } from "../helpers/soon.ts";

const GUARD = { asks: false, isClient: false };
const CLIENT = { asks: false, isClient: true };
const ASKING = { asks: true, isClient: false, pty: true };
/** As prompt-terminal.ts reads when no question will come, and a moment. */
const READ_MS = 1_200;

/** How many terminals this process has made, and not closed. */
function madeTerminals(): number {
  const paths = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ""; // it was closed meanwhile
    }
  });
  return paths.filter((path) => path === "/dev/ptmx" || path === "/dev/pts/ptmx").length;
}

function start(script: string, options: SpawnOptions = GUARD, ...args: readonly string[]) {
  const child = new LocalSpawner().spawn(["sh", "-c", script, "sh", ...args], options);
  let output = "";
  const closed = Promise.withResolvers<void>();
  const waiting: (() => void)[] = [];
  child.listen({
    data: (chunk) => {
      output += Buffer.from(chunk).toString();
      for (const resolve of waiting.splice(0)) resolve();
    },
    drained: () => {},
    closed: closed.resolve,
  });
  /** Resolves with the output when it has that many lines. */
  const lines = async (count: number): Promise<string[]> => {
    while (output.split("\n").length <= count) {
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    return output.split("\n").slice(0, -1);
  };
  return { child, lines, closed: closed.promise };
}

/** A zombie does not run any more. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, "latin1");
    return !stat.slice(stat.lastIndexOf(")")).startsWith(") Z");
  } catch {
    return false;
  }
}

/** @returns whether the process ended in time */
async function ends(pid: number): Promise<boolean> {
  const until = performance.now() + SOON_MS;
  while (isAlive(pid) && performance.now() < until) await Bun.sleep(10);
  return !isAlive(pid);
}

test("bytes both ways, then the status and both outputs to their ends", async () => {
  const { child, lines, closed } = start('read line; echo "got $line"; echo bad >&2; exit 7');
  child.write(Buffer.from("this\n"));
  expect(await child.ended).toEqual({ status: 7, signal: undefined });
  expect(await lines(1)).toEqual(["got this"]);
  expect(child.stderr).toBe("bad\n");
  await closed;
  await child.gone;
});

test("a signal, and a program that does not exist", async () => {
  const { child } = start("kill -9 $$");
  expect(await child.ended).toMatchObject({ signal: "SIGKILL" });
  const missing = new LocalSpawner().spawn(["/no/such/program"], GUARD);
  const { spawnError } = await missing.ended;
  expect(spawnError?.message).toContain("/no/such/program");
  await missing.gone;
});

test("the last 32 KiB of the error output are kept", async () => {
  const { child } = start("head -c 100000 /dev/zero | tr '\\0' x >&2; echo end >&2");
  await child.ended;
  expect(child.stderr.length).toBe(32_768);
  expect(child.stderr.endsWith("xend\n")).toBe(true);
});

test("another process that holds the pipes open does not hold up the end", async () => {
  const { child, lines } = start("sleep 60 & echo $!; exit 3");
  expect(await child.ended).toMatchObject({ status: 3 });
  process.kill(Number((await lines(1))[0]), "SIGKILL");
});

test("closing ends a child that reads its input", async () => {
  const { child, closed } = start("cat > /dev/null; exit 5");
  child.close();
  await closed;
  expect(await child.ended).toMatchObject({ status: 5 });
});

test("a guard is killed with its group, a client may clean up", async () => {
  const guard = start('trap "" TERM; sleep 60 & echo $!; wait');
  const sleep = Number((await guard.lines(1))[0]);
  guard.child.kill();
  expect(await guard.child.ended).toMatchObject({ signal: "SIGKILL" });
  expect(await ends(sleep)).toBe(true);
  const client = start('trap "exit 9" TERM; echo on; while :; do sleep 0.05; done', CLIENT);
  await client.lines(1);
  client.child.kill();
  expect(await client.child.ended).toMatchObject({ status: 9 });
});

test("what a killed guard leaves of its slave's group is ended", async () => {
  const { child, lines } = start("echo $$; sleep 60 & echo $!; wait");
  const [guard = "", sleep = ""] = await lines(2);
  child.adopt({ kind: "bun", pid: 1 });
  process.kill(Number(guard), "SIGKILL");
  await child.gone;
  expect(await ends(Number(sleep))).toBe(true);
});

test("a process that is no child of the guard's is not taken for the slave", async () => {
  const other = Bun.spawn(["sleep", "60"], { detached: true });
  const { child, lines } = start("echo $$; cat");
  const [guard = ""] = await lines(1);
  child.adopt({ kind: "python", pid: other.pid });
  process.kill(Number(guard), "SIGKILL");
  await child.gone;
  expect(isAlive(other.pid)).toBe(true);
  other.kill();
  await other.exited;
});

test("error output is heard as it comes, and an answer is overwritten once it is written", async () => {
  const script = 'printf "name? " >&2; read name; printf "hello $name" >&2; read x';
  const { child } = start(script);
  let heard = "";
  const answer = Buffer.from("me\n");
  const greeted = Promise.withResolvers<void>();
  child.hear((text) => {
    heard += text;
    if (heard === "name? ") child.writeSecret(answer);
    if (heard.endsWith("me")) greeted.resolve();
  });
  await greeted.promise;
  expect(heard).toBe("name? hello me");
  expect([...answer]).toEqual([0, 0, 0]);
  child.close();
  const late = Buffer.from("late");
  child.writeSecret(late);
  expect([...late]).toEqual([0, 0, 0, 0]);
  await child.ended;
});

test("a terminal carries the question and the answer, and nothing else", async () => {
  // Nothing is read from standard input, and the answer is not echoed, as with doas.
  const script = `
    stty -echo </dev/tty; printf 'password: ' >/dev/tty; read answer </dev/tty
    echo "got $answer"; test -t 0 || test -t 1 || echo pipes; cat`;
  const { child, lines } = start(script, { ...GUARD, pty: true });
  child.hear((text) => {
    if (text.includes("password: ")) child.writeSecret(Buffer.from("me\n"));
  });
  expect(await lines(2)).toEqual(["got me", "pipes"]);
  child.settle();
  child.write(Buffer.from("data\n"));
  expect((await lines(3)).at(-1)).toBe("data");
  expect(child.stderr).toBe("password: ");
  child.close();
  await child.ended;
});

test("the terminal of questions is closed with the program, or if there is none", async () => {
  const before = madeTerminals();
  const missing = new LocalSpawner().spawn(["/no/such/program"], ASKING);
  expect((await missing.ended).spawnError?.message).toContain("ENOENT");
  expect(madeTerminals()).toBe(before);
  const { child } = start("exit 3", ASKING);
  expect(await child.ended).toEqual({ status: 3, signal: undefined });
  expect(madeTerminals()).toBe(before);
});

test("after the end of a program that may ask, nothing is read from its terminal's number", async () => {
  const { child } = start("echo asked >/dev/tty; sleep 0.1", ASKING);
  await child.ended;
  // Its first line may be read only now.
  child.settle();
  const answer = new TextEncoder().encode("an answer\n");
  child.writeSecret(answer);
  expect(answer.every((byte) => byte === 0)).toBe(true);
  // They get the numbers that were freed.
  const files = Array.from({ length: 20 }, () => openSync(import.meta.path, "r"));
  await Bun.sleep(READ_MS);
  for (const fd of files) {
    const first = new Uint8Array(4);
    expect(readSync(fd, first)).toBe(4);
    closeSync(fd);
    expect(new TextDecoder().decode(first)).toBe("/** ");
  }
});
