/** The slave's process: what user code finds around itself, and what it may do to it. */
import { expect } from "bun:test";
import { commandLine, type Far } from "./session.ts";

export function processes(far: Far): void {
  const { everyVersion } = far;
  everyVersion("it says what it is when it is ready", async () => {
    const info = await far.session().context.ready();
    expect(info.kind).toBe(far.kind);
    expect(`${info.version}.`).toStartWith(`${far.version}.`);
    expect(info.executable).toStartWith("/");
    expect(await far.call("pid")).toBe(info.pid);
  });

  everyVersion("ps shows who it belongs to", async () => {
    const { pid } = await far.session().context.ready();
    expect(commandLine(pid)).toMatch(/^econtext:[^@]+@[^:]+:\d+\0/);
    expect(commandLine(pid)).toContain(`:${process.pid}\0`);
  });

  everyVersion("stdin is /dev/null, also that of commands", async () => {
    expect(await far.call("tasks.procs.about_stdin")).toEqual(["", true, true]);
    expect(await far.call("tasks.procs.child_stdin")).toBe("");
  });

  everyVersion("commands inherit no descriptor but 0, 1 and 2", async () => {
    expect(await far.call("tasks.procs.child_descriptors")).toEqual([0, 1, 2]);
  });

  everyVersion("commands neither ignore nor block the signals that end them", async () => {
    expect(await far.call("tasks.procs.child_signals")).toEqual(Array(8).fill(false));
  });

  everyVersion("user code runs on the main thread", async () => {
    expect(await far.call("tasks.procs.main_thread")).toEqual(far.process.mainThread);
  });

  everyVersion("a signal handler and a timer of the user's work", async () => {
    expect(await far.call("tasks.procs.own_alarm")).toBe(1);
  });
}
