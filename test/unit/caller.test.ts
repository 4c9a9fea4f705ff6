/** Caller: what calls need and wait for, in which order they go out, and what refuses one. */
import { describe, expect, test } from "bun:test";
import { Caller } from "../../src/calls/caller.ts";
import { Channel } from "../../src/channels/channel.ts";
import { DisconnectError, type EcontextError } from "../../src/errors.ts";
import { FLAGS } from "../../src/protocol/frame.ts";
import { HANDLES } from "../../src/protocol/handles.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { type NearOptions, openNear, until } from "../helpers/fake-slave.ts";

function open(options: NearOptions & { readonly signal?: AbortSignal }) {
  const near = openNear(options);
  const settings = { graceMs: 60_000, signal: options.signal };
  const caller = new Caller(near.link, near.session, settings);
  const call = (...args: unknown[]) => caller.call({ fn: "pkg.fn", args });
  return { ...near, caller, call };
}

const failure = (promise: Promise<unknown>): Promise<EcontextError> =>
  promise.then(
    (value) => expect.unreachable(`it answered ${String(value)}`),
    (error) => error,
  );

for (const room of [0, 1]) {
  describe(`room for ${room}`, () => {
    test("calls are pipelined, in the order in which they were made", async () => {
      const { call, slave, session, router, problems } = open({ room });
      const numbers = Array.from({ length: 100 }, (_, i) => i);
      expect(await Promise.all(numbers.map((i) => call(i)))).toEqual(numbers.map((i) => [i]));
      const sent = slave.heardBy(HANDLES.CALL_FUNCTION) as [string, number[]][];
      expect(sent.map(([, [i]]) => i)).toEqual(numbers);
      expect(session.started.every((wants) => wants === "python")).toBe(true);
      expect([router.pending(1), problems]).toEqual([0, []]);
    });

    test("calls wait for the language of the slave; one that is given up is not sent", async () => {
      const { caller, call, session, slave, router } = open({ room, language: undefined });
      const stop = new AbortController();
      const { sender } = new Channel();
      const first = call(1);
      const request = { fn: "pkg.fn", args: [sender], options: { signal: stop.signal } };
      const given = failure(caller.call(request));
      const third = call(3);
      expect([caller.waiting, slave.heard.length, session.offered]).toEqual([3, 0, []]);
      stop.abort();
      expect((await given).code).toBe("ERR_CANCELLED");
      session.become("python");
      expect([await first, await third]).toEqual([[1], [3]]);
      // Its sender is forgotten with it.
      expect([slave.heardBy(HANDLES.CALL_FUNCTION).length, router.pending(1)]).toEqual([2, 0]);
    });

    test("a sender of a call that is given up stays for the call after it", async () => {
      const { caller, session, router } = open({ room, language: undefined });
      const stop = new AbortController();
      const { sender, receiver } = new Channel();
      const args = [sender];
      const given = failure(caller.call({ fn: "pkg.fn", args, options: { signal: stop.signal } }));
      const kept = caller.call({ fn: "pkg.fn", args });
      stop.abort();
      await given;
      session.become("python");
      // The slave sends the argument back: it is the very sender.
      expect(await kept).toEqual([sender]);
      expect([router.pending(1), receiver.closed]).toEqual([1, false]);
    });

    test("calls wait for room in the queue, and keep their order", async () => {
      const { call, slave, stream } = open({ room });
      slave.pipe.pause();
      const large = "x".repeat(LIMITS.maxQueuedBytes + 1);
      const calls = [call(large), call(large), call("third")];
      await new Promise((resolve) => setImmediate(resolve));
      expect(stream.queuedBytes(1)).toBeLessThan(2 * LIMITS.maxQueuedBytes);
      slave.pipe.resume();
      const results = (await Promise.all(calls)) as [string][];
      expect(results.map(([text]) => text.length)).toEqual([large.length, large.length, 5]);
    });
  });
}

describe("what a call needs", () => {
  const needs = async (
    language: "python" | "javascript",
    args: readonly unknown[],
    options: object,
    tier?: readonly string[],
  ) => {
    const { caller, session } = open({ room: 1, behaviour: "silent", language });
    caller
      .call({ fn: "econtext.files:fetch", args, options, ...(tier === undefined ? {} : { tier }) })
      .catch(() => {});
    return session.offered;
  };
  const signal = new AbortController().signal;
  const cases: [string, unknown[], object, string[], string[]][] = [
    ["nothing", [1], {}, [], []],
    ["a deadline", [1], { deadline: 60_000 }, ["interruption"], ["external"]],
    ["a signal", [1], { signal }, ["interruption"], ["external"]],
    ["its context", [], { withContext: true }, ["external", "interruption"], ["external"]],
    ["dates", [new Date(0)], {}, ["values"], ["values"]],
    [
      "a sender",
      [new Channel().sender],
      {},
      ["values", "channels", "value_encode"],
      ["values", "channels"],
    ],
  ];
  for (const [name, args, options, python, javascript] of cases) {
    test(name, async () => {
      expect(await needs("python", args, options)).toEqual([python]);
      expect(await needs("javascript", args, options, ["files"])).toEqual([
        ["files", ...javascript],
      ]);
    });
  }
});

describe("what refuses a call", () => {
  test("a value that cannot be sent, and then no sender of it stays", async () => {
    const { call, caller, router, slave } = open({ room: 1 });
    const error = await failure(call(new Channel().sender, () => {}));
    expect([error.code, error.message]).toEqual([
      "ERR_VALUE_UNSENDABLE",
      expect.stringContaining("args[1]"),
    ]);
    expect([router.pending(1), caller.waiting, slave.heard.length]).toEqual([0, 0, 0]);
  });

  test("arguments over the limit, and a signal that is aborted already", async () => {
    const { caller, call, router } = open({ room: 1 });
    const { sender } = new Channel();
    const large = new Uint8Array(LIMITS.maxMessageBytes);
    expect((await failure(call(sender, large))).code).toBe("ERR_USAGE_TOO_LARGE");
    const options = { signal: AbortSignal.abort() };
    const aborted = caller.call({ fn: "pkg.fn", args: [sender], options });
    expect((await failure(aborted)).code).toBe("ERR_CANCELLED");
    expect([router.pending(1), caller.waiting]).toEqual([0, 0]);
  });

  test("malformed names and limits", async () => {
    const { caller, slave } = open({ room: 1 });
    const code = async (fn: string, options = {}) =>
      (await failure(caller.call({ fn, args: [], options }))).code;
    expect(await code("no such name")).toBe("ERR_USAGE_FUNCTION");
    expect(await code("os.getpid", { deadline: -1 })).toBe("ERR_USAGE_DEADLINE");
    expect([slave.heard.length, caller.waiting]).toEqual([0, 0]);
  });

  test("the end of the session, and the closing of the context", async () => {
    const { caller, call, session, router } = open({ room: 1, behaviour: "silent" });
    const pending = failure(call(1));
    const reason = new DisconnectError("ERR_DISCONNECT_LOST", "web1: the far side ended");
    session.end(reason);
    router.remove(1, reason);
    expect((await pending).code).toBe("ERR_DISCONNECT_LOST");
    expect((await failure(call(2))).code).toBe("ERR_DISCONNECT_LOST");
    caller.close();
    expect(caller.unavailable()?.code).toBe("ERR_DISCONNECT_CLOSED");
    expect((await failure(call(3))).message).toBe(
      "web1: the context was closed\n  try: connect again",
    );
    await caller.idle();
    expect(caller.waiting).toBe(0);
  });

  test("a call that cannot be interrupted ends the session", async () => {
    const near = openNear({ room: 1, behaviour: "silent" });
    const caller = new Caller(near.link, near.session, { graceMs: 1 });
    const late = caller.call({ fn: "pkg.fn", args: [], options: { deadline: 1 } });
    expect((await failure(late)).code).toBe("ERR_DEADLINE_CALL");
    await until(() => near.session.severed.length > 0);
    expect(near.session.severed.map(({ code, message }) => [code, message])).toEqual([
      [
        "ERR_DISCONNECT_HUNG",
        expect.stringMatching(
          /^web1: pkg.fn could not be interrupted within 1 ms; .+ ended\n {2}try: run code/,
        ),
      ],
    ]);
  });

  test("the last call: where calls run beside one another, it waits for the others", async () => {
    const sent = async (language: "python" | "javascript") => {
      const near = openNear({ room: 1, behaviour: "silent", language });
      const caller = new Caller(near.link, near.session, { graceMs: 60_000 });
      const fn = language === "python" ? "time.sleep" : "node:timers/promises.setTimeout";
      const call = failure(caller.call({ fn, args: [] }));
      const finished = caller.finish();
      for (let turn = 0; turn < 20; turn++) await new Promise((r) => setImmediate(r));
      const before = near.slave.heardBy(HANDLES.CALL_FUNCTION).length;
      const [{ reply } = { reply: 0 }] = near.slave.heard;
      near.slave.reply(reply, ["ValueError", "no", ""], FLAGS.ERROR);
      await Promise.all([call, finished]);
      await until(() => near.slave.heard.length === 3);
      return [before, ...near.slave.heardBy(HANDLES.CALL_FUNCTION).slice(1)];
    };
    expect(await sent("python")).toEqual([3, ["atexit._run_exitfuncs", []], "closed"]);
    expect(await sent("javascript")).toEqual([1, ["process.emit", ["exit", 0]], "closed"]);
  });

  test("the signal of all calls", async () => {
    const stop = new AbortController();
    const { call, caller } = open({ room: 1, behaviour: "silent", signal: stop.signal });
    const calls = [failure(call(1)), failure(call(2))];
    const idle = caller.idle();
    stop.abort();
    expect((await Promise.all(calls)).map(({ code }) => code)).toEqual([
      "ERR_CANCELLED",
      "ERR_CANCELLED",
    ]);
    await idle;
  });
});
