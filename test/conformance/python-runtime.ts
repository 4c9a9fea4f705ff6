/**
 * What only a Python process has: functions that count their arguments, the logging module,
 * sys.path, threads that import, and fork. (JavaScript takes any number of arguments, has a
 * console, no search path, workers with modules of their own, and no fork.)
 */
import { expect } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CallError, CancelledError, Channel, TimeoutError } from "../../src/index.ts";
import { isRunning } from "../helpers/leaks.ts";
import { makeGate } from "./interruption.ts";
import { isPython3 } from "./python.ts";
import {
  eventually,
  type Far,
  failureOf,
  isCommandRunning,
  messages,
  uniqueSeconds,
} from "./session.ts";

export function pythonRuntime(far: Far): void {
  const { test, everyVersion } = far;
  everyVersion(
    "a cancelled call cleans up as long as it takes, and is not interrupted again",
    async () => {
      await using session = await far.connect();
      await session.call("tasks.hang.what_was_cleaned");
      let begun = 0;
      // A busy machine may need longer than the deadline to begin: then once more, with more time.
      for (let round = 0; round < 4 || (begun === 0 && round < 100); round++) {
        // The deadline passes here and in the context at about the same time: it is cancelled
        // twice.
        const limits =
          round % 2 === 0 ? { deadline: 20 + round * 5 } : { signal: AbortSignal.timeout(5) };
        await failureOf(session.callWith(limits, "tasks.hang.tidy_slowly", 0.25, "sleep", "0.05"));
        if (round < 3) continue;
        const [count, cleaned] = (await session.call("tasks.hang.what_was_cleaned")) as [
          number,
          number[],
        ];
        expect(cleaned).toEqual(Array(count).fill(0));
        begun += count;
      }
      expect(begun).toBeGreaterThan(0);
    },
  );

  // Else the import of the next thread would wait for ever. Each time it was 1 of 20 or so.
  if (isPython3(far.version)) {
    everyVersion("a cancelled import leaves no lock taken", async () => {
      await using session = await far.connect();
      for (let round = 0; round < 15; round++) {
        const limits = { deadline: 2 + Math.random() * 5 };
        const error = await failureOf(session.callWith(limits, "tasks.hang.import_always"));
        expect(error).toBeInstanceOf(TimeoutError);
        expect(await session.call("tasks.hang.import_locks")).toEqual([false, false]);
      }
    });
  }

  everyVersion(
    "what a cancelled call has started is gone, whatever signals it ignores",
    async () => {
      const kept = uniqueSeconds();
      const pid = await far.call(
        "tasks.hang.background",
        "sh",
        "-c",
        `trap "" INT TERM; exec sleep ${kept}`,
      );
      const seconds = uniqueSeconds();
      const stop = new AbortController();
      const script = `(trap "" INT TERM HUP; exec sleep ${seconds}) & wait`;
      const call = failureOf(far.callWith({ signal: stop.signal }, "tasks.hang.shell", script));
      expect(await eventually(() => [kept, seconds].every(isCommandRunning))).toBe(true);
      stop.abort();
      expect(await call).toBeInstanceOf(CancelledError);
      expect(await eventually(() => !isCommandRunning(seconds))).toBe(true);
      // What an earlier call has left running is not the cancelled one's.
      expect(isCommandRunning(kept)).toBe(true);
      await far.call("os.kill", pid, 9);
    },
  );

  everyVersion(
    "whatever an exception is made of, it is told, and the context lives on",
    async () => {
      const { context } = far.session();
      const count = (await far.call("tasks.errors.count_of_strange")) as number;
      const { pid } = await context.ready();
      const said: string[] = [];
      for (let i = 0; i < count; i++) {
        const error = (await failureOf(far.call("tasks.errors.strange", i))) as CallError;
        expect(error).toBeInstanceOf(CallError);
        expect(error.type).not.toBe("");
        said.push(error.remoteMessage);
        const values = context.call(far.fn("tasks.errors.strange_values"), i);
        const reading = (async () => {
          for await (const value of values) expect(value).toBe(i);
        })();
        expect(await failureOf(reading)).toMatchObject({ code: "ERR_CALL_FAILED" });
        await far.call("tasks.errors.strange_value", i).catch((failed) => {
          expect(failed).toBeInstanceOf(CallError);
        });
      }
      expect(said[0]).toBe("no server 17");
      expect(said.every((one) => one.length < 2 << 20)).toBe(true);
      expect(await far.call("pid")).toBe(pid);
    },
  );

  everyVersion("a wrong number of arguments", async () => {
    const error = (await failureOf(far.call("tasks.errors.refuse", 1, 2, 3))) as CallError;
    expect(error.type).toBe("TypeError");
    expect(error.remoteMessage).toContain("refuse()");
  });

  everyVersion(
    "what the level filters is filtered at the source: user code can tell, and saves the work",
    async () => {
      expect(await far.call("tasks.output.enabled")).toEqual([false, true]);
    },
  );

  everyVersion("a record that cannot be formatted is told, and harms nothing", async () => {
    const { logs } = far.session();
    const from = logs.length;
    await far.call("tasks.output.log_badly");
    const lines = logs.slice(from).map((r) => `${r.logger}: ${r.message}`);
    expect(lines.join("\n")).toContain("TypeError");
    expect(lines).toContain("app: after");
  });

  everyVersion("records and lines that are no text, or of no time, harm nothing", async () => {
    const { logs } = far.session();
    const from = logs.length;
    await far.call("tasks.output.log_oddly");
    await far.call("tasks.output.print_oddly");
    const told = logs.slice(from);
    const lines = told.map((r) => `${r.logger}: ${r.message}`);
    // Python 3 itself writes a question mark for half a pair of surrogates.
    expect(lines).toContainEqual(expect.stringMatching(/^odd: cut [\ufffd?]$/));
    expect(lines).toContain("odd: bytes \ufffd");
    expect(lines).toContain("\ufffd: name");
    expect(lines.filter((line) => line === "odd: record").length).toBeGreaterThan(2);
    expect(lines).toContain("17: record");
    expect(lines).toContain("odd: after");
    expect(lines).toContainEqual(expect.stringMatching(/^stdout: half \ufffd+, byte \ufffd$/));
    expect(lines).toContain("stderr: after");
    expect(await far.call("length", [1])).toBe(1);
  });

  everyVersion("an exception's message that is no text is told as far as it can be", async () => {
    for (const [name, said] of [
      ["tasks.errors.half", /^cut (?:\\ud83d|\?|\ufffd)$/],
      ["tasks.errors.bytes_message", /^(?:b')?bytes (?:\\xff'|\ufffd)$/],
    ] as const) {
      const error = (await failureOf(far.call(name))) as CallError;
      expect([error.type, error.remoteMessage]).toEqual([
        "tasks.errors.Refused",
        expect.stringMatching(said),
      ]);
      expect(error.traceback).toContain("Refused");
    }
    expect(await far.call("length", [1])).toBe(1);
  });

  everyVersion("a function that is not there is an AttributeError", async () => {
    for (const [name, message] of [
      ["os.nothing", "os has no nothing"],
      ["os.path.nothing", "os.path has no nothing"],
      ["encodings.utf_8.nothing", "encodings.utf_8 has no nothing"],
      ["tasks.shapes:nothing", "tasks.shapes has no nothing"],
      ["tasks.shapes.Shape.nothing", "tasks.shapes.Shape has no nothing"],
      ["tasks.no_such_module.function", "tasks has no no_such_module"],
      ["no_such_builtin", "no builtin function no_such_builtin"],
    ] as const) {
      const error = (await failureOf(far.session().context.call(name))) as CallError;
      expect([name, error.type, error.remoteMessage]).toEqual([name, "AttributeError", message]);
    }
  });

  everyVersion("nothing is being handled when a call begins", async () => {
    const nothing = ["None", "None", "None"];
    expect(await far.call("tasks.errors.handled")).toEqual(nothing);
    await failureOf(far.call("tasks.errors.refuse", "it"));
    expect(await far.call("tasks.errors.handled")).toEqual(nothing);
    await using session = await far.connect();
    expect(await session.call("tasks.errors.handled")).toEqual(nothing);
  });

  everyVersion("sys.path has no current directory, and no module of ours", async () => {
    const paths = (await far.call("tasks.procs.paths")) as string[];
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) expect(path).toStartWith("/");
  });

  everyVersion("installed packages can be imported", async () => {
    const names = (await far.call("tasks.procs.packages")) as string[];
    for (const name of names) {
      expect(await far.call("tasks.procs.import_package", name)).toContain("-packages/");
    }
  });

  everyVersion("a thread of the user's can import what the master has", async () => {
    const imported = far.call("tasks.procs.import_in_thread", "imports.late_thread");
    expect(await imported).toEqual(["imports.late_thread", "by a thread"]);
  });

  test("a result does not wait for the end of a long call behind it", async () => {
    await using gate = makeGate();
    await using next = makeGate();
    const first = far.call("tasks.hang.shell", gate.command);
    const short = far.call("length", [1]);
    const last = far.call("tasks.hang.shell", next.command);
    // It is answered while the first call runs: so that call is a long one, too.
    await far.session().context.ping();
    gate.open();
    await first;
    expect(await short).toBe(1);
    next.open();
    await last;
  });

  // Python 2 passes every signal on as an error of the system call that it ends.
  test("signals that user code handles disturb no call", async () => {
    await using session = await far.connect();
    await session.call("tasks.hang.tick", 0.000_02);
    for (let round = 0; round < 4; round++) {
      const answers = Array.from({ length: 100 }, (_, at) =>
        session.call("length", Array(at).fill(0)),
      );
      expect(await Promise.all(answers)).toEqual(answers.map((_, at) => at));
    }
    await session.call("tasks.hang.tick", 0);
  });

  everyVersion("a command gets no descriptor that user code lets its children have", async () => {
    const { context } = far.session();
    const [fd, other] = (await context.call("os.pipe")) as [number, number];
    // fcntl.F_SETFD
    for (const one of [fd, other]) await context.call("fcntl.fcntl", one, 2, 0);
    const listed = await context.exec(["ls", "/proc/self/fd"]).stdout.text();
    for (const one of [fd, other]) await context.call("os.close", one);
    // The last one is the listing's own.
    expect(listed.trim().split("\n").slice(0, -1)).toEqual(["0", "1", "2"]);
  });

  everyVersion("a fork prints and ends, and the context goes on", async () => {
    const session = far.session();
    const from = session.logs.length;
    expect(await far.call("tasks.procs.fork_print")).toBe(3);
    expect(messages(session, "stdout", from)).toEqual(["from the fork"]);
    expect(await far.call("length", [1])).toBe(1);
  });

  everyVersion("what a fork wrote without a newline arrives when it returns", async () => {
    await using session = await far.connect();
    expect(await session.call("tasks.procs.fork_partial", "no newline")).toBe(0);
    await session.context.close();
    expect(messages(session, "stdout")).toEqual(["no newline"]);
  });

  everyVersion(
    "a fork that uses a channel is refused, and the parent's stream is whole",
    async () => {
      const { sender, receiver } = new Channel<string>();
      const call = far.call("tasks.procs.fork_channels", sender, 50, 10_000);
      const got: string[] = [];
      for await (const value of receiver) got.push(value);
      expect(got).toEqual(Array(50).fill("p".repeat(10_000)));
      const told = (await call) as [string, number][];
      for (const [said, status] of told.slice(0, 2)) {
        expect(said).toMatch(/^Forked: process \d+ was forked from the context \S+, process \d+/);
        expect(status).toBe(0);
      }
      // Its own end of a channel is nothing to anybody.
      expect(told[2]).toEqual(["it was not refused", 0]);
      const values: unknown[] = [];
      for await (const value of far.session().context.call(far.fn("tasks.procs.fork_yields"))) {
        values.push(value);
      }
      expect(values).toEqual([1, 2, 1]);
    },
  );

  everyVersion("a fork that outlives its context does not hold up its end", async () => {
    // By ssh it does, for the grace time: sshd waits for all that have the streams open.
    const session = await far.connect({ graceMs: 100 });
    const pid = (await session.call("tasks.procs.fork_daemon")) as number;
    await session.context.close();
    expect(isRunning(pid)).toBe(true);
    process.kill(pid, "SIGKILL");
    await session.broker.close();
  });

  everyVersion(
    "atexit handlers run when a context is closed, and temporary folders are gone",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "econtext-atexit-"));
      try {
        await using session = await far.connect();
        expect(await session.call("tasks.procs.leave_files", folder)).toBe(2);
        await session.context.close();
        expect(readdirSync(folder)).toEqual([]);
        expect(messages(session, "stdout")).toEqual(["said at the end"]);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  everyVersion(
    "a crash: its signal is named, and what was printed arrives before the error",
    async () => {
      // At once, and when a line without its end has been read already.
      for (const [number, name, pause] of [
        [11, "SIGSEGV", 0],
        [9, "SIGKILL", 0.1],
      ] as const) {
        await using session = await far.connect();
        const error = await failureOf(session.call("tasks.procs.crash", number, pause));
        const said = session.logs.map((record) => record.message).join("");
        expect(error).toMatchObject({ code: "ERR_DISCONNECT_LOST" });
        expect((error as Error).message).toContain(`killed by ${name}, status ${128 + number}`);
        for (const words of ["partial", "last words"]) expect(said).toContain(words);
      }
    },
  );

  test("a crash is told as such also by a guard that is slow", async () => {
    await using session = await far.connect();
    const error = await failureOf(session.call("tasks.procs.crash_while_guard_sleeps", 0.6));
    expect((error as Error).message).toContain("killed by SIGSEGV, status 139");
  });

  everyVersion("a fork that ends by sys.exit does not answer the call a second time", async () => {
    const call = far.callWith({ deadline: 20_000 }, "tasks.procs.fork_exit", 6);
    expect(await call).toBe(6);
    expect(await far.call("length", [1])).toBe(1);
  });

  everyVersion("what a fork logs arrives", async () => {
    const { logs } = far.session();
    const from = logs.length;
    expect(await far.call("tasks.procs.fork_log")).toBe(4);
    const all = Array.from({ length: 20 }, (_, i) => `record ${i}`);
    const heard = (): string[] =>
      logs.slice(from).flatMap((r) => /record \d+/.exec(r.message)?.[0] ?? []);
    expect(await eventually(() => heard().length === all.length)).toBe(true);
    expect(heard()).toEqual(all);
  });

  everyVersion(
    "a fork that imports a module that was not sent yet fails, and does not wait for ever",
    async () => {
      const call = far.callWith(
        { deadline: 20_000 },
        "tasks.procs.fork_import",
        "imports.late_fork",
      );
      expect(await call).toBe(5);
      expect(await far.call("length", [1])).toBe(1);
    },
  );

  everyVersion("a fork while much waits to be written repeats none of it", async () => {
    await using session = await far.connect();
    expect(await session.call("tasks.procs.fork_while_queued", 2)).toBe(3);
    const numbers = messages(session, "queued").map((message) => Number(message.slice(0, 5)));
    expect(numbers).toEqual(Array.from({ length: 32 }, (_, i) => i));
    expect(await session.call("length", [1])).toBe(1);
  });

  everyVersion.if(far.version !== "2.7")(
    "multiprocessing, by processes that do not fork",
    async () => {
      for (const method of ["spawn", "forkserver"]) {
        const limits = { deadline: 30_000 };
        const squares = far.callWith(limits, "tasks.procs.pool_of", method, [1, 2, 3]);
        expect(await squares).toEqual([[1, 4, 9], [42]]);
        const error = await failureOf(far.callWith(limits, "tasks.procs.spawn_and_fail", method));
        expect(error).toMatchObject({ type: "LookupError", remoteMessage: "no 1" });
      }
    },
  );

  everyVersion("multiprocessing, by fork", async () => {
    expect(await far.call("tasks.procs.multiprocess", 21)).toEqual([42, 0]);
    expect(await far.call("length", [1])).toBe(1);
  });
}
