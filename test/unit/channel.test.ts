import { describe, expect, test } from "bun:test";
import { Channel } from "../../src/channels/channel.ts";
import { Select } from "../../src/channels/select.ts";

const CLOSED = { code: "ERR_CHANNEL_CLOSED" };

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

describe("a channel within one process", () => {
  test("values arrive in order; what was sent before the close is taken after it", async () => {
    const { sender, receiver } = new Channel<number>();
    for (let i = 0; i < 5; i++) void sender.send(i);
    sender.close();
    expect(sender.closed).toBe(true);
    expect(receiver.closed).toBe(false);
    expect(await all(receiver)).toEqual([0, 1, 2, 3, 4]);
    expect(receiver.closed).toBe(true);
    await expect(receiver.receive()).rejects.toMatchObject(CLOSED);
    await expect(sender.send(5)).rejects.toMatchObject(CLOSED);
  });

  test("a fast sender waits for a slow receiver", async () => {
    const { sender, receiver } = new Channel<number>();
    let sent = 0;
    const sending = (async () => {
      for (; sent < 1000; sent++) await sender.send(sent);
      sender.close();
    })();
    await Bun.sleep(5);
    expect(sent).toBeLessThan(100);
    expect((await all(receiver)).length).toBe(1000);
    await sending;
  });

  test("several receive at once; each value goes to one", async () => {
    const { sender, receiver } = new Channel<number>();
    const both = Promise.all([receiver.receive(), receiver.receive()]);
    await sender.send(1);
    await Bun.sleep(1);
    await sender.send(2);
    expect((await both).sort()).toEqual([1, 2]);
  });

  test("a deadline loses nothing", async () => {
    const { sender, receiver } = new Channel<number>();
    const late = receiver.receive({ deadline: 5 });
    await expect(late).rejects.toMatchObject({ code: "ERR_DEADLINE_RECEIVE" });
    await late.catch(() => {});
    await sender.send(1);
    expect(await receiver.receive({ deadline: 5 })).toBe(1);
  });

  test("the error that it was closed with is thrown, once, behind the values", async () => {
    const { sender, receiver } = new Channel<number>();
    await sender.send(1);
    sender.close(new RangeError("enough"));
    sender.close(new Error("again"));
    expect(await receiver.receive()).toBe(1);
    await expect(receiver.receive()).rejects.toThrow("enough");
    await expect(receiver.receive()).rejects.toMatchObject(CLOSED);
  });

  test("leaving a loop closes it: who waits to send is told, what waits is dropped", async () => {
    const { sender, receiver } = new Channel<number>();
    const sending = Promise.all(Array.from({ length: 50 }, (_, i) => sender.send(i)));
    for await (const value of receiver) if (value === 3) break;
    await sending;
    expect([sender.closed, receiver.closed]).toEqual([true, true]);
    await expect(sender.send(1)).rejects.toMatchObject(CLOSED);
  });
});

describe("Select", () => {
  test("gives all of all, each in its order, no one twice while another waits", async () => {
    const [a, b] = [new Channel<string>(), new Channel<string>()];
    for (const [channel, name] of [
      [a, "a"],
      [b, "b"],
    ] as const) {
      for (let i = 0; i < 4; i++) void channel.sender.send(`${name}${i}`);
    }
    b.sender.close();
    setTimeout(() => {
      void a.sender.send("late");
      a.sender.close();
    }, 5);
    const got = await all(new Select(a.receiver, b.receiver));
    expect(got.map(([, value]) => value)).toEqual([
      "a0",
      "b0",
      "a1",
      "b1",
      "a2",
      "b2",
      "a3",
      "b3",
      "late",
    ]);
    expect(got.every(([from, value]) => (from === b.receiver) === value.startsWith("b"))).toBe(
      true,
    );
  });

  test("throws the error of one, and goes on without it", async () => {
    const [a, b] = [new Channel<number>(), new Channel<number>()];
    a.sender.close(new Error("broken"));
    await b.sender.send(1);
    const select = new Select(a.receiver, b.receiver);
    await expect(all(select)).rejects.toThrow("broken");
    expect((await select[Symbol.asyncIterator]().next()).value).toEqual([b.receiver, 1]);
  });

  test("of nothing, and of what is closed, is over at once", async () => {
    const { sender, receiver } = new Channel();
    sender.close();
    expect(await all(new Select())).toEqual([]);
    expect(await all(new Select(receiver))).toEqual([]);
  });
});
