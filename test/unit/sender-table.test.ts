/**
 * Which senders a context was given and has given, and when they are forgotten; without a slave.
 */
import { expect, test } from "bun:test";
import { Channel, inboxOf, type Sender } from "../../src/channels/channel.ts";
import { SenderTable } from "../../src/channels/sender-table.ts";
import type { Link } from "../../src/mux/link.ts";
import { Router } from "../../src/mux/router.ts";
import { FLAGS } from "../../src/protocol/frame.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { decodeValue } from "../../src/protocol/value.ts";

/** To which handle, dead or not, and what. */
type Sent = readonly [handle: number, isDead: boolean, value: unknown];

function open() {
  const router = new Router((_context, problem) => problems.push(problem));
  const problems: string[] = [];
  const sent: Sent[] = [];
  const wire: Link = {
    heardAt: 0,
    forget: () => {},
    limit: () => {},
    ready: () => Promise.resolve(),
    send: ({ handle, flags = 0 }, body) => {
      sent.push([
        handle,
        (flags & FLAGS.DEAD) !== 0,
        decodeValue(Buffer.concat(body as Uint8Array[])),
      ]);
      return () => "sent";
    },
  };
  router.addRoute(1, { link: wire, parent: 0, close: () => {} });
  const link = { id: 1, name: "web1", router, mapStack: (text: string) => text };
  const table = new SenderTable(link, () => undefined);
  const say = (handle: number, text: string, flags = 0): void =>
    router.deliver(wire, { dst: 0, src: 1, auth: 1, handle, reply: 0, flags, body: bytes(text) });
  return { table, router, problems, sent, say };
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

test("who is given a sender says at once where it can be told of the end; used or not, it is forgotten then", () => {
  const { table, router, problems, sent, say } = open();
  const sender = table.decode(bytes('{"!h":[1,1234]}')) as Sender;
  const [[handle, , credits] = []] = sent;
  expect([handle, sent.length, router.pending(1)]).toEqual([1234, 1, 1]);
  say(credits as number, "null", FLAGS.DEAD);
  expect(sender.closed).toBe(true);
  expect(sent.slice(1)).toEqual([[1234, true, null]]);
  expect([router.pending(1), problems]).toEqual([0, []]);
  // It is none that was known before.
  expect(table.decode(bytes('{"!h":[1,1234]}'))).not.toBe(sender);
});

test("a receiver that is closed before its sender is heard of tells it then, and is forgotten", () => {
  const { table, router, problems, sent, say } = open();
  const { sender, receiver } = new Channel();
  table.encode(sender);
  const [handle] = handlesOf(router);
  receiver.close();
  expect([sent, router.pending(1)]).toEqual([[], 1]);
  say(handle, "77");
  expect(sent).toEqual([[77, true, null]]);
  say(handle, "null", FLAGS.DEAD);
  expect([router.pending(1), problems]).toEqual([0, []]);
});

test("a relayed sender hears that its receiver was closed, and why, without sending", () => {
  const { table, router, sent, say } = open();
  const other = open();
  const theirs = other.table.decode(bytes('{"!h":[1,500]}')) as Sender;
  const [[, , credits] = []] = other.sent;
  table.encode(theirs);
  const [handle] = handlesOf(router);
  say(handle, "77");
  other.say(credits as number, '["ValueError","no","trace"]', FLAGS.DEAD);
  expect(sent).toEqual([[77, true, ["ValueError", "no", "trace"]]]);
});

test("only the context that was given a sender can use it, and none can make one up", async () => {
  const { table, router, problems, say } = open();
  const other: Link = {
    heardAt: 0,
    forget: () => {},
    limit: () => {},
    ready: () => Promise.resolve(),
    send: () => () => "sent",
  };
  router.addRoute(2, { link: other, parent: 0, close: () => {} });
  const { sender, receiver } = new Channel();
  table.encode(sender);
  const [handle] = handlesOf(router);
  const body = bytes("77");
  router.deliver(other, { dst: 0, src: 2, auth: 2, handle, reply: 0, flags: 0, body });
  expect(problems).toEqual([`a message for handle ${handle}, which it may not use`]);
  say(handle, "77");
  say(handle, '"its own"');
  expect([inboxOf(receiver).waiting, await receiver.receive()]).toEqual([1, "its own"]);
  expect(() => table.decode(bytes('{"!h":[2,1234]}'))).toThrow(
    expect.objectContaining({ code: "ERR_PROTOCOL_VALUE" }),
  );
  expect((table.decode(bytes(`{"!h":[0,${handle + 1}]}`)) as Sender).closed).toBe(true);
});

test("senders without end are refused", () => {
  const { table } = open();
  const many = (from: number, count: number): Uint8Array =>
    bytes(`[${Array.from({ length: count }, (_, i) => `{"!h":[1,${from + i}]}`).join(",")}]`);
  table.decode(many(1000, LIMITS.maxSenders));
  expect(() => table.decode(many(1000 + LIMITS.maxSenders, 1))).toThrow(
    expect.objectContaining({ code: "ERR_PROTOCOL_SENDERS" }),
  );
});

test("a value that cannot be encoded leaves no sender open", () => {
  const { table, router } = open();
  expect(() => table.encode([new Channel().sender, () => {}])).toThrow(
    expect.objectContaining({ code: "ERR_VALUE_UNSENDABLE" }),
  );
  expect([router.pending(1), table.channels]).toEqual([0, 0]);
});

test("a sender is taken back with the last value that holds it", () => {
  const { table, router, say } = open();
  const { sender } = new Channel();
  const [first, second] = [table.encode(sender), table.encode([sender, sender])];
  expect(router.pending(1)).toBe(1);
  first.senders.release("unread");
  expect([router.pending(1), table.channels]).toEqual([1, 1]);
  second.senders.release("unread");
  expect([router.pending(1), table.channels]).toEqual([0, 0]);
  // A sender that was exported anew is not forgotten by an earlier value.
  const closed = table.encode(sender);
  const [handle] = handlesOf(router);
  say(handle, "77");
  say(handle, "null", FLAGS.DEAD);
  expect(router.pending(1)).toBe(0);
  const again = table.encode(sender);
  closed.senders.release("unread");
  expect([router.pending(1), table.channels]).toEqual([1, 1]);
  expect(table.encode(sender).chunks).toEqual(again.chunks);
});

test("an interrupted function's senders are forgotten if no receiver is left", () => {
  const { table, router } = open();
  const [open1, closed] = [new Channel(), new Channel()];
  const sent = table.encode([open1.sender, closed.sender]);
  closed.receiver.close();
  sent.senders.release("interrupted");
  expect([router.pending(1), table.channels]).toEqual([1, 1]);
});

test("values that wait when a channel is closed take their senders back", async () => {
  const { table, router, sent, say } = open();
  const sender = table.decode(bytes('{"!h":[1,500]}')) as Sender;
  const [[, , credits] = []] = sent;
  // The credit is spent with the first value.
  await sender.send(new Uint8Array(LIMITS.windowBytes));
  const waiting = sender.send(new Channel().sender);
  waiting.catch(() => {});
  expect(router.pending(1)).toBe(2);
  say(credits as number, "null", FLAGS.DEAD);
  await expect(waiting).rejects.toMatchObject({ code: "ERR_CHANNEL_CLOSED" });
  expect([router.pending(1), table.channels]).toEqual([0, 0]);
});

/** Those that were given out: the first is the first that a router gives. */
function handlesOf(router: Router): [number] {
  const after = router.expect(2, { receive: () => {} });
  return [after - 1];
}
