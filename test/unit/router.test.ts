/** Router: which messages it takes, which receivers learn of an end, how handles are given out. */
import { beforeEach, describe, expect, test } from "bun:test";
import { DisconnectError, type EcontextError, ProtocolError } from "../../src/errors.ts";
import type { Link, Withdraw } from "../../src/mux/link.ts";
import type { Route } from "../../src/mux/route-table.ts";
import { Router } from "../../src/mux/router.ts";
import { type Envelope, FLAGS, type Message } from "../../src/protocol/frame.ts";
import { FIRST_FREE_HANDLE, HANDLES } from "../../src/protocol/handles.ts";
import { LIMITS } from "../../src/protocol/limits.ts";

class FakeLink implements Link {
  readonly sent: Envelope[] = [];
  readonly closed: EcontextError[] = [];
  send(envelope: Envelope): Withdraw {
    this.sent.push(envelope);
    return () => "sent";
  }
  readonly forgotten: number[] = [];
  heardAt = 0;
  limit(): void {}

  ready(): Promise<void> {
    return Promise.resolve();
  }

  forget(context: number): void {
    this.forgotten.push(context);
  }
}

function routeOf(link: FakeLink, parent = 0): Route {
  return { link, parent, close: (error) => link.closed.push(error) };
}

let router: Router;
let links: FakeLink[];
let problems: [number, string][];
let received: Message[];

function from(context: number, fields: Partial<Message>): void {
  const plain = { dst: 0, src: context, auth: context, handle: 0, reply: 0, flags: 0 };
  router.deliver(links[context - 1] as Link, { ...plain, body: new Uint8Array(0), ...fields });
}

beforeEach(() => {
  problems = [];
  received = [];
  links = [];
  router = new Router((context, problem) => problems.push([context, problem]), {
    ...LIMITS,
    maxStrikes: 5,
  });
  for (let i = 0; i < 3; i++) {
    const link = new FakeLink();
    links.push(link);
    router.addRoute(router.allocateId(), routeOf(link));
  }
  router.listen(HANDLES.FORWARD_LOG, (message) => received.push(message));
});

describe("who may say what", () => {
  test("every context to a well-known handle that listens", () => {
    for (const id of [1, 2, 3]) from(id, { handle: HANDLES.FORWARD_LOG });
    expect(received.map((message) => message.src)).toEqual([1, 2, 3]);
    expect(problems).toEqual([]);
  });

  const refused: [string, Partial<Message>][] = [
    ["in the name of another", { src: 2 }],
    ["in the name of the master", { src: 0 }],
    ["with the authority of another", { auth: 2 }],
    ["with the authority of the master", { auth: 0 }],
    ["for another", { dst: 2 }],
    ["for itself", { dst: 1 }],
    ["compressed", { flags: FLAGS.DEFLATE }],
  ];
  for (const [name, fields] of refused) {
    test(`no context ${name}`, () => {
      from(1, { handle: HANDLES.FORWARD_LOG, reply: 7, ...fields });
      expect(received).toEqual([]);
      expect(problems.length).toBe(1);
      expect(links.flatMap((link) => link.sent)).toEqual([]);
    });
  }

  test("only the context that a handle is for may use it", () => {
    const handle = router.expect(1, { receive: (message) => received.push(message) });
    from(2, { handle });
    from(3, { handle, flags: FLAGS.DEAD });
    expect(received).toEqual([]);
    expect(problems.map(([context]) => context)).toEqual([2, 3]);
    from(1, { handle });
    expect(received.length).toBe(1);
  });

  test("a request to an unknown handle is answered with dead, except for the dead message", () => {
    from(1, { handle: 99, reply: 77 });
    expect(links[0]?.sent).toEqual([
      { dst: 1, src: 0, auth: 0, handle: 77, reply: 0, flags: FLAGS.DEAD },
    ]);
    from(1, { handle: 99, reply: 77, flags: FLAGS.DEAD });
    from(1, { handle: 99 });
    expect(links[0]?.sent.length).toBe(1);
    expect(problems.length).toBe(3);
  });

  test("a stream that goes on is closed, and no other", () => {
    for (let i = 0; i < 5; i++) {
      expect(links[0]?.closed).toEqual([]);
      from(1, { src: 2 });
    }
    from(2, { src: 1 });
    expect(links[0]?.closed[0]?.code).toBe("ERR_PROTOCOL_STRIKES");
    expect(links[1]?.closed).toEqual([]);
  });

  test("what a receiver finds wrong ends the stream that it came from; what is our own fault does not hide", () => {
    const wrong = new ProtocolError("ERR_PROTOCOL_VALUE", "no");
    const handle = router.expect(2, {
      receive: () => {
        throw wrong;
      },
    });
    from(2, { handle });
    expect(links.map((link) => link.closed.length)).toEqual([0, 1, 0]);
  });
});

describe("the end of a context", () => {
  test("every receiver that waits for it is told why, once, and no other", () => {
    const told: string[] = [];
    const wait = (context: number, name: string) =>
      router.expect(context, {
        receive: () => {},
        dead: (reason) => told.push(`${name}: ${reason.message}`),
      });
    const handles = [wait(1, "a"), wait(2, "b"), wait(1, "c"), wait(1, "d")];
    router.forget(1, handles[3] ?? 0);
    router.remove(1, new DisconnectError("ERR_DISCONNECT_LOST", "gone"));
    router.remove(1, new DisconnectError("ERR_DISCONNECT_LOST", "gone again"));
    expect(told).toEqual(["a: gone", "c: gone"]);
    expect([router.pending(1), router.pending(2)]).toEqual([0, 1]);
  });

  test("who waits may wait for another at once", () => {
    let told = 0;
    router.expect(1, {
      receive: () => {},
      dead: () => {
        told++;
        router.expect(2, { receive: () => {} });
      },
    });
    router.remove(1, new DisconnectError("ERR_DISCONNECT_LOST", "gone"));
    expect([told, router.pending(2)]).toEqual([1, 1]);
  });

  test("what is sent to it is lost without a word", () => {
    router.remove(1, new DisconnectError("ERR_DISCONNECT_LOST", "gone"));
    router.send({ dst: 1, handle: 1 }, []);
    router.send({ dst: 4711, handle: 1 }, []);
    expect(links[0]?.sent).toEqual([]);
  });
});

describe("handles", () => {
  test("are not given out twice while they are in use, nor soon after", () => {
    const none = { receive: () => {} };
    const given = Array.from({ length: 100 }, () => router.expect(1, none));
    expect(Math.min(...given)).toBe(FIRST_FREE_HANDLE);
    for (const handle of given) router.forget(1, handle);
    const again = Array.from({ length: 100 }, () => router.expect(2, none));
    expect(new Set([...given, ...again]).size).toBe(200);
    expect([router.pending(1), router.pending(2)]).toEqual([0, 100]);
  });

  test("a forgotten one is none, for its own context too", () => {
    const handle = router.expect(1, { receive: (message) => received.push(message) });
    router.forget(1, handle);
    from(1, { handle });
    expect(received).toEqual([]);
    expect(problems.length).toBe(1);
  });

  test("ids are never used again", () => {
    const id = router.allocateId();
    router.remove(id, new DisconnectError("ERR_DISCONNECT_LOST", "gone"));
    expect(router.allocateId()).toBe(id + 1);
  });
});

/** 4 is opened through 1, and 5 through 4: they have the link of 1. */
describe("contexts behind another", () => {
  let ended: [number, string][];
  let bastion: FakeLink;

  const say = (src: number, fields: Partial<Message>): void => {
    const plain = { dst: 0, src, auth: src, handle: 0, reply: 0, flags: 0 };
    router.deliver(bastion, { ...plain, body: new Uint8Array(0), ...fields });
  };

  beforeEach(() => {
    ended = [];
    bastion = links[0] as FakeLink;
    for (const parent of [1, 4]) {
      const id = router.allocateId();
      const close = (error: EcontextError) => ended.push([id, error.code]);
      router.addRoute(id, { link: bastion, parent, close });
    }
  });

  test("are heard over its link, and over no other", () => {
    for (const src of [1, 4, 5]) say(src, { handle: HANDLES.FORWARD_LOG });
    expect(received.map(({ src }) => src)).toEqual([1, 4, 5]);
    from(2, { src: 4, auth: 4, handle: HANDLES.FORWARD_LOG });
    say(2, { handle: HANDLES.FORWARD_LOG });
    say(77, { handle: HANDLES.FORWARD_LOG });
    expect(received.length).toBe(3);
    // The context at the end of the link answers for what comes over it.
    expect(problems).toEqual([
      [2, "a message in the name of context 4"],
      [1, "a message in the name of context 2"],
      [1, "a message in the name of context 77"],
    ]);
  });

  test("may have messages on the way when they end, and no other answers for these", () => {
    router.remove(4, new DisconnectError("ERR_DISCONNECT_LOST", "gone"));
    for (const src of [4, 5]) say(src, { handle: HANDLES.FORWARD_LOG });
    expect([received, problems]).toEqual([[], []]);
  });

  test("have handles of their own", () => {
    const handle = router.expect(4, { receive: (message) => received.push(message) });
    for (const src of [1, 5]) say(src, { handle });
    expect(received).toEqual([]);
    say(4, { handle });
    expect(received.length).toBe(1);
    router.send({ dst: 5, handle: 9 }, []);
    expect(bastion.sent.map(({ dst, src }) => [dst, src])).toEqual([[5, 0]]);
  });

  test("answer for their own faults alone", () => {
    for (let i = 0; i < 5; i++) say(4, { auth: 1, handle: HANDLES.FORWARD_LOG });
    expect(ended).toEqual([[4, "ERR_PROTOCOL_STRIKES"]]);
    const handle = router.expect(5, {
      receive: () => {
        throw new ProtocolError("ERR_PROTOCOL_VALUE", "no");
      },
    });
    say(5, { handle });
    expect(ended[1]).toEqual([5, "ERR_PROTOCOL_VALUE"]);
    expect(links.flatMap((link) => link.closed)).toEqual([]);
  });

  test("end with it, leaves first, and whatever waits for one of them is told", () => {
    const told: string[] = [];
    for (const id of [1, 4, 5, 2]) {
      const dead = (reason: EcontextError) => told.push(`${id}: ${reason.message}`);
      router.expect(id, { receive: () => {}, dead });
    }
    router.remove(1, new DisconnectError("ERR_DISCONNECT_LOST", "bastion: gone"));
    expect(told).toEqual(["5: bastion: gone", "4: bastion: gone", "1: bastion: gone"]);
    expect(ended).toEqual([
      [5, "ERR_DISCONNECT_LOST"],
      [4, "ERR_DISCONNECT_LOST"],
    ]);
    expect(bastion.forgotten).toEqual([5, 4, 1]);
  });

  test("are heard by their own messages, a child of this process by every byte", () => {
    bastion.heardAt = 77;
    expect([router.heardAt(1), router.heardAt(4)]).toEqual([77, 0]);
    const before = performance.now();
    say(4, { handle: HANDLES.FORWARD_LOG });
    expect(router.heardAt(4)).toBeGreaterThanOrEqual(before);
    expect([router.heardAt(1), router.heardAt(5)]).toEqual([77, 0]);
  });
});

describe("what is forgotten", () => {
  test("contexts that ended leave nothing behind, once their reasons are unused", async () => {
    const count = 20_000;
    for (let i = 0; i < count; i++) {
      const id = router.allocateId();
      router.addRoute(id, routeOf(links[0] as FakeLink));
      router.expect(id, { receive: () => {} });
      router.remove(id, new DisconnectError("ERR_DISCONNECT_LOST", "gone"));
    }
    for (let turn = 0; turn < 20 && router.remembered > 100; turn++) {
      Bun.gc(true);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(router.remembered).toBeLessThan(100);
  });

  test("a reason is told as long as anything keeps it, and else that the context has ended", async () => {
    const dead = (id: number) =>
      new Promise<EcontextError>((resolve) => {
        router.expect(id, { receive: () => {}, dead: resolve });
      });
    const reason = new DisconnectError("ERR_DISCONNECT_LOST", "gone");
    router.remove(1, reason);
    Bun.gc(true);
    expect(await dead(1)).toBe(reason);
    expect((await dead(4711)).code).toBe("ERR_DISCONNECT_CLOSED");
    expect([router.pending(1), router.pending(4711)]).toEqual([0, 0]);
  });
});
