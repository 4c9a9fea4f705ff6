/** How what fails over there is told here. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { CallError, RemoteError, ValueError } from "../../src/index.ts";
import { type Far, failureOf, ROOTS } from "./session.ts";

const ERRORS_FILE = join(ROOTS[0] ?? "", "tasks/errors.py");

export function errors(far: Far): void {
  const failed = async (name: string, ...args: unknown[]): Promise<CallError> => {
    const error = await failureOf(far.call(name, ...args));
    expect(error).toBeInstanceOf(CallError);
    return error as CallError;
  };

  test("an exception's type, message and traceback, in the lines of the user's file", async () => {
    const error = await failed("tasks.errors.deep", "you");
    expect(error.type).toBe("tasks.errors.Refused");
    expect(error.remoteMessage).toBe("no \u2603 for you");
    expect(error.message).toContain("tasks.errors.Refused: no \u2603 for you");
    const lines = error.traceback.split("\n").map((line) => line.trim());
    expect(lines[0]).toBe("Traceback (most recent call last):");
    expect(lines[1]).toBe(`File "${ERRORS_FILE}", line 20, in deep`);
    expect(lines).toContain(`File "${ERRORS_FILE}", line 16, in refuse`);
    expect(error.traceback).toContain('raise Refused(u"no \\u2603 for %s" % what)');
    // Only the user's lines: none of the core's.
    expect(error.traceback).not.toContain("<string>");
    expect(error.traceback).not.toContain("master:");
  });

  test("a builtin exception's type has no module", async () => {
    const error = await failed("os.listdir", "/no/such/folder");
    expect(error.type).toBe(far.python3 ? "FileNotFoundError" : "OSError");
    expect(error.remoteMessage).toContain("/no/such/folder");
    expect((await failed("int", "x")).type).toBe("ValueError");
    expect((await failed("json.loads", "{")).type).toBe(
      far.python3 ? "json.decoder.JSONDecodeError" : "ValueError",
    );
  });

  test("non-ASCII in a builtin exception's message", async () => {
    const error = await failed("int", "\u2603");
    expect(error.remoteMessage).toContain(far.python3 ? "'\u2603'" : "u'\\u2603'");
  });

  test.if(far.python3)("an exception's cause is told", async () => {
    const { traceback } = await failed("tasks.errors.chained");
    expect(traceback).toContain("KeyError: 'first'");
    expect(traceback).toContain("During handling of the above exception");
    expect(traceback).toContain("ValueError: second");
  });

  test("sys.exit and KeyboardInterrupt fail the call, and end nothing", async () => {
    const left = await failed("tasks.errors.leave", 3);
    expect([left.type, left.remoteMessage]).toEqual(["SystemExit", "3"]);
    const interrupted = await failed("tasks.errors.interrupted");
    expect([interrupted.type, interrupted.remoteMessage]).toEqual(["KeyboardInterrupt", "by hand"]);
    expect(await far.call("len", "abc")).toBe(3);
  });

  test("an exception that cannot be told in words", async () => {
    expect((await failed("tasks.errors.unspeakable")).type).toBe("tasks.errors.Unspeakable");
  });

  test("a wrong number of arguments", async () => {
    const error = await failed("tasks.errors.refuse", 1, 2, 3);
    expect(error.type).toBe("TypeError");
    expect(error.remoteMessage).toContain("refuse()");
  });

  test("a result that cannot be sent is named by its path", async () => {
    const error = await failed("tasks.errors.unsendable");
    expect(error.type).toBe("TypeError");
    expect(error.remoteMessage).toContain("result.rows[1].socket");
    expect((await failed("tasks.errors.cycle")).remoteMessage).toContain("it contains itself");
  });

  test("an argument that cannot be sent is named by its path, before anything is sent", async () => {
    const error = await failureOf(far.call("echo.echo", { a: [() => 1] }));
    expect(error).toBeInstanceOf(ValueError);
    expect((error as ValueError).path).toBe("args[0].a[0]");
  });

  test("an exception as a result is a value", async () => {
    const error = (await far.call("tasks.errors.handed_over")) as RemoteError;
    expect(error).toBeInstanceOf(RemoteError);
    expect([error.type, error.message]).toEqual(["tasks.errors.Refused", "no \u2603 for you"]);
    if (far.python3) expect(error.traceback).toContain("in refuse");
  });
}
