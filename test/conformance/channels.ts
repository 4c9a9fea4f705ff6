/** Values that flow: channels from there and to there, generators, and between two contexts. */
import { expect } from "bun:test";
import { inboxOf } from "../../src/channels/channel.ts";
import { Channel, type Receiver, Select, type Sender } from "../../src/index.ts";
import { eventually, type Far, failureOf } from "./session.ts";

/** Bytes that are no message any more: its body has a head before them. */
const TOO_LARGE = 268_435_456;
const OVER = /\d+ bytes are over the limit of 268435456/;

export function channels(far: Far): void {
  const { test, everyVersion } = far;
  /** Senders of so many channels that end in the context. */
  const open = async (n = 1): Promise<Sender[]> =>
    (await far.call("tasks.flow.open_channels", n)) as Sender[];
  const iterate = (name: string, ...args: unknown[]): AsyncIterable<unknown> =>
    far.session().context.call(far.fn(name), ...args);

  test("a value over the limit fails alone: a result, one of a generator, one that is sent", async () => {
    const refusal = { code: "ERR_CALL_FAILED", remoteMessage: expect.stringMatching(OVER) };
    expect(await failureOf(far.call("tasks.flow.huge", TOO_LARGE))).toMatchObject(refusal);
    const got: unknown[] = [];
    const reading = (async () => {
      for await (const value of iterate("tasks.flow.huge_values", TOO_LARGE)) got.push(value);
    })();
    expect(await failureOf(reading)).toMatchObject(refusal);
    expect(got).toEqual([1]);
    const { sender, receiver } = new Channel<string>();
    const sent = far.call("tasks.flow.send_huge", sender, TOO_LARGE);
    expect(await receiver.receive()).toMatch(OVER);
    await sent;
    expect(await far.call("length", [1])).toBe(1);
  }, 60_000);

  test("arguments and values over the limit fail alone, before they are sent", async () => {
    const huge = new Uint8Array(TOO_LARGE);
    const refused = await failureOf(far.call("echo.echo", huge));
    expect(refused).toMatchObject({ code: "ERR_USAGE_TOO_LARGE" });
    const [sender] = (await open()) as [Sender];
    const collected = far.call("tasks.flow.collect");
    expect(await failureOf(sender.send(huge))).toMatchObject({ code: "ERR_CHANNEL_TOO_LARGE" });
    sender.close();
    expect(await collected).toBeArray();
  });

  test("from there: values in order, and the end", async () => {
    const { sender, receiver } = new Channel<number>();
    const call = far.call("tasks.flow.produce", sender, 3000);
    expect(await all(receiver)).toEqual(numbers(3000));
    expect(await call).toBe(far.values.nothing as never);
    expect(sender.closed).toBe(true);
  });

  test("to there: values in order, and the end", async () => {
    const [sender] = (await open()) as [Sender];
    const call = far.call("tasks.flow.collect");
    for (const i of numbers(3000)) await sender.send(i);
    sender.close();
    expect(await call).toEqual(numbers(3000));
    await expect(sender.send(1)).rejects.toMatchObject({ code: "ERR_CHANNEL_CLOSED" });
  });

  everyVersion("values of every kind, as arguments are", async () => {
    const [sender] = (await open()) as [Sender];
    const values = [null, "é", [1, { a: [] }], new Uint8Array([0, 255]), 2n ** 70n, -0.5];
    for (const value of values) await sender.send(value);
    await expect(sender.send({ f: () => 1 })).rejects.toMatchObject({
      code: "ERR_VALUE_UNSENDABLE",
      path: "value.f",
    });
    sender.close();
    expect(await far.call("tasks.flow.collect")).toEqual(values);
  });

  everyVersion("an error closes it, with its own words, at either end", async () => {
    const { sender, receiver } = new Channel<number>();
    await far.call("tasks.flow.produce_and_fail", sender);
    expect(await receiver.receive()).toBe(1);
    const type = far.language === "python" ? "ValueError" : "RangeError";
    const failed = await failureOf(receiver.receive());
    expect(failed).toMatchObject({ code: "ERR_CALL_FAILED", type, remoteMessage: "broken" });

    const [back] = (await open()) as [Sender];
    const call = far.call("tasks.flow.collect");
    back.close(new RangeError("not today"));
    expect(await call).toBe("RangeError: not today");
  });

  test("a receiver that is closed stops its sender, at either end", async () => {
    const { sender, receiver } = new Channel<number>();
    const call = far.call("tasks.flow.produce_until_closed", sender);
    for await (const value of receiver) if (value === 99) break;
    const [sent, isClosed] = (await call) as [number, boolean];
    expect(sent).toBeGreaterThanOrEqual(100);
    expect(isClosed).toBe(true);

    const [back] = (await open()) as [Sender];
    const taken = far.call("tasks.flow.take", 5);
    const stopped = await failureOf(
      (async () => {
        for (let i = 0; ; i++) await back.send(i);
      })(),
    );
    expect(stopped).toMatchObject({ code: "ERR_CHANNEL_CLOSED" });
    expect(await taken).toEqual(numbers(5));
    expect(back.closed).toBe(true);
  });

  test("a receiver that is closed tells who never used its sender, at either end, and beyond", async () => {
    const { sender, receiver } = new Channel();
    const call = far.call("tasks.flow.closed_within", sender, 5);
    receiver.close();
    expect(await call).toBe(true);
    // It was closed before.
    expect(await far.call("tasks.flow.closed_within", sender, 5)).toBe(true);

    const [theirs, other] = (await open(2)) as [Sender, Sender];
    await using third = await far.connect();
    const relayed = third.call("tasks.flow.closed_within", other, 5);
    await far.call("tasks.flow.close_all");
    expect(await eventually(() => theirs.closed)).toBe(true);
    expect(await relayed).toBe(true);
    const again = (await far.call("tasks.flow.first_sender")) as Sender;
    expect(await eventually(() => again.closed)).toBe(true);
  });

  test("a slow receiver slows its sender, at either end; calls go on", async () => {
    const { sender, receiver } = new Channel<Uint8Array>();
    await using session = await far.connect();
    const call = session.call("tasks.flow.blobs", sender, 200, 100_000);
    await receiver.receive();
    await Bun.sleep(100);
    expect(inboxOf(receiver).waiting).toBeLessThan(50);
    await session.context.ping();
    expect((await all(receiver)).length).toBe(199);
    await call;

    const [back] = (await session.call("tasks.flow.open_channels", 1)) as [Sender];
    let sent = 0;
    const sending = (async () => {
      for (; sent < 200; sent++) await back.send(new Uint8Array(100_000));
      back.close();
    })();
    await Bun.sleep(100);
    expect(sent).toBeLessThan(50);
    expect(await session.call("tasks.flow.total")).toEqual([200, 20_000_000]);
    await sending;
  });

  test("a deadline to receive loses nothing", async () => {
    const [sender] = (await open()) as [Sender];
    expect(await far.call("tasks.flow.receive_within", 0.05)).toBe("late");
    await sender.send("x");
    expect(await far.call("tasks.flow.receive_within", 5)).toBe("x");
    sender.close();
    expect(await far.call("tasks.flow.receive_within", 5)).toBe("closed");
  });

  test("who waits for a value is cancelled like any call", async () => {
    await open();
    const late = failureOf(far.callWith({ deadline: 100 }, "tasks.flow.take_one"));
    expect(await late).toMatchObject({ code: "ERR_DEADLINE_CALL" });
    // Another channel: what awaits in JavaScript cannot be torn out, and may take what comes.
    const [again] = (await open()) as [Sender];
    await again.send(7);
    expect(await far.call("tasks.flow.take_one")).toBe(7);
  });

  everyVersion("Select: of several, whichever has something", async () => {
    const senders = await open(3);
    for (const [i, sender] of senders.entries()) {
      for (const j of numbers(4)) await sender.send(10 * i + j);
      sender.close();
    }
    const merged = (await far.call("tasks.flow.merge")) as [number, number][];
    expect(merged.map(([i, value]) => Math.floor(value / 10) - i)).toEqual(Array(12).fill(0));
    for (const i of numbers(3)) {
      const own = merged.filter(([from]) => from === i).map(([, value]) => value - 10 * i);
      expect(own).toEqual(numbers(4));
    }
    const [a, b] = [new Channel<number>(), new Channel<number>()];
    const calls = [a, b].map(({ sender }) => far.call("tasks.flow.produce", sender, 50));
    const got = new Map<Receiver<number>, number[]>([
      [a.receiver, []],
      [b.receiver, []],
    ]);
    for await (const [from, value] of new Select(a.receiver, b.receiver))
      got.get(from)?.push(value);
    expect([...got.values()]).toEqual([numbers(50), numbers(50)]);
    await Promise.all(calls);
  });

  test("a sender comes home as what it was", async () => {
    const { sender } = new Channel();
    expect(await far.call("tasks.flow.same", sender)).toEqual({ again: [sender] });
    const { again } = (await far.call("tasks.flow.same", sender)) as { again: [Sender] };
    expect(again[0]).toBe(sender);
    const [theirs] = (await open()) as [Sender];
    const home = (await far.call("tasks.flow.same", theirs)) as { again: [Sender] };
    expect(home.again[0]).toBe(theirs);
  });

  everyVersion("a channel within the context", async () => {
    expect(await far.call("tasks.flow.local", 10)).toEqual(numbers(10));
  });

  test("two contexts stream to one another by a sender that was handed over", async () => {
    await using other = await far.connect();
    const [sender] = (await open()) as [Sender];
    const total = far.call("tasks.flow.total");
    await other.call("tasks.flow.blobs", sender, 100, 100_000);
    expect(await total).toEqual([100, 10_000_000]);
    // When one ends, the other gets its end.
    const [next] = (await open()) as [Sender];
    const collected = far.call("tasks.flow.collect");
    await other.call("tasks.flow.same", next);
    await other.broker.close();
    expect(await collected).toContain("DisconnectError");
  });

  test("a context that ends, ends its channels", async () => {
    const session = await far.connect();
    const { sender, receiver } = new Channel();
    const [theirs] = (await session.call("tasks.flow.open_channels", 1)) as [Sender];
    await session.call("tasks.flow.same", sender);
    await theirs.send(1);
    await session.broker.close();
    await expect(receiver.receive()).rejects.toMatchObject({ name: "DisconnectError" });
    await expect(theirs.send(2)).rejects.toMatchObject({ name: "DisconnectError" });
  });

  everyVersion("a generator is iterated as it goes", async () => {
    expect(await all(iterate("tasks.flow.count", 500))).toEqual(numbers(500));
    expect(await all(iterate("tasks.flow.count", 0))).toEqual([]);
    // Awaited first.
    const generator = (await far.call("tasks.flow.count", 3)) as AsyncGenerator<number>;
    expect(await all(generator)).toEqual(numbers(3));
  });

  everyVersion("what a generator throws comes behind its values", async () => {
    const got: unknown[] = [];
    const failed = await failureOf(
      (async () => {
        for await (const value of iterate("tasks.flow.count_and_refuse", 3)) got.push(value);
      })(),
    );
    expect(got).toEqual(numbers(3));
    expect(failed).toMatchObject({ code: "ERR_CALL_FAILED", remoteMessage: "no more" });
    expect((failed as { traceback: string }).traceback).toContain("tasks/flow.");
  });

  test("leaving the loop early closes the generator in the context; the next call is served", async () => {
    await using session = await far.connect();
    for await (const value of session.context.call(far.fn("tasks.flow.endless"))) {
      if (value === 3) break;
    }
    // In JavaScript it is closed at its next `yield`, for which leaving does not wait long.
    const closed = async () => (await session.call("tasks.flow.closed_generators")) as string[];
    expect(await eventually(async () => (await closed()).join() === "endless")).toBe(true);
    for await (const value of session.context.call(far.fn("tasks.flow.hang_after_one"))) {
      expect(value).toBe(1);
      break;
    }
    expect(await session.call("length", [1])).toBe(1);
    // Never iterated.
    const unused = (await session.call("tasks.flow.endless")) as AsyncGenerator<number>;
    await unused.return(undefined);
    expect(await all(unused)).toEqual([]);
  });

  test("to return does not wait for the value that is under way", async () => {
    await using session = await far.connect();
    const iterated = session.context.call(far.fn("tasks.flow.hang_after_one"));
    const awaited = await session.call("tasks.flow.hang_after_one");
    for (const one of [iterated, awaited as AsyncGenerator<unknown>]) {
      const values = one[Symbol.asyncIterator]();
      expect(await values.next()).toEqual({ done: false, value: 1 });
      const pending = values.next();
      expect(await values.return?.(undefined)).toEqual({ done: true, value: undefined });
      expect(await pending).toEqual({ done: true, value: undefined });
      expect(await session.call("length", [1])).toBe(1);
    }
    if (far.language === "python") {
      expect(await session.call("tasks.flow.closed_generators")).toEqual(["hang", "hang"]);
    }
  });

  test("a deadline is for all of an iteration", async () => {
    const { context } = far.session();
    const failed = await failureOf(
      all(context.callWith({ deadline: 200 }, far.fn("tasks.flow.hang_after_one"))),
    );
    expect(failed).toMatchObject({ code: "ERR_DEADLINE_CALL" });
    expect(await far.call("length", [1])).toBe(1);
  });
}

function numbers(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}
