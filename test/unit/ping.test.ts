/** PING: an answer, a deadline, an answer that comes later, and the end of the context. */
import { describe, expect, test } from "bun:test";
import { ping, sendPing } from "../../src/calls/ping.ts";
import { DisconnectError } from "../../src/errors.ts";
import { HANDLES } from "../../src/protocol/handles.ts";
import { openNear, until } from "../helpers/fake-slave.ts";

for (const room of [0, 1]) {
  describe(`room for ${room}`, () => {
    test("is answered, and its handle is forgotten", async () => {
      const { link, router, slave } = openNear({ room });
      expect(await ping(link)).toBeGreaterThanOrEqual(0);
      expect([router.pending(1), slave.heardBy(HANDLES.PING)]).toEqual([0, [null]]);
    });

    test("overtakes bulk", async () => {
      const { link, stream, slave, pipe } = openNear({ room });
      const envelope = { dst: 1, src: 0, auth: 0, handle: 99, reply: 0, flags: 0 };
      stream.send(envelope, [new Uint8Array(1 << 20)]);
      await until(() => pipe.written.length > 0);
      await ping(link);
      await until(() => slave.heard.length === 2);
      expect(slave.heard.map(({ handle }) => handle)).toEqual([HANDLES.PING, 99]);
    });

    test("a deadline rejects it; a later answer is taken and ignored", async () => {
      const { link, router, slave, problems } = openNear({ room });
      slave.pipe.pause();
      await expect(ping(link, 1)).rejects.toMatchObject({
        code: "ERR_DEADLINE_PING",
        message: expect.stringMatching(
          /^web1: no answer within 1 ms\n {2}try: econtext doctor web1,/,
        ),
      });
      expect(router.pending(1)).toBe(1);
      slave.pipe.resume();
      await until(() => router.pending(1) === 0);
      expect(problems).toEqual([]);
    });

    test("ends with the context, also when that is gone before", async () => {
      const { link, router } = openNear({ room, behaviour: "silent" });
      const reason = new DisconnectError("ERR_DISCONNECT_LOST", "web1: the far side ended");
      const waiting = ping(link, 60_000);
      router.remove(1, reason);
      await expect(waiting).rejects.toBe(reason);
      await expect(ping(link, 60_000)).rejects.toBe(reason);
    });

    test("one that is only sent has its answer ignored", async () => {
      const { link, router, slave, problems } = openNear({ room });
      sendPing(link);
      await until(() => slave.heard.length === 1 && router.pending(1) === 0);
      sendPing(link);
      router.remove(1, new DisconnectError("ERR_DISCONNECT_LOST", "gone"));
      expect(problems).toEqual([]);
    });
  });
}
