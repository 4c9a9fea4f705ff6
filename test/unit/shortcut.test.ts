/** Shortcut: what a hop is told when a sender of one context is given to another behind it. */
import { expect, test } from "bun:test";
import type { Sender } from "../../src/channels/channel.ts";
import { SenderTable } from "../../src/channels/sender-table.ts";
import { DisconnectError } from "../../src/errors.ts";
import type { MeetingPlace } from "../../src/mux/context-link.ts";
import type { Link } from "../../src/mux/link.ts";
import { Router } from "../../src/mux/router.ts";
import { FLAGS } from "../../src/protocol/frame.ts";
import { SWITCH, SWITCH_BIT } from "../../src/protocol/handles.ts";
import { decodeValue, encodeValue, SenderReference } from "../../src/protocol/value.ts";

const [HOP, A, B] = [1, 2, 3];
const K = 1234;

/** Contexts A and B behind a hop; A has given a sender of its own. */
function open(isAnnounced = true) {
  const router = new Router(() => {});
  const sent: [dst: number, handle: number, isDead: boolean, value: unknown][] = [];
  const link: Link = {
    heardAt: 0,
    forget: () => {},
    limit: () => {},
    ready: () => Promise.resolve(),
    send: ({ dst, handle, flags }, body) => {
      const value = decodeValue(Buffer.concat(body as Uint8Array[]), { adopt: (one) => one });
      sent.push([dst, handle, (flags & FLAGS.DEAD) !== 0, value]);
      return () => "sent";
    },
  };
  for (const id of [HOP, A, B]) {
    router.allocateId();
    router.addRoute(id, { link, parent: id === HOP ? 0 : HOP, close: () => {} });
    if (id !== B || isAnnounced) router.announce(id);
  }
  const orders: [operation: number, value: readonly unknown[], reply: number | undefined][] = [];
  const place: MeetingPlace = {
    id: HOP,
    order: (operation, value, reply) => orders.push([operation, value as unknown[], reply]),
  };
  const tableOf = (id: number): SenderTable =>
    new SenderTable(
      { id, name: `c${id}`, router, mapStack: (text) => text, meet: () => place },
      () => undefined,
    );
  const [hop, a, b] = [tableOf(HOP), tableOf(A), tableOf(B)];
  const sender = a.decode(Buffer.from(`{"!h":[${A},${K}]}`)) as Sender;
  /** A message for one of the master's handles. */
  const tell = (src: number, handle: number, value: unknown, flags = 0): void => {
    const body = Buffer.isBuffer(value) ? value : Buffer.concat(encodeValue(value).chunks);
    router.deliver(link, { dst: 0, src, auth: src, handle, reply: 0, flags, body });
  };
  return { router, sent, orders, hop, a, b, sender, tell };
}

function relayOf({ orders }: ReturnType<typeof open>) {
  const relay = orders.find(([operation]) => operation === SWITCH.RELAY);
  const [, [handle, from, to, context, credits], notices] = relay as [
    number,
    [number, number, number, number, number],
    number,
  ];
  return { handle, from, to, context, credits, notices };
}

test("the hop is told of both ends, and the context gets a handle of the master's", () => {
  const scene = open();
  const { chunks } = scene.b.encode(scene.sender);
  const { handle, from, to, context, credits } = relayOf(scene);
  expect(decodeValue(Buffer.concat(chunks), { adopt: (one) => one })).toEqual(
    new SenderReference(0, handle),
  );
  expect([from, to, context]).toEqual([B, K, A]);
  // A was told that handle when its sender came.
  expect(scene.sent).toEqual([[A, K, false, credits]]);
});

test("a hop that gets a sender of a context behind it sends to its own switch", () => {
  const scene = open();
  const { chunks } = scene.hop.encode(scene.sender);
  const { handle, from } = relayOf(scene);
  expect(from).toBe(HOP);
  expect(decodeValue(Buffer.concat(chunks), { adopt: (one) => one })).toEqual(
    new SenderReference(HOP + SWITCH_BIT, handle),
  );
});

test("what a hop sends before it hears of its relay is given to its switch", () => {
  const scene = open();
  const sender = scene.hop.decode(Buffer.from(`{"!h":[${HOP},${K}]}`)) as Sender;
  scene.b.encode(sender);
  const { context, credits, notices } = relayOf(scene);
  expect(context).toBe(HOP);
  scene.tell(HOP, credits, 1000);
  const [operation, [hop, handle, flags, body]] = scene.orders.at(-1) as [number, unknown[], 0];
  expect([operation, hop, handle, flags, String(body)]).toEqual([
    SWITCH.HEARD,
    HOP,
    credits,
    0,
    "1000",
  ]);
  // The relay has ended, and the hop sends nothing more to this process.
  scene.tell(HOP, notices, ["relay", "ended"]);
  expect(sender.closed).toBe(true);
  expect(scene.router.pending(HOP)).toBe(1);
  scene.tell(HOP, credits, 0);
  expect(scene.router.pending(HOP)).toBe(0);
});

test("a sender that was used here is relayed here", async () => {
  const scene = open();
  await scene.sender.send("own");
  scene.b.encode(scene.sender);
  expect(scene.orders).toEqual([]);
});

test("a value that holds a sender is translated, and goes the same way", () => {
  const scene = open();
  scene.b.encode(scene.sender);
  const { handle, notices } = relayOf(scene);
  scene.tell(HOP, notices, Buffer.from(`["take",{"!h":[${B},77]}]`));
  const [operation, [relay, from, body]] = scene.orders.at(-1) as [number, unknown[], unknown];
  expect([operation, relay, from]).toEqual([SWITCH.RELAYED, handle, B]);
  const value = decodeValue(body as Uint8Array, { adopt: (one) => one });
  // B's sender is given to A: by another shortcut.
  expect(value).toEqual(["take", new SenderReference(0, expect.any(Number) as never)]);
});

test("values of this process are injected, one after the other", async () => {
  const scene = open();
  scene.b.encode(scene.sender);
  const { handle, notices } = relayOf(scene);
  const injected = (): unknown[] =>
    scene.orders.filter(([operation]) => operation === SWITCH.INJECT).map(([, value]) => value);
  const both = Promise.all([scene.sender.send(1), scene.sender.send(2)]);
  await Bun.sleep(0);
  expect(injected()).toEqual([[handle, B, Uint8Array.from(Buffer.from("1"))]]);
  scene.tell(HOP, notices, ["relay", "injected"]);
  await Bun.sleep(0);
  expect(injected()).toHaveLength(2);
  scene.tell(HOP, notices, ["relay", "injected"]);
  await both;
});

test("the end of the relay closes the sender, and frees the handles", async () => {
  const scene = open();
  scene.b.encode(scene.sender);
  const { notices } = relayOf(scene);
  scene.tell(HOP, notices, ["relay", "ended"]);
  expect(scene.sender.closed).toBe(true);
  await expect(scene.sender.send(1)).rejects.toThrow("closed");
  expect([HOP, A, B].map((id) => scene.router.pending(id))).toEqual([0, 0, 0]);
});

test("a sender that the context never read comes back, and works here", async () => {
  const scene = open();
  scene.b.encode(scene.sender).senders.release("unread");
  const { handle } = relayOf(scene);
  expect(scene.orders.at(-1)).toEqual([SWITCH.UNRELAY, [handle, B, null], undefined]);
  await scene.sender.send("own");
  expect(scene.sent.at(-1)).toEqual([A, K, false, "own"]);
});

test("a receiver that was closed before the hop knew is told to the other context", () => {
  const scene = open();
  scene.b.encode(scene.sender);
  const { handle, credits } = relayOf(scene);
  scene.tell(A, credits, null, FLAGS.DEAD);
  const [operation, [relay, from, body]] = scene.orders.at(-1) as [number, unknown[], unknown];
  expect([operation, relay, from, String(body)]).toEqual([SWITCH.UNRELAY, handle, B, "null"]);
  expect(scene.sender.closed).toBe(true);
});

test("the end of the hop, or of either context, ends it", () => {
  for (const id of [HOP, A, B]) {
    const scene = open();
    scene.b.encode(scene.sender);
    scene.router.remove(id, new DisconnectError("ERR_DISCONNECT_LOST", "gone"));
    if (id !== B) expect(scene.sender.closed).toBe(true);
  }
});

test("the hop hears of a context that has not been started when it is, in order", () => {
  const scene = open(false);
  const { senders } = scene.b.encode(scene.sender);
  expect(scene.orders).toEqual([]);
  scene.router.announce(B);
  const { handle } = relayOf(scene);
  senders.release("unread");
  expect(scene.orders.at(-1)).toEqual([SWITCH.UNRELAY, [handle, B, null], undefined]);

  // One that it was never given is no matter of the hop's.
  const other = open(false);
  other.b.encode(other.sender).senders.release("unread");
  other.router.announce(B);
  expect(other.orders).toEqual([]);
});
