/** The process over there: what user code finds around itself, and what it may do to it. */
import { expect, test } from "bun:test";
import { commandLine, eventually, type Far, messages } from "./session.ts";

export function processes(far: Far): void {
  test("it says what it is when it is ready", async () => {
    const info = await far.session().context.ready();
    expect(info.kind).toBe("python");
    expect(info.version).toStartWith(`${far.version}.`);
    expect(info.executable).toStartWith("/");
    expect(await far.call("os.getpid")).toBe(info.pid);
  });

  test("ps shows who it belongs to", async () => {
    const { pid } = await far.session().context.ready();
    expect(commandLine(pid)).toMatch(/^econtext:[^@]+@[^:]+:\d+\0/);
    expect(commandLine(pid)).toContain(`:${process.pid}\0`);
  });

  test("stdin is /dev/null, also that of commands", async () => {
    expect(await far.call("tasks.procs.about_stdin")).toEqual(["", true, true]);
    expect(await far.call("tasks.procs.child_stdin")).toBe("");
  });

  test("commands inherit no descriptor but 0, 1 and 2", async () => {
    expect(await far.call("tasks.procs.child_descriptors")).toEqual([0, 1, 2]);
  });

  test("commands neither ignore nor block the signals that end them", async () => {
    expect(await far.call("tasks.procs.child_signals")).toEqual(Array(8).fill(false));
  });

  test("sys.path has no current directory, and no module of ours", async () => {
    const paths = (await far.call("tasks.procs.paths")) as string[];
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) expect(path).toStartWith("/");
  });

  test("installed packages can be imported", async () => {
    const names = (await far.call("tasks.procs.packages")) as string[];
    for (const name of names) {
      expect(await far.call("tasks.procs.import_package", name)).toContain("-packages/");
    }
  });

  test("user code runs on the main thread", async () => {
    expect(await far.call("tasks.procs.main_thread")).toEqual(["_MainThread", "MainThread", true]);
  });

  test("a signal handler and a timer of the user's work", async () => {
    expect(await far.call("tasks.procs.own_alarm")).toBe(1);
  });

  test("a thread of the user's can import what the master has", async () => {
    const imported = far.call("tasks.procs.import_in_thread", "imports.late_thread");
    expect(await imported).toEqual(["imports.late_thread", "by a thread"]);
  });

  test("a fork prints and ends, and the context goes on", async () => {
    const session = far.session();
    const from = session.logs.length;
    expect(await far.call("tasks.procs.fork_print")).toBe(3);
    expect(messages(session, "stdout", from)).toEqual(["from the fork"]);
    expect(await far.call("len", [1])).toBe(1);
  });

  test("a fork that ends by sys.exit does not answer the call a second time", async () => {
    const { context } = far.session();
    const call = context.callWith({ deadline: 5000 }, "tasks.procs.fork_exit", 6);
    expect(await call).toBe(6);
    expect(await far.call("len", [1])).toBe(1);
  });

  test("what a fork logs arrives", async () => {
    const { logs } = far.session();
    const from = logs.length;
    expect(await far.call("tasks.procs.fork_log")).toBe(4);
    const all = Array.from({ length: 20 }, (_, i) => `record ${i}`);
    const heard = (): string[] =>
      logs.slice(from).flatMap((r) => /record \d+/.exec(r.message)?.[0] ?? []);
    expect(await eventually(() => heard().length === all.length)).toBe(true);
    expect(heard()).toEqual(all);
  });

  test("a fork that imports what nobody has yet is told no, and does not wait for ever", async () => {
    const { context } = far.session();
    const call = context.callWith(
      { deadline: 5000 },
      "tasks.procs.fork_import",
      "imports.late_fork",
    );
    expect(await call).toBe(5);
    expect(await far.call("len", [1])).toBe(1);
  });

  test("a fork while much waits to be written repeats none of it", async () => {
    await using session = await far.connect();
    expect(await session.context.call("tasks.procs.fork_while_queued", 2)).toBe(3);
    const numbers = messages(session, "queued").map((message) => Number(message.slice(0, 5)));
    expect(numbers).toEqual(Array.from({ length: 32 }, (_, i) => i));
    expect(await session.context.call("len", [1])).toBe(1);
  });

  test("multiprocessing, by fork", async () => {
    expect(await far.call("tasks.procs.multiprocess", 21)).toEqual([42, 0]);
    expect(await far.call("len", [1])).toBe(1);
  });
}
