/** What the reader of a copy sends before there is a writer. */
import { afterEach, expect, test } from "bun:test";
import { Channel, type Receiver } from "../../src/channels/channel.ts";
import { ReadAhead } from "../../src/files/read-ahead.ts";

let ahead: ReadAhead | undefined;

afterEach(() => ahead?.drop(undefined));

function begin(): ReadAhead {
  ahead = ReadAhead.begin();
  if (ahead === undefined) throw new Error("another copy reads ahead");
  return ahead;
}

async function all(receiver: Receiver<unknown>): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of receiver) values.push(value);
  return values;
}

test("the writer gets all in order, and the end", async () => {
  const reading = begin();
  const { sender } = reading;
  await sender.send(1);
  await sender.send(2);
  const { sender: to, receiver } = new Channel<unknown>();
  reading.lead(to);
  await sender.send(3);
  sender.close();
  expect(await all(receiver)).toEqual([1, 2, 3]);
});

test("a reader that is done, or has failed, closes the writer's channel when that is there", async () => {
  const reading = begin();
  await reading.sender.send(1);
  reading.sender.close(new Error("the disk is gone"));
  expect(reading.sender.closed).toBe(true);
  const { sender, receiver } = new Channel<unknown>();
  reading.lead(sender);
  expect(await receiver.receive()).toBe(1);
  await expect(receiver.receive()).rejects.toThrow("the disk is gone");
});

test("a reader waits when much was read", async () => {
  const reading = begin();
  let sent = 0;
  const sending = (async () => {
    for (; sent < 40; sent++) await reading.sender.send(new Uint8Array(65536));
  })();
  await new Promise((resolve) => setImmediate(resolve));
  expect(sent * 65536).toBeLessThanOrEqual(1 << 21);
  const { sender, receiver } = new Channel<unknown>();
  reading.lead(sender);
  for (let got = 0; got < 40; got++) await receiver.receive();
  await sending;
});

test("without a writer, a reader that waits gets the reason, and so does the next message", async () => {
  const reading = begin();
  const waiting = reading.sender.send(new Uint8Array(1 << 21));
  reading.drop(new Error("no route to host"));
  await expect(waiting).rejects.toThrow("no route to host");
  await expect(reading.sender.send(1)).rejects.toThrow("no route to host");
  expect(reading.sender.closed).toBe(true);
});

test("one copy at a time reads ahead", () => {
  const reading = begin();
  expect(ReadAhead.begin()).toBeUndefined();
  reading.lead(new Channel().sender);
  expect(begin()).toBeDefined();
});
