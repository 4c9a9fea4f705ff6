/** PendingCall: its answer, its deadline and its signal, and what becomes of its senders. */
import { describe, expect, test } from "bun:test";
import { type CallOwner, PendingCall } from "../../src/calls/pending-call.ts";
import { RemoteGenerator } from "../../src/calls/remote-generator.ts";
import type { EcontextError } from "../../src/errors.ts";
import { HANDLES } from "../../src/protocol/handles.ts";
import { decodeValue, encodeValue } from "../../src/protocol/value.ts";
import { type BEHAVIOURS, type NearOptions, openNear, until } from "../helpers/fake-slave.ts";

interface CallOptions extends NearOptions {
  readonly deadline?: number;
  readonly signal?: AbortSignal;
  readonly stopsFunctions?: boolean;
  readonly graceMs?: number;
  readonly name?: string;
  readonly decode?: CallOwner["decode"];
}

function open(options: CallOptions) {
  const near = openNear(options);
  const released: string[] = [];
  const hung: string[] = [];
  let settled = 0;
  let withdrawn = 0;
  const owner: CallOwner = {
    link: near.link,
    graceMs: options.graceMs ?? 60_000,
    decode: options.decode ?? ((body) => decodeValue(body)),
    stopsFunctions: () => options.stopsFunctions ?? true,
    hung: (call) => hung.push(call),
    settled: () => settled++,
    withdrawn: () => withdrawn++,
  };
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const { deadline, signal, name = "pkg.mod:fn" } = options;
  const settings = {
    name,
    limits: { deadline, signal },
    senders: { release: (why: string) => void released.push(why) },
    site: undefined,
  };
  const call = new PendingCall(owner, settings, resolve, reject);
  const send = (bytes = 2, isLast = false) =>
    call.send(encodeValue(["pkg.mod:fn", ["x".repeat(bytes)]]).chunks as Uint8Array[], isLast);
  const failure = () =>
    promise.then(
      (value) => expect.unreachable(`it answered ${String(value)}`),
      (error: EcontextError) => error,
    );
  const counts = { settled: () => settled, withdrawn: () => withdrawn };
  return { ...near, call, send, promise, failure, released, hung, ...counts };
}

for (const room of [0, 1]) {
  describe(`room for ${room}`, () => {
    test("an answer settles it once, and its handle is forgotten", async () => {
      const { send, promise, router, released, settled, problems } = open({ room });
      send();
      expect(router.pending(1)).toBe(1);
      expect(await promise).toEqual(["xx"]);
      expect([router.pending(1), released, settled(), problems]).toEqual([0, [], 1, []]);
    });

    test("a failure has the far side's texts, with our own positions", async () => {
      const { send, failure } = open({ room, behaviour: "failing" });
      send();
      expect(await failure()).toMatchObject({
        type: "ValueError",
        remoteMessage: "no",
        traceback: "at near:7",
      });
    });

    test("a dead handle is a refusal", async () => {
      const { send, failure, router } = open({ room, behaviour: "says that the handle is dead" });
      send();
      expect(await failure()).toMatchObject({
        code: "ERR_DISCONNECT_DEAD",
        message: "web1: no such handle\n  try: connect again",
      });
      expect(router.pending(1)).toBe(0);
    });

    test("a malformed answer fails the call, and is the context's fault", async () => {
      const behaviour = "answers with a failure that is not three texts";
      const { send, failure, faults } = open({ room, behaviour });
      send();
      expect((await failure()).code).toBe("ERR_PROTOCOL_VALUE");
      expect(faults.map(({ code }) => code)).toEqual(["ERR_PROTOCOL_VALUE"]);
    });

    test("a deadline frees its caller and cancels it; the answer frees its handle", async () => {
      const behaviour = "answers a cancelled call that had ended";
      const { send, failure, slave, router, settled } = open({ room, behaviour, deadline: 1 });
      send();
      const error = await failure();
      expect([error.code, error.message]).toEqual([
        "ERR_DEADLINE_CALL",
        expect.stringMatching(
          /^web1: pkg.mod:fn did not answer within 1 ms; .+\n {2}try: a longer/,
        ),
      ]);
      await until(() => router.pending(1) === 0);
      expect(slave.heardBy(HANDLES.CANCEL)).toEqual([[expect.any(Number), "deadline"]]);
      expect(settled()).toBe(1);
    });

    test("a call that does not end in time is reported as hung", async () => {
      const { send, failure, hung } = open({
        room,
        behaviour: "silent",
        deadline: 1,
        graceMs: 1,
        name: "econtext.files:fetch",
      });
      send();
      expect((await failure()).message).toContain("web1: the copy did not answer");
      await until(() => hung.length > 0);
      expect(hung).toEqual(["the copy"]);
    });

    test("a signal that is aborted already keeps it from being made", () => {
      const signal = AbortSignal.abort("why");
      let released = "";
      const near = openNear({ room });
      const make = () =>
        new PendingCall(
          { link: near.link } as CallOwner,
          {
            name: "fn",
            limits: { signal },
            site: undefined,
            senders: {
              release: (why) => {
                released = why;
              },
            },
          },
          () => {},
          () => {},
        );
      expect(make).toThrow(expect.objectContaining({ code: "ERR_CANCELLED", cause: "why" }));
      expect(released).toBe("unread");
    });

    for (const isLast of [false, true]) {
      const title = isLast ? "the last call" : "a call";
      test(`${title} that is given up before a byte was sent is taken back`, async () => {
        const stop = new AbortController();
        const { send, failure, slave, stream, pipe, router, released, withdrawn } = open({
          room,
          signal: stop.signal,
        });
        slave.pipe.pause();
        // The pipe and one batch are full: the call waits behind these.
        const envelope = { dst: 1, src: 0, auth: 0, handle: 99, reply: 0, flags: 0 };
        for (let i = 0; i < 9; i++) stream.send(envelope, [new Uint8Array(70_000)]);
        await until(() => pipe.written.length > 0);
        send(2, isLast);
        stop.abort();
        expect((await failure()).code).toBe("ERR_CANCELLED");
        expect([released, router.pending(1)]).toEqual([["unread"], 0]);
        // Only then has the slave not heard that no other call follows.
        expect(withdrawn()).toBe(isLast ? 1 : 0);
        slave.pipe.resume();
        await until(() => slave.heard.length === 9);
        expect(slave.heard.every(({ handle }) => handle === 99)).toBe(true);
      });
    }

    test("the cancellation of a call that is half sent comes after it", async () => {
      const stop = new AbortController();
      const { send, failure, slave, pipe } = open({
        room,
        behaviour: "silent",
        signal: stop.signal,
      });
      slave.pipe.pause();
      send(6 << 20);
      await until(() => pipe.written.length > 0);
      stop.abort();
      expect((await failure()).code).toBe("ERR_CANCELLED");
      slave.pipe.resume();
      await until(() => slave.heard.length === 2);
      expect(slave.heard.map(({ handle }) => handle)).toEqual([
        HANDLES.CALL_FUNCTION,
        HANDLES.CANCEL,
      ]);
    });

    const ends: [keyof typeof BEHAVIOURS, boolean, string[]][] = [
      ["drops a cancelled call unread", true, ["unread"]],
      ["drops a cancelled call unread", false, ["unread"]],
      ["interrupts a cancelled call", true, ["interrupted"]],
      // The function goes on, and closes its senders itself.
      ["interrupts a cancelled call", false, []],
    ];
    for (const [behaviour, stopsFunctions, expected] of ends) {
      test(`senders, if the slave ${behaviour} (it stops functions: ${stopsFunctions})`, async () => {
        const options = { room, behaviour, stopsFunctions, deadline: 1 };
        const { send, failure, released, router } = open(options);
        send();
        expect((await failure()).code).toBe("ERR_DEADLINE_CALL");
        await until(() => router.pending(1) === 0);
        expect(released).toEqual(expected);
      });
    }

    test("a slave whose connection ends leaves it to the end to say why", async () => {
      const behaviour = "says that its connection ends";
      const { send, failure, slave, router, call, settled } = open({ room, behaviour });
      send();
      await until(() => slave.heard.length === 1);
      for (let turn = 0; turn < 20; turn++) await new Promise((r) => setImmediate(r));
      expect([call.isSettled, router.pending(1)]).toEqual([false, 1]);
      const reason = Object.assign(new Error("the far side ended"), { code: "ERR_X" });
      router.remove(1, reason as unknown as EcontextError);
      expect((await failure()) as unknown).toBe(reason);
      expect(settled()).toBe(1);
    });

    test("a generator that comes for a call that was given up is closed", async () => {
      const dropped: unknown[][] = [];
      const callTier = async (_limits: object, ...name: unknown[]) => void dropped.push(name);
      const behaviour = "answers a cancelled call that had ended";
      const decode = () => new RemoteGenerator(7, callTier);
      const { send, failure } = open({ room, behaviour, deadline: 1, decode });
      send();
      expect((await failure()).code).toBe("ERR_DEADLINE_CALL");
      await until(() => dropped.length > 0);
      expect(dropped).toEqual([["econtext.channels:drop", 7]]);
    });
  });
}

test("a generator that is not iterated says how its values are taken", () => {
  const generator = new RemoteGenerator(7, () => Promise.resolve());
  expect(Bun.inspect(generator)).toContain("RemoteGenerator (for await (");
  expect(() => JSON.stringify(generator)).toThrow("not here yet\n  try: for await (");
});
