/** Commands: their streams, how they end, and which signals they get meanwhile. */
import { expect } from "bun:test";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Channel, type Input } from "../../src/index.ts";
import { eventually, type Far, failureOf } from "./session.ts";

export function commands(far: Far): void {
  const { test, everyVersion } = far;
  const context = () => far.session().context;

  everyVersion("stdout, stderr and the status, each its own", async () => {
    const process = context().exec(["sh", "-c", "echo out; echo err >&2; exit 7"]);
    const streams = Promise.all([process.stdout.text(), process.stderr.text()]);
    expect(await process.exited).toEqual({ status: 7 });
    expect(await streams).toEqual(["out\n", "err\n"]);
    expect([process.exitCode, process.signal]).toEqual([7, undefined]);
    expect(process.pid).toBeGreaterThan(1);
  });

  everyVersion("not found, not executable, no such folder", async () => {
    const missing = await context().exec(["absent-command"]).exited;
    expect(missing).toEqual({ status: 127, problem: "No such file or directory" });
    const denied = await context().exec(["/etc/passwd"]).exited;
    expect(denied).toEqual({ status: 126, problem: "Permission denied" });
    const noFolder = await context().exec(["pwd"], { cwd: "/absent" }).exited;
    expect(noFolder).toEqual({ status: 126, problem: "/absent: No such file or directory" });
    const large = await context().exec(["echo", "x".repeat(200_000)]).exited;
    expect(large).toEqual({ status: 126, problem: "Argument list too long" });
    const noFolderEither = await context().exec(["pwd"], { cwd: "/etc/passwd" }).exited;
    expect(noFolderEither).toEqual({ status: 126, problem: "/etc/passwd: Not a directory" });
  });

  everyVersion("its folder and its environment", async () => {
    const command = ["sh", "-c", 'pwd; echo "$ONE $TWO"'];
    const { stdout } = context().exec(command, { cwd: "/usr", env: { ONE: "1", TWO: "é" } });
    expect(await stdout.text()).toBe("/usr\n1 é\n");
  });

  everyVersion("what it reads: nothing, text, bytes, a stream, what is written", async () => {
    const cat = ["cat"];
    expect(await context().exec(cat).stdout.text()).toBe("");
    expect(await context().exec(cat, { stdin: "é\n" }).stdout.text()).toBe("é\n");
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(await context().exec(cat, { stdin: bytes }).stdout.bytes()).toEqual(bytes);
    const stream = new Blob(["a", "b"]).stream();
    expect(await context().exec(cat, { stdin: stream }).stdout.text()).toBe("ab");
    const process = context().exec(cat, { stdin: "pipe" });
    const writer = process.stdin.getWriter();
    const lines = process.stdout.lines();
    for (const line of ["one", "two"]) {
      await writer.write(`${line}\n`);
      expect((await lines.next()).value).toBe(line);
    }
    await writer.close();
    expect((await lines.next()).done).toBe(true);
    expect(await process.exited).toEqual({ status: 0 });
  });

  everyVersion("it is found on the PATH that it is given", async () => {
    const folder = mkdtempSync(join(tmpdir(), "econtext-path-"));
    try {
      const tool = join(folder, "tool");
      mkdirSync(join(folder, "dir", "tool"), { recursive: true });
      writeFileSync(tool, "#!/bin/sh\necho found\n");
      const run = (PATH: string) => context().exec(["tool"], { env: { PATH } });
      const missing = { status: 127, problem: "No such file or directory" };
      const denied = { status: 126, problem: "Permission denied" };
      // A Bun takes a file that is not executable for none.
      const { kind } = await context().ready();
      const notYet = kind === "bun" ? missing : denied;
      expect(await run(`/absent:/etc/passwd:${folder}`).exited).toEqual(notYet);
      chmodSync(tool, 0o755);
      expect(await run(`/absent:${folder}/dir:${folder}`).stdout.text()).toBe("found\n");
      expect(await run("/absent").exited).toEqual(missing);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("megabytes through it, both ways at once, byte for byte", async () => {
    const bytes = new Uint8Array(12 << 20);
    for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 31 + (i >> 9)) & 255;
    const back = await context().exec(["cat"], { stdin: bytes }).stdout.bytes();
    expect(sum(back)).toBe(sum(bytes));
  });

  test("megabytes of several at once: one is slow, one stops reading, one is cancelled", async () => {
    const bytes = Buffer.alloc(4 << 20);
    for (let i = 0; i < bytes.length; i += 4)
      bytes.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i);
    const stop = new AbortController();
    const feed = (script: string, signal?: AbortSignal) =>
      context().exec(["sh", "-c", script], { stdin: bytes, ...(signal && { signal }) });
    const cancelled = feed("cat; exec sleep 60", stop.signal);
    const whole = ["exec cat", "sleep .2; exec cat", "exec cat"].map((script) => feed(script));
    const partial = feed("exec head -c 3000000");
    const outputs = [...whole, partial].map(({ stdout }) => stdout.bytes());
    let got = 0;
    for await (const chunk of cancelled.stdout) {
      got += chunk.length;
      if (got > 2 << 20) break;
    }
    stop.abort();
    expect(await failureOf(cancelled.exited)).toMatchObject({ code: "ERR_CANCELLED" });
    const expected = [bytes, bytes, bytes, bytes.subarray(0, 3_000_000)];
    for (const [i, output] of (await Promise.all(outputs)).entries())
      expect(expected[i]?.equals(output)).toBe(true);
    for (const { exited } of [...whole, partial]) expect(await exited).toEqual({ status: 0 });
  });

  test("a command that does not read what it is given is no error", async () => {
    const process = context().exec(["head", "-c", "3"], {
      stdin: new Uint8Array(8 << 20).fill(97),
    });
    expect(await process.stdout.text()).toBe("aaa");
    expect(await process.exited).toEqual({ status: 0 });
  });

  test("its senders are let go of when it has ended; no other context can write to them", async () => {
    const [iterated, cancelled] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const silence = new Promise<never>(() => {});
    const iterator = {
      next: () => silence,
      return: async () => {
        iterated.resolve();
        return { done: true as const, value: undefined };
      },
    };
    const { sender, receiver } = new Channel<Uint8Array>();
    const inputs: Input[] = [
      { [Symbol.asyncIterator]: () => iterator },
      new ReadableStream({ pull: () => silence, cancel: () => cancelled.resolve() }),
      receiver,
    ];
    for (const stdin of inputs) {
      const process = context().exec(["true"], { stdin });
      const refused = await failureOf(process.stdin.getWriter().write("no"));
      expect(refused).toMatchObject({ code: "ERR_USAGE_COMMAND" });
      expect(await process.exited).toEqual({ status: 0 });
    }
    await Promise.all([iterated.promise, cancelled.promise]);
    expect(await eventually(() => sender.closed)).toBe(true);
  });

  test("who stops reading ends it, as in a pipe", async () => {
    const process = context().exec(["yes"]);
    for await (const line of process.stdout.lines()) {
      expect(line).toBe("y");
      break;
    }
    const { status } = await process.exited;
    // The pipes of JavaScript are sockets: there, the writer gets an error: the connection was
    // reset.
    if (far.language === "javascript") expect(status).toBeGreaterThan(0);
    else expect(status).toBe(141);
  });

  test("output that is not read slows the command, and the rest goes on", async () => {
    const bytes = 64 << 20;
    await using session = await far.connect();
    const process = session.context.exec(["head", "-c", String(bytes), "/dev/zero"]);
    expect(await eventually(() => process.pid !== undefined)).toBe(true);
    const written = (): number =>
      Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${process.pid}/io`, "utf8"))?.[1]);
    expect(await eventually(() => written() > 1 << 17)).toBe(true);
    await Bun.sleep(200);
    await session.context.ping();
    expect(written()).toBeLessThan(12 << 20);
    expect((await process.stdout.bytes()).length).toBe(bytes);
    expect(await process.exited).toEqual({ status: 0 });
  });

  test("its output is logged where it is not asked for", async () => {
    await using session = await far.connect();
    const command = ["sh", "-c", "echo out; echo err >&2"];
    const process = session.context.exec(command, { stdout: "log", stderr: "log" });
    expect(await process.exited).toEqual({ status: 0 });
    await session.call("length", []);
    const logged = session.logs.map(({ logger, message }) => `${logger}: ${message}`);
    expect(logged.sort()).toEqual(["stderr: err", "stdout: out"]);
    expect(await process.stdout.text()).toBe("");
  });

  test("a shell's command: what is put in is one word; text, lines, json, errors", async () => {
    const { $ } = context();
    const words = ["a b", "c'd", "$HOME", "*"];
    expect(await $`printf '%s,' ${words} ${7}`.text()).toBe("a b,c'd,$HOME,*,7,");
    expect(await $`echo '{"a": [1]}'`.json()).toEqual({ a: [1] });
    const lines: string[] = [];
    for await (const line of $`printf 'x\ny'`.lines()) lines.push(line);
    expect(lines).toEqual(["x", "y"]);
    const quiet = $`echo no >&2; exit 3`.quiet();
    expect(await failureOf(Promise.resolve(quiet))).toMatchObject({
      code: "ERR_SHELL_STATUS",
      exitCode: 3,
      stderr: "no\n",
    });
    expect(await $`exit 4`.nothrow()).toEqual({ stdout: "", stderr: "", exitCode: 4 });
    expect(await $`cat | wc -c`.stdin("12345").text()).toMatch(/^\s*5\n$/);
    expect(await $`pwd`.cwd("/usr").text()).toBe("/usr\n");
  });

  everyVersion("a terminal: its size, its name, what is typed", async () => {
    const tty = { columns: 91, rows: 17, term: "vt100" };
    const script =
      'test -t 0 && test -t 1 && stty size; echo "$TERM"; while test "$(stty size)" != "50 100"; do sleep 0.01; done; echo resized; read a; echo "got $a"';
    const process = context().exec(["sh", "-c", script], { tty, stdin: "pipe" });
    if (far.kind === "node") {
      const problem = "Node.js cannot make a terminal, which Python and Bun can";
      expect(await process.exited).toEqual({ status: 126, problem });
      return;
    }
    const lines = process.stdout.lines();
    expect((await lines.next()).value).toBe("17 91");
    expect((await lines.next()).value).toBe("vt100");
    process.resize(100, 50);
    expect((await lines.next()).value).toBe("resized");
    await process.stdin.getWriter().write("word\r");
    const rest: string[] = [];
    for await (const line of lines) rest.push(line);
    expect(rest).toEqual(["word", "got word"]);
    expect((await process.exited).status).toBe(0);
  });

  test.if(far.kind !== "node")("a terminal's modes, by the numbers of ssh", async () => {
    const modes = [
      [1, 7], // intr: ctrl-G
      [3, 8], // erase: ctrl-H
      [5, 24], // eof: ctrl-X
      [10, 255], // susp: none
      [36, 1], // icrnl
      [38, 0], // ixon
      [42, 1], // iutf8
      [53, 0], // echo
    ] as const;
    const tty = { columns: 80, rows: 24, modes };
    const script = 'stty -a; read a; printf "<%s>" "$a"; cat';
    const process = context().exec(["sh", "-c", script], { tty, stdin: "é\bb\nrest" });
    const shown = await process.stdout.text();
    for (const set of ["intr = ^G", "erase = ^H", "eof = ^X", "susp = <undef>", " icrnl"]) {
      expect(shown).toContain(set);
    }
    for (const flag of ["-ixon", " iutf8", "-echo"])
      expect(shown).toMatch(new RegExp(`${flag}\\s`));
    // With echo off, nothing of what was typed is shown; the end of the input is the character that
    // was said.
    expect(shown).toEndWith("<b>rest");
    expect(await process.exited).toEqual({ status: 0 });
    const missing = await context().exec(["absent-command"], { tty }).exited;
    expect(missing).toEqual({ status: 127, problem: "No such file or directory" });
  });
}

function sum(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("hex");
}
