/**
 * stage1/python/tier2/commands.py in slaves of several Pythons,
 * against a master that does only what the test says.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { pythonOf, type SupportedVersion } from "../helpers/pythons.ts";
import { suite } from "../helpers/skip.ts";
import { FLAGS, OVERHEAD, RawSlave } from "./raw-slave.ts";
import { bytes, Running, text, writeMuch } from "./running.ts";

const VERSIONS: readonly SupportedVersion[] = ["2.7", "3.6", "3.13"];
const WINDOW = 262144;
const MEBIBYTES = 256;

const WAYS = [
  ...VERSIONS.map((version) => ({ version, piped: false })),
  { version: "3.13", piped: true },
] as const;

for (const { version, piped } of WAYS) {
  const { python, missing } = pythonOf(version);
  const plan = { wants: "python", kind: "python", path: python?.path ?? "" } as const;

  suite(`commands, python ${version}${piped ? ", through pipes" : ""}`, missing, "python", () => {
    let slave: RawSlave;
    beforeAll(async () => {
      slave = await new RawSlave(plan, piped).ready();
    });
    afterAll(async () => {
      await slave[Symbol.asyncDispose]();
    });
    const run = (argv: string[], options: object = {}) => new Running(slave, argv, options);
    const sh = (script: string, options: object = {}) => run(["sh", "-c", script], options);
    const left = () => slave.call("channels_fixture.left");

    test("output, apart; status; environment; no stdin", async () => {
      const one = sh("cat; echo $A; echo err >&2; exit 3", { env: { A: "ü" }, cwd: "/" });
      const { control } = await one.started();
      expect(await one.rest()).toBe("ü\n");
      expect(text((await one.stderr.until((all) => all[1])).body.subarray(-4))).toBe("err\n");
      expect(await one.result()).toEqual({ status: 3 });
      expect((await one.events.next()).flags).toBe(FLAGS.DEAD);
      control.close();
    });

    test("user code that ignores its children goes on doing so", async () => {
      await using other = await new RawSlave(plan, piped).ready();
      await other.call("channels_fixture.ignore_children");
      for (let status = 1; status <= 10; status++) {
        const one = new Running(other, ["sh", "-c", `exit ${status}`]);
        expect(await one.result()).toEqual({ status });
      }
      expect(await other.call("channels_fixture.ignores_children")).toBe(true);
    });

    test("what it prints before it is served comes first, and all of it", async () => {
      const slow = run(["sh", "-c", "echo a; sleep 0.05; echo b"]);
      expect(await slow.rest()).toBe("a\nb\n");
      const quiet = run(["sh", "-c", "echo a; exec >&- 2>&-; sleep 0.05; exit 3"]);
      expect(await quiet.rest()).toBe("a\n");
      expect(await quiet.result()).toEqual({ status: 3 });
      const long = run(["sh", "-c", "printf %0200000d 7"]);
      expect(await long.rest()).toBe("7".padStart(200_000, "0"));
      const killed = run(["sh", "-c", "echo a; kill -9 $$"]);
      expect(await killed.rest()).toBe("a\n");
      expect(await killed.result()).toEqual({ status: 137, signal: "SIGKILL" });
    });

    test("its start is told before its output: it can be signalled from then on", async () => {
      const one = sh("echo a; exec sleep 1000");
      await one.until("a\n");
      expect(one.events.messages.length).toBeGreaterThan(1);
      const { control } = await one.started();
      control.send(["signal", "SIGINT"]);
      expect(await one.result()).toEqual({ status: 130, signal: "SIGINT" });
    });

    test("what cannot be started closes all that it was given", async () => {
      const one = run(["/nowhere/at/all"], { stdin: true });
      expect(await one.result()).toEqual({ status: 127, problem: "No such file or directory" });
      for (const box of [one.stdout, one.stderr, one.events]) {
        expect(box.messages.at(-1)?.flags).toBe(FLAGS.DEAD);
      }
      const problem = "/nowhere: No such file or directory";
      const nowhere = await run(["true"], { cwd: "/nowhere" }).result();
      expect(nowhere).toEqual({ status: 126, problem });
    });

    test("stdin to its end; output without a sender becomes log records", async () => {
      const one = run(["cat"], { stdin: true });
      const { stdin, control } = await one.started();
      stdin.send(bytes("hello "));
      stdin.send(bytes("there"));
      stdin.close();
      expect(await one.rest()).toBe("hello there");
      expect(await one.result()).toEqual({ status: 0 });
      control.close();
      expect(await run(["echo", "logged"], { stdout: null, events: null }).result()).toEqual({
        status: 0,
      });
      expect(slave.logs.join("")).toContain("logged\n");
    });

    test("much input: credit is given for all of it; a header that comes alone is waited behind", async () => {
      const one = sh("sha256sum", { stdin: true });
      const { stdin, control } = await one.started();
      const chunk = new Uint8Array(40_000).fill(7);
      let [sent, credit, window] = [0, WINDOW, WINDOW];
      const cost = stdin.send(chunk);
      for (sent = 1; sent < 50; sent++) {
        while (credit < (sent + 1) * cost) {
          credit += Number(await stdin.credits.value());
          // What was taken by then, and a window that has grown: of whole values.
          while ((credit - window) % cost !== 0 && window < 32 * WINDOW) window *= 2;
          expect((credit - window) % cost).toBe(0);
        }
        if (sent % 20 > 0) stdin.send(chunk);
        else {
          // When nothing waits any more.
          await Bun.sleep(60);
          await stdin.sendHaltingly(chunk, 60);
        }
      }
      stdin.close();
      const sum = new Bun.CryptoHasher("sha256").update(new Uint8Array(sent * 40_000).fill(7));
      expect(await one.rest()).toStartWith(sum.digest("hex"));
      expect(await one.result()).toEqual({ status: 0 });
      control.close();
    });

    test("a command that reads no more closes its stdin's channel", async () => {
      const one = sh("exec <&-; echo closed; sleep 0.3", { stdin: true });
      const { stdin, control } = await one.started();
      stdin.send(bytes("x"));
      await one.until("closed");
      expect((await stdin.credits.next()).flags).toBe(FLAGS.DEAD);
      stdin.close();
      await one.rest();
      expect(await one.result()).toEqual({ status: 0 });
      control.close();
    });

    test("when its output is not read, it gets SIGPIPE", async () => {
      const one = run(["yes"]);
      const { control } = await one.started();
      await one.until("y\n");
      one.refuse();
      expect(await one.result()).toEqual({ status: 141, signal: "SIGPIPE" });
      control.close();
    });

    test("without credit, output waits; stderr, stdin and signals do not", async () => {
      const script = "head -c 3000000 /dev/zero & while read a; do echo $a >&2; done; kill $!";
      const one = sh(script, { stdin: true });
      const { stdin, control } = await one.started();
      await one.stdout.until((all) => all.length > 1);
      stdin.send(bytes("still\n"));
      await one.stderr.until((all) => all.some(({ body }) => text(body).endsWith("still\n")));
      const taken = one.stdout.messages.reduce((sum, { body }) => sum + body.length + OVERHEAD, 0);
      expect(taken).toBeLessThan(WINDOW + 262144 + 100);
      control.send(["signal", "SIGKILL"]);
      const rest = one.rest();
      expect(await one.result()).toEqual({ status: 137, signal: "SIGKILL" });
      await rest;
      stdin.close();
      control.close();
    });

    test("signals reach the whole group, and leave the context alone", async () => {
      for (const name of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) {
        const short = name.slice(3);
        const one = sh(`trap 'echo got; exit 5' ${short}; echo up; while :; do sleep 0.05; done`);
        const { control } = await one.started();
        await one.until("up");
        control.send(["signal", name]);
        // The shell hears it when its sleep has been ended by it.
        expect(await one.rest()).toBe("up\ngot\n");
        expect(await one.result()).toEqual({ status: 5 });
        control.close();
      }
      const one = sh("trap 'echo usr; exit 6' USR1; echo up; while :; do sleep 0.05; done");
      const { control } = await one.started();
      await one.until("up");
      for (const word of ["SIGNAL", "SIG_IGN"]) control.send(["signal", word]);
      control.send(["resize", 1, 1]);
      control.send(["signal", "SIGUSR1"]);
      await one.rest();
      expect(await one.result()).toEqual({ status: 6 });
      control.close();
    });

    test("a cancelled command is gone", async () => {
      const one = sh("trap '' TERM INT; echo up; while :; do sleep 1; done", { stdin: true });
      const { pid, stdin, control } = await one.started();
      await one.until("up");
      slave.cancel(one.reply);
      expect(await one.result()).toBe("econtext.Cancelled");
      expect(() => process.kill(pid, 0)).toThrow();
      stdin.close();
      control.close();
    });

    test("a terminal: size, echo, resize, keys, the end of input", async () => {
      const tty = { term: "vt100", columns: 91, rows: 17 };
      // A shell that is just starting its last program may lose an interrupt: hence `exec`.
      const one = sh(
        "stty size; echo $TERM; tty; read a; stty size; cat; echo ended; exec sleep 20",
        {
          tty,
          stdin: true,
          stderr: null,
        },
      );
      const { stdin, control } = await one.started();
      await one.until("/dev/pts/");
      expect(one.said).toStartWith("17 91\r\nvt100\r\n");
      control.send(["resize", 100, 30]);
      stdin.send(bytes("typed\n"));
      await one.until("30 100");
      expect(one.said).toContain("typed\r\n");
      stdin.send(bytes("line"));
      stdin.close();
      await one.until("ended");
      control.send(["signal", "SIGINT"]);
      await one.rest();
      expect(await one.result()).toEqual({ status: 130, signal: "SIGINT" });
      control.close();
    });

    test("a terminal whose receiver is closed hangs up", async () => {
      const tty = { term: "vt100", columns: 80, rows: 24 };
      const one = sh("echo up; exec sleep 20", { tty, stdin: true });
      const { stdin, control } = await one.started();
      await one.until("up");
      one.refuse();
      expect(await one.result()).toEqual({ status: 129, signal: "SIGHUP" });
      stdin.close();
      control.close();
    });

    test("nothing is left after 50 commands", async () => {
      await left();
      const before = await left();
      for (let i = 0; i < 50; i++) {
        const one = run(["cat"], { stdin: true });
        const { stdin, control } = await one.started();
        stdin.send(bytes(String(i)));
        stdin.close();
        expect(await one.rest()).toBe(String(i));
        await one.result();
        control.close();
      }
      expect(await left()).toEqual(before);
    });

    test("throughput (printed, not judged)", async () => {
      const began = performance.now();
      const one = run(["dd", "status=none", "if=/dev/zero", "bs=1M", `count=${MEBIBYTES}`]);
      (await one.started()).control.close();
      let got = 0;
      for (let chunk = await one.chunk(); chunk; chunk = await one.chunk()) got += chunk.length;
      expect(got).toBe(MEBIBYTES << 20);
      await one.result();
      const middle = performance.now();
      await writeMuch(run(["sh", "-c", "cat >/dev/null"], { stdin: true }), MEBIBYTES);
      const rate = (ms: number) => Math.round((MEBIBYTES * 1000) / ms);
      const [out, into] = [rate(middle - began), rate(performance.now() - middle)];
      console.log(`python ${version}${piped ? ", piped" : ""}: ${out} MiB/s out, ${into} MiB/s in`);
    }, 20_000);
  });
}
