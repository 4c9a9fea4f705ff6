/** How a failure in a context arrives here. */
import { expect } from "bun:test";
import { CallError, RemoteError, ValueError } from "../../src/index.ts";
import { type Far, failureOf } from "./session.ts";

export function errors(far: Far): void {
  const { everyVersion } = far;
  const words = far.errors;
  const asCallError = async (call: Promise<unknown>): Promise<CallError> => {
    const error = await failureOf(call);
    expect(error).toBeInstanceOf(CallError);
    return error as CallError;
  };
  const failed = (name: string, ...args: unknown[]): Promise<CallError> =>
    asCallError(far.call(name, ...args));

  everyVersion(
    "an exception's type, message and traceback, in the lines of the user's file",
    async () => {
      const error = await failed("tasks.errors.deep", "you");
      expect(error.type).toBe(words.refused);
      expect(error.remoteMessage).toBe("no \u2603 for you");
      expect(error.message).toContain(`${words.refused}: no \u2603 for you`);
      const lines = error.traceback.split("\n").map((line) => line.trim());
      words.deep.forEach((pattern, i) => {
        expect(lines[i]).toMatch(pattern);
      });
      for (const text of words.deepHas) expect(error.traceback).toContain(text);
      // Only the user's lines: none of the core's.
      for (const text of words.foreign) expect(error.traceback).not.toContain(text);
    },
  );

  everyVersion("the language's own exceptions", async () => {
    for (const [name, args, type, part] of words.builtin) {
      const error = await asCallError(far.session().context.call(name, ...args));
      expect([name, error.type]).toEqual([name, type]);
      expect(error.remoteMessage).toContain(part);
    }
  });

  const { chain } = words;
  everyVersion.if(chain !== undefined)("an exception's cause is told", async () => {
    const { traceback } = await failed("tasks.errors.chained");
    for (const text of chain ?? []) expect(traceback).toContain(text);
  });

  everyVersion("what would end a program fails the call, and ends nothing", async () => {
    const { pid } = await far.session().context.ready();
    for (const [fn, args, type, message] of words.leaving) {
      const error = await failed(fn, ...args);
      expect([fn, error.type]).toEqual([fn, type]);
      expect(error.remoteMessage).toContain(message);
      expect(await far.call("length", "abc")).toBe(3);
    }
    expect(await far.call("pid")).toBe(pid);
  });

  everyVersion("an exception that cannot be told in words", async () => {
    expect((await failed("tasks.errors.unspeakable")).type).toBe(words.unspeakable);
  });

  everyVersion("a result that cannot be sent is named by its path", async () => {
    const error = await failed("tasks.errors.unsendable");
    expect(error.type).toBe(words.unsendable);
    expect(error.remoteMessage).toContain("result.rows[1].socket");
    expect((await failed("tasks.errors.cycle")).remoteMessage).toContain("it contains itself");
  });

  everyVersion(
    "an argument that cannot be sent is named by its path, before anything is sent",
    async () => {
      const error = await failureOf(far.call("echo.echo", { a: [() => 1] }));
      expect(error).toBeInstanceOf(ValueError);
      expect((error as ValueError).path).toBe("args[0].a[0]");
    },
  );

  everyVersion("an exception as a result is a value", async () => {
    const error = (await far.call("tasks.errors.handed_over")) as RemoteError;
    expect(error).toBeInstanceOf(RemoteError);
    expect([error.type, error.message]).toEqual([words.refused, "no \u2603 for you"]);
    if (words.handedOver !== undefined) expect(error.traceback).toContain(words.handedOver);
  });
}
