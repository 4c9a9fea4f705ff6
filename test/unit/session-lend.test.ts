/** ChildSession with a lender: another child takes the place of the first. */
import { describe, expect, test } from "bun:test";
import type { EcontextError } from "../../src/errors.ts";
import { firstStage } from "../../src/interpreters/first-stage.ts";
import { Router } from "../../src/mux/router.ts";
import { decodeValue } from "../../src/protocol/value.ts";
import type { Lender } from "../../src/session/settings.ts";
import {
  ask,
  body,
  CLOSED,
  failure,
  type Opened,
  open,
  ready,
  turn,
} from "../helpers/memory-session.ts";

describe("another child takes the place of the first", () => {
  /** Gives away the child of another session, which has become a Bun. */
  function lenderFrom(
    given: Promise<Opened>,
    lent: () => void = () => {},
    severed: EcontextError[] = [],
  ): Lender {
    return {
      lend: async () => {
        const { session, spawner } = await given;
        const plan = { wants: "javascript", kind: "bun", path: "/lent" } as const;
        spawner.last.restart(firstStage(plan));
        lent();
        const launched = session.release();
        if (launched === undefined) throw new Error("it is not ready");
        return { plan, launched };
      },
      sever: (reason) => severed.push(reason),
    };
  }

  test.each([0, 1, 64])("it hears all that was sent to the first, room %d", async (room) => {
    const router = new Router(() => {});
    const helper = await ready({}, room, router);
    const lent = Promise.withResolvers<void>();
    const lender = lenderFrom(Promise.resolve(helper), lent.resolve);
    const opened = open({ lender }, room, router);
    const { session, spawner } = opened;
    session.start("javascript");
    const answer = ask(opened, "once");
    const first = spawner.last;
    await first.received(1);
    expect(session.queuedBytes()).toBeGreaterThan(0);
    first.end({ status: 97 });
    await lent.promise;
    const second = helper.spawner.last;
    await second.answer("bun", 17);
    expect((await session.ready).kind).toBe("bun");
    const [call] = await second.received(1);
    expect(decodeValue(call?.body ?? new Uint8Array(0))).toBe("once");
    second.send({ handle: call?.reply ?? 0 }, body("done"));
    expect(await answer).toBe("done");
    expect(session.queuedBytes()).toBe(0);
    expect(helper.session.reason()?.code).toBe("ERR_DISCONNECT_CLOSED");
    session.sever(CLOSED);
    await session.gone;
  });

  test("the session is ended while it waits for the lender", async () => {
    const severed: EcontextError[] = [];
    const given = Promise.withResolvers<Opened>();
    const opened = open({ lender: lenderFrom(given.promise, undefined, severed) });
    const { session, spawner } = opened;
    session.start("javascript");
    await spawner.last.boot;
    spawner.last.end({ status: 97 });
    await turn();
    await turn();
    session.sever(CLOSED);
    expect(severed).toEqual([CLOSED]);
    const helper = await ready();
    given.resolve(helper);
    expect(await failure(session)).toBe(CLOSED);
    await session.gone;
    await helper.spawner.last.ended;
  });

  test("another failure is none of the lender's business", async () => {
    const lender: Lender = {
      lend: () => {
        throw new Error("it was asked");
      },
      sever: () => {},
    };
    const { session, spawner } = open({ lender });
    session.start("javascript");
    await spawner.last.boot;
    spawner.last.end({ status: 1 });
    expect((await failure(session)).code).toBe("ERR_BOOTSTRAP_FAILED");
    await session.gone;
  });

  test("only a session that is ready is handed over", async () => {
    const { session } = open();
    expect(session.release()).toBeUndefined();
    session.start("python");
    expect(session.release()).toBeUndefined();
    session.sever(CLOSED);
    expect(session.release()).toBeUndefined();
    await session.gone;
  });
});
