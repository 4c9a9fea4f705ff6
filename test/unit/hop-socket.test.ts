/** HopSocket: the orders that a hop is given, and what a hop may do with the bytes. */
import { expect, test } from "bun:test";
import { DisconnectError } from "../../src/errors.ts";
import { Hop, type HopSession } from "../../src/launch/hop.ts";
import { HopSocket } from "../../src/launch/hop-socket.ts";
import { Router } from "../../src/mux/router.ts";
import { HANDLES, SWITCH, SWITCH_BIT } from "../../src/protocol/handles.ts";
import { decodeValue } from "../../src/protocol/value.ts";
import { keptLink, type Sent } from "../helpers/kept-link.ts";

const MIB = 1 << 20;

/** A socket of a hop, context 1, whose frames are kept in `sent`. */
function open() {
  const problems: string[] = [];
  const router = new Router((_context, problem) => problems.push(problem));
  const { link, sent } = keptLink();
  const session: HopSession = {
    ready: Promise.resolve(),
    start: () => {},
    isReady: () => true,
    lastAsked: () => 0,
    cores: () => [],
    language: () => "python",
    reason: () => undefined,
    sever: () => {},
  };
  const id = router.allocateId();
  router.addRoute(id, { link, parent: 0, close: () => {} });
  const hop = new Hop({ id, name: "bastion", place: "bastion", above: [] }, router, session);
  const socket = new HopSocket(hop, "web1", 22);
  const orders = sent.filter(({ dst, handle }) => dst >= SWITCH_BIT && handle !== HANDLES.BOOT);
  const [order] = orders as [Sent];
  const [own, handle] = decodeValue(order.body) as [number, number];
  const deliver = (to: number, body: Uint8Array): void =>
    router.deliver(link, { dst: 0, src: id, auth: id, reply: 0, flags: 0, handle: to, body });
  const tell = (...event: unknown[]): void =>
    deliver(order.reply, Buffer.from(JSON.stringify(event)));
  const send = (bytes: Uint8Array): void => deliver(handle, bytes);
  const isGone = (): boolean => router.outOf(own) === undefined && router.pending(id) === 0;
  return { router, id, own, socket, sent, orders, order, tell, send, problems, isGone };
}

const closed = (socket: HopSocket): Promise<unknown> =>
  new Promise((resolve) => socket.once("close", resolve));

test("bytes go to the connection, and come from it, once it is made", async () => {
  const { own, socket, sent, order, tell, send, isGone } = open();
  expect([order.handle, decodeValue(order.body)]).toEqual([
    SWITCH.CONNECT,
    [own, expect.any(Number), "web1", 22],
  ]);
  tell("connected");
  await socket.connected;
  socket.write(Buffer.from("there"));
  expect(sent.at(-1)).toMatchObject({ dst: own, body: Buffer.from("there") });
  const got: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => got.push(chunk));
  const over = closed(socket);
  send(Buffer.from("back"));
  tell("ended", null, null);
  await over;
  expect(got.join("")).toBe("back");
  expect(isGone()).toBe(true);
});

test("its end waits behind what was written, and its abort does not", async () => {
  for (const isOrderly of [true, false]) {
    const { own, socket, sent, tell, isGone } = open();
    tell("connected");
    await socket.connected;
    socket.write(Buffer.from("last"));
    if (isOrderly) socket.end();
    else socket.destroy();
    await Bun.sleep(0);
    const { handle, body, passage } = sent.at(-1) as Sent;
    expect(handle).toBe(SWITCH.CLOSE);
    expect(decodeValue(body)).toEqual([own, isOrderly ? null : "KILL"]);
    expect(passage?.queue === own).toBe(isOrderly);
    // The hop may still tell of it.
    expect(isGone()).toBe(false);
    tell("ended", null, null);
    expect(isGone()).toBe(true);
  }
});

test("one that cannot be made says why, and so does the end of its hop", async () => {
  const refused = open();
  refused.tell("failed", "ECONNREFUSED");
  await expect(refused.socket.connected).rejects.toMatchObject({ code: "ECONNREFUSED" });
  expect(refused.isGone()).toBe(true);
  const { router, id, socket, tell } = open();
  tell("connected");
  const over = closed(socket);
  const errors: unknown[] = [];
  socket.on("error", (error) => errors.push(error));
  const reason = new DisconnectError("ERR_DISCONNECT_LOST", "bastion: it has ended");
  router.remove(id, reason);
  await over;
  expect(errors).toEqual([reason]);
});

test("a hop that sends what was not asked for fills no memory", async () => {
  const { socket, tell, send, problems } = open();
  tell("connected");
  await socket.connected;
  const over = closed(socket);
  // Nothing reads it yet.
  for (let i = 0; i < 100; i++) send(new Uint8Array(MIB));
  await over;
  expect(socket.readableLength).toBeLessThan(20 * MIB);
  expect(problems).toEqual([]);
});
