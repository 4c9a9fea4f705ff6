/**
 * ChildSession: each of its states, and each way from one to the next, over children in memory.
 * `room` is the queue of the pipe: how many chunks it takes before a writer must wait.
 */
import { describe, expect, spyOn, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DisconnectError } from "../../src/errors.ts";
import { firstStage } from "../../src/interpreters/first-stage.ts";
import { Hop, type HopSession } from "../../src/launch/hop.ts";
import { Router } from "../../src/mux/router.ts";
import { HANDLES } from "../../src/protocol/handles.ts";
import { decodeValue } from "../../src/protocol/value.ts";
import { local } from "../../src/transports/local.ts";
import type { Transport } from "../../src/transports/transport.ts";
import { ask, body, CLOSED, failure, open, ready, turn } from "../helpers/memory-session.ts";

const PYTHON = { kind: "python" } as const;
const remote: Transport = {
  ...local,
  scheme: "far",
  hasNetwork: true,
  isClient: true,
  sharesDisk: false,
};

describe("idle", () => {
  test("starts nothing before it is used", async () => {
    const { session, spawner } = open();
    await turn();
    await turn();
    expect(spawner.children).toEqual([]);
    expect([session.isReady(), session.language(), session.reason()]).toEqual([
      false,
      undefined,
      undefined,
    ]);
    session.start("javascript");
    expect(spawner.last.argv).toEqual(firstStage({ wants: "javascript" }));
    expect(session.language()).toBe("javascript");
    session.sever(CLOSED);
  });

  test("waits for one turn where the interpreter is known", async () => {
    const { session, spawner } = open({ interpreter: PYTHON });
    expect([spawner.children.length, session.language()]).toEqual([0, "python"]);
    await turn();
    await turn();
    expect(spawner.children.length).toBe(1);
    session.sever(CLOSED);
  });

  test.each([undefined, PYTHON])("is ended before it began (%j)", async (interpreter) => {
    const opened = open({ interpreter });
    const { session, spawner } = opened;
    const answer = ask(opened);
    session.sever(CLOSED);
    expect(session.reason()).toBe(CLOSED);
    expect(await failure(session)).toBe(CLOSED);
    expect(await answer).toBe(CLOSED.code);
    await session.gone;
    session.start("python");
    await turn();
    await turn();
    expect(spawner.children).toEqual([]);
  });
});

describe.each([0, 1, 64])("launching, room %d", (room) => {
  test("sends calls behind the preamble, and starts once", async () => {
    const opened = open({}, room);
    const { session, spawner, id } = opened;
    session.start("python");
    session.start("javascript");
    const answers = [ask(opened, "one"), ask(opened, "two")];
    expect(spawner.children.length).toBe(1);
    const child = spawner.last;
    expect(child.options).toEqual(expect.objectContaining({ asks: false, isClient: false }));
    const calls = await child.received(2);
    expect((await child.boot).dst).toBe(id);
    expect(calls.map((call) => decodeValue(call.body))).toEqual(["one", "two"]);
    expect(session.isReady()).toBe(false);
    session.sever(CLOSED);
    expect(await Promise.all(answers)).toEqual([CLOSED.code, CLOSED.code]);
  });

  test("becomes ready before what comes with the answer", async () => {
    const opened = open({}, room);
    const { session, spawner, router, id } = opened;
    session.start("any");
    expect(session.language()).toBeUndefined();
    const seen: unknown[] = [];
    const reply = router.expect(id, {
      receive: () => seen.push([session.isReady(), session.language()]),
    });
    const child = spawner.last;
    child.print("Welcome!\n");
    await child.boot;
    await child.answer("node", 18, [child.frame({ handle: reply }, body("early"))]);
    expect(await session.ready).toEqual({
      kind: "node",
      version: "3.1",
      pid: 18,
      executable: "/bin/it",
    });
    await turn();
    expect(seen).toEqual([[true, "javascript"]]);
    expect(child.adopted).toEqual([expect.objectContaining({ kind: "node", pid: 18 })]);
    session.sever(CLOSED);
    await session.gone;
  });

  test("fails with what the child printed when it ends before its marker", async () => {
    const opened = open({}, room);
    const { session, spawner } = opened;
    session.start("python");
    const answer = ask(opened);
    const child = spawner.last;
    child.print("so long\n");
    child.stderr = "no luck\n";
    await child.boot;
    await turn();
    await turn();
    child.end({ status: 97 });
    const error = await failure(session);
    expect(error.code).toBe("ERR_BOOTSTRAP_NO_INTERPRETER");
    expect(error.message).toContain("so long");
    expect(error.message).toContain("no luck");
    expect(await answer).toBe(error.code);
    expect(child.kills).toEqual([]);
    await session.gone;
  });
});

describe("launching, to its end", () => {
  const replies: readonly (readonly [string, readonly unknown[]])[] = [
    ["expected a kind of python, node, bun", ["ruby", 17]],
    ["expected an interpreter of python, got bun", ["bun", 17]],
    ["expected [kind, version, pid, executable]", ["python", "17"]],
  ];
  test.each(replies)("a wrong answer: %s", async (said, [kind, pid]) => {
    const { session, spawner } = open();
    session.start("python");
    await spawner.last.answer(kind as string, pid);
    const error = await failure(session);
    expect([error.code, error.message]).toEqual([
      "ERR_PROTOCOL_VALUE",
      expect.stringContaining(said),
    ]);
    expect(session.isReady()).toBe(false);
    await session.gone;
  });

  test("no answer in time", async () => {
    const { session, spawner } = open({ connectMs: 20 });
    session.start("python");
    spawner.last.print("please wait");
    const error = await failure(session);
    expect([error.code, error.message]).toEqual([
      "ERR_DEADLINE_CONNECT",
      "web1: no answer within 20 ms; it said: please wait\n  try: econtext doctor web1, which tests each stage",
    ]);
    expect(spawner.last.kills).toEqual(["kill"]);
    await session.gone;
  });

  test("the time begins anew after a question on the way to a hop", async () => {
    const router = new Router(() => {});
    const looked = Promise.withResolvers<void>();
    let looks = 0;
    let over: number | undefined;
    const lastAsked = (): number => {
      if (++looks === 3) looked.resolve();
      return over ?? performance.now();
    };
    const asked: HopSession = {
      ready: new Promise(() => {}),
      start: () => {},
      isReady: () => false,
      lastAsked,
      cores: () => [],
      language: () => "python",
      reason: () => undefined,
      sever: () => {},
    };
    const via = new Hop(
      { id: router.allocateId(), name: "bastion", place: "bastion", above: [] },
      router,
      asked,
    );
    const { session } = open({ connectMs: 20, isConnectTotal: false, via }, 1, router);
    session.start("python");
    await looked.promise;
    expect(session.reason()).toBeUndefined();
    over = performance.now();
    expect(await failure(session)).toMatchObject({ code: "ERR_DEADLINE_CONNECT" });
    expect(performance.now() - over).toBeGreaterThanOrEqual(19);
    await session.gone;
  });

  test("by force: a child without a marker is killed", async () => {
    const { session, spawner } = open();
    session.start("python");
    session.sever(CLOSED);
    expect(session.reason()).toBe(CLOSED);
    expect(spawner.last.kills).toEqual(["kill"]);
    await session.gone;
  });

  test("by force: a child with a marker ends by itself", async () => {
    const { session, spawner } = open();
    session.start("python");
    const child = spawner.last;
    child.print(await child.marker());
    await turn();
    await turn();
    session.sever(CLOSED);
    expect(await failure(session)).toBe(CLOSED);
    await session.gone;
    expect(child.kills).toEqual([]);
  });

  test("the child ends between its marker and its answer", async () => {
    const { session, spawner } = open();
    session.start("python");
    const child = spawner.last;
    child.print(await child.marker());
    await turn();
    await turn();
    child.end({ status: 3 });
    expect(await failure(session)).toMatchObject({
      code: "ERR_DISCONNECT_LOST",
      message: expect.stringMatching(
        /^web1: the far side ended \(status 3\)\n {2}try: see whether the called code ends/,
      ),
    });
    await session.gone;
  });
});

describe("ready", () => {
  test("offers modules and answers for them", async () => {
    const { session, spawner, id } = await ready();
    session.offer([], ["importer"]);
    session.answerModule({ reply: 4711, body: body("no.such") });
    const messages = await spawner.last.received(3);
    // What the slave needs at once comes ahead of what is sent along.
    const { LOAD_MODULE } = HANDLES;
    expect(messages.map(({ handle }) => handle)).toEqual([LOAD_MODULE, LOAD_MODULE, 4711]);
    // A request that wants no answer gets none.
    session.answerModule({ reply: 0, body: body("no.such") });
    session.sever(CLOSED);
    await session.gone;
    expect(spawner.last.messages.map(({ dst }) => dst)).toEqual([id, id, id]);
  });

  test("has the slave get ready before the modules of a call are read", async () => {
    const folder = mkdtempSync(join(tmpdir(), "econtext-session-"));
    writeFileSync(join(folder, "theirs.py"), "");
    const { session, spawner, router, id } = await ready({}, 64);
    using flush = spyOn(router, "flush");
    session.offer(["theirs"], [], folder);
    session.offer(["theirs"], [], folder);
    const messages = await spawner.last.received(3);
    const { LOAD_MODULE, CALL_FUNCTION } = HANDLES;
    expect(messages.map(({ handle }) => handle)).toEqual([LOAD_MODULE, CALL_FUNCTION, LOAD_MODULE]);
    expect(flush.mock.calls).toEqual([[id]]);
    session.sever(CLOSED);
    await session.gone;
    rmSync(folder, { recursive: true });
  });

  test("ends with the child, and says how that ended and what it printed last", async () => {
    const opened = await ready();
    const { session, spawner, records } = opened;
    const answer = ask(opened);
    const child = spawner.last;
    child.stderr = `sh: Killed\n${await child.marker()}almost\ndone\n`;
    child.end({ status: 137 }, false);
    expect(await answer).toBe("ERR_DISCONNECT_LOST");
    const [what, hint] = session.reason()?.message.split("\n") ?? [];
    expect(what).toBe("web1: the far side ended (killed by SIGKILL, status 137: sh: Killed)");
    expect(hint).toStartWith("  try: see in dmesg");
    expect(records.map(({ logger, message }) => [logger, message])).toEqual([
      ["stderr", "almost"],
      ["stderr", "done"],
    ]);
    expect(session.isReady()).toBe(true);
    let isGone = false;
    void session.gone.then(() => {
      isGone = true;
    });
    await turn();
    expect(isGone).toBe(false);
    child.vanish();
    await session.gone;
  });

  test("ends by force, once", async () => {
    const opened = await ready();
    const { session, spawner } = opened;
    const answer = ask(opened);
    session.sever(CLOSED);
    session.sever(new DisconnectError("ERR_DISCONNECT_LOST", "too late"));
    expect(session.reason()).toBe(CLOSED);
    expect(await answer).toBe(CLOSED.code);
    await session.gone;
    expect(spawner.last.kills).toEqual([]);
  });

  test("a remote slave counts as lost when it is silent", async () => {
    const { session } = await ready({ transport: remote, leaseMs: 60 });
    await session.gone;
    expect(session.reason()).toMatchObject({
      code: "ERR_DISCONNECT_SILENT",
      message: expect.stringMatching(/^web1: nothing was heard for 60 ms\n {2}try: see whether/),
    });
  });

  test("sends no ping when it is quiet, nor on this machine", async () => {
    const quiet = await ready({ transport: remote, leaseMs: 15 });
    quiet.session.quiet();
    const here = await ready({ leaseMs: 15 });
    const pinged = await ready({ transport: remote, leaseMs: 15 });
    await pinged.session.gone;
    for (const { session, spawner } of [quiet, here]) {
      expect(spawner.last.messages).toEqual([]);
      expect(session.reason()).toBeUndefined();
      session.sever(CLOSED);
      await session.gone;
    }
  });
});
