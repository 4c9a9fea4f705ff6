/**
 * A command of a context, with a slave in memory that runs nothing. What real slaves do is
 * conformance's.
 */
import { describe, expect, test } from "bun:test";
import { inspect } from "node:util";
import { Channel } from "../../src/channels/channel.ts";
import type { Input } from "../../src/commands/feed.ts";
import { type ExecOptions, RemoteProcess } from "../../src/commands/remote-process.ts";
import { SenderReference } from "../../src/protocol/value.ts";
import { until } from "../helpers/fake-slave.ts";
import { CONTROL, CREDITS, ID, run, STDIN } from "../helpers/far-command.ts";
import { pattern } from "../helpers/random.ts";

const WINDOW = 262_144;

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => "no error",
    (error: { readonly code?: string }) => error.code ?? error,
  );
}

/** An input that is read chunk by chunk, and says how far. */
function source(chunks: readonly (Uint8Array | string)[]) {
  const state = { given: 0, isReleased: false };
  async function* chunksOf(): AsyncGenerator<Uint8Array | string> {
    try {
      for (const chunk of chunks) {
        state.given++;
        yield chunk;
      }
    } finally {
      state.isReleased = true;
    }
  }
  return { state, input: chunksOf() };
}

describe.each([0, 1, 1000])("over a pipe with room for %d chunks", (room) => {
  test("what it is asked for, what it prints, and how it ends", async () => {
    const options = { cwd: "/srv", env: { A: "b" }, stderr: "log" } as const;
    const { process, far } = await run(room, options);
    expect(far.argv).toEqual(["cmd", "x"]);
    expect(far.request).toMatchObject({
      stdin: false,
      head: null,
      stderr: null,
      cwd: "/srv",
      env: { A: "b" },
    });
    expect([process.pid, process.exitCode]).toEqual([undefined, undefined]);
    expect(inspect(process)).toBe("RemoteProcess (runs; await its .exited or .stdout.text())");
    far.start();
    far.print("one\ntwo ");
    far.print("");
    far.print("three\n");
    far.end({ status: 143, signal: "SIGTERM" });
    expect(await Array.fromAsync(process.stdout.lines())).toEqual(["one", "two three"]);
    expect(await process.stderr.text()).toBe("");
    expect(await process.exited).toEqual({ status: 143, signal: "SIGTERM" });
    expect([process.pid, process.exitCode, process.signal]).toEqual([7, 143, "SIGTERM"]);
    expect(inspect(process)).toStartWith("RemoteProcess (SIGTERM; ");
    await until(() => far.channel(CONTROL).isClosed);
  });

  test("an input waits for the start; small chunks are joined, large ones cut", async () => {
    const large = pattern(300_000);
    const { state, input } = source(["a", new Uint8Array([98]), "", large, "€"]);
    const { process, far } = await run(room, { stdin: input });
    await until(() => state.given === 5);
    expect(far.channel(STDIN).values).toEqual([]);
    far.start();
    await until(() => far.slave.heard.some(({ handle }) => handle === STDIN));
    far.grant(STDIN, 1 << 20);
    await until(() => far.channel(STDIN).isClosed);
    expect(far.read.equals(Buffer.concat([Buffer.from("ab"), large, Buffer.from("€")]))).toBe(true);
    const sizes = (far.channel(STDIN).values as Uint8Array[]).map(({ length }) => length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(131_072);
    expect(sizes.length).toBeLessThanOrEqual(4);
    expect(far.channel(STDIN).closing).toBe(null);
    far.end();
    await process.exited;
  });

  test("a command that does not read its input slows the input's source", async () => {
    const { state, input } = source(Array<Uint8Array>(1000).fill(pattern(65_536)));
    const { process, far } = await run(room, { stdin: input });
    far.start();
    await until(() => far.read.length >= WINDOW);
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    // Its window, what is queued, and what is on its way.
    expect(state.given).toBeLessThan(40);
    expect(state.isReleased).toBe(false);
    far.end();
    await process.exited;
    await until(() => state.isReleased);
  });

  test("a receiver is its own queue, and is closed with the command", async () => {
    const { sender, receiver } = new Channel<Uint8Array>();
    const { process, far } = await run(room, { stdin: receiver });
    await sender.send(pattern(10));
    far.start();
    await until(() => far.read.length === 10);
    expect(sender.closed).toBe(false);
    far.end();
    await process.exited;
    await until(() => sender.closed);
  });

  test("an input that fails closes stdin with the error, not the call", async () => {
    const failing = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new RangeError("no more")),
    });
    const { process, far } = await run(room, { stdin: failing });
    far.start();
    await until(() => far.channel(STDIN).isClosed);
    expect(far.channel(STDIN).closing).toEqual(["RangeError", "no more", expect.anything()]);
    far.end({ status: 1 });
    expect(await process.exited).toEqual({ status: 1 });
  });

  test("stdin: pipe is written to, before the start as well", async () => {
    const { process, far } = await run(room, { stdin: "pipe" });
    const writer = process.stdin.getWriter();
    const first = writer.write("text ");
    far.start();
    await first;
    await writer.write(new Uint8Array([33]));
    await writer.close();
    await until(() => far.channel(STDIN).isClosed);
    expect(far.read.toString()).toBe("text !");
    far.end();
    await process.exited;
  });

  test("signals and sizes wait for the start and keep their order; each is confirmed", async () => {
    const { process, far } = await run(room);
    const settled: string[] = [];
    const delivered = ["SIGHUP", "SIGINT"].map(async (name) => {
      await process.deliver(name);
      settled.push(name);
    });
    process.resize(80, 25);
    far.start();
    await until(() => far.channel(CONTROL).values.length === 3);
    expect(far.channel(CONTROL).values).toEqual([
      ["signal", "SIGHUP"],
      ["signal", "SIGINT"],
      ["resize", 80, 25],
    ]);
    expect(settled).toEqual([]);
    far.slave.reply(far.request.events, ["signal", "SIGHUP"]);
    await delivered[0];
    expect(settled).toEqual(["SIGHUP"]);
    far.end();
    await Promise.all(delivered);
    process.kill();
    await process.deliver("SIGTERM");
  });

  test("a call that fails ends all streams, with the call's error", async () => {
    const { state, input } = source(Array<Uint8Array>(100).fill(pattern(1000)));
    const { process, far } = await run(room, { stdin: input });
    far.start();
    far.print("before");
    const text = process.stdout.text();
    text.catch(() => {});
    far.fail(["econtext.Cancelled", "deadline", ""]);
    await expect(process.exited).rejects.toThrow("deadline");
    await expect(text).rejects.toThrow("deadline");
    await expect(process.stderr.text()).rejects.toThrow("deadline");
    await until(() => state.isReleased);
    expect(process.exitCode).toBeUndefined();
  });

  test("a reader that leaves closes the channel", async () => {
    const { process, far } = await run(room);
    far.start();
    far.print("a line\n");
    for await (const line of process.stdout.lines()) {
      expect(line).toBe("a line");
      break;
    }
    const handle = far.request.stdout as number;
    await until(() => far.channel(CREDITS + handle).isClosed);
    far.end();
    await process.exited;
  });
});

describe("a slave that is not to be trusted", () => {
  test.each([
    ["no list", 17],
    ["no control", [7, null]],
    ["a pid that is a text", ["7", null, new SenderReference(ID, CONTROL)]],
    ["an input that is a number", [7, 3, new SenderReference(ID, CONTROL)]],
  ])("a start with %s is refused, and nothing is sent to it", async (_, event) => {
    const { process, far } = await run(1, { stdin: "input" });
    far.slave.reply(far.request.events, event);
    const handle = far.request.events;
    await until(() => far.channel(CREDITS + handle).isClosed);
    expect([process.pid, far.channel(STDIN).values]).toEqual([undefined, []]);
    far.end();
    expect(await process.exited).toEqual({ status: 0 });
  });

  test.each([
    ["null", null],
    ["a status that is a text", { status: "0" }],
  ])("a result of %s is no result", async (_, result) => {
    const { process, far } = await run(1);
    far.start();
    far.end(result);
    expect(await codeOf(process.exited)).toBe("ERR_PROTOCOL_VALUE");
  });

  test("an input that was not offered gets nothing", async () => {
    const { process, far } = await run(1);
    far.start(true);
    far.end();
    await process.exited;
    expect(far.channel(STDIN).values).toEqual([]);
  });

  test("output that is not bytes fails the reader", async () => {
    const { process, far } = await run(1);
    far.start();
    far.slave.reply(far.request.stdout as number, "text");
    expect(await codeOf(process.stdout.text())).toBe("ERR_PROTOCOL_VALUE");
  });
});

test("what cannot be run is refused at once", () => {
  const make = (argv: readonly string[], options: ExecOptions) => () =>
    new RemoteProcess("web1", argv, options, () => Promise.reject(new Error("called")));
  const problem = expect.objectContaining({ code: "ERR_USAGE_COMMAND" });
  expect(make([], {})).toThrow(problem);
  expect(make(["", "x"], {})).toThrow(problem);
  expect(make(["top"], { tty: { columns: 80, rows: 25 }, stdout: "log" })).toThrow(problem);
});

test("without stdin: pipe, a write is refused in words", async () => {
  const { process } = await run(1, { stdin: "given" });
  expect(await codeOf(process.stdin.getWriter().write("more"))).toBe("ERR_USAGE_COMMAND");
});

test.each<[string, Input, string]>([
  ["text", "aé", "aé"],
  ["bytes", new TextEncoder().encode("abc"), "abc"],
  ["nothing", "", ""],
])("stdin that is short %s travels with the call", async (_, stdin, text) => {
  const { process, far } = await run(1, { stdin });
  expect(far.request).toMatchObject({ stdin: false, head: new TextEncoder().encode(text) });
  far.start(true);
  far.end();
  await process.exited;
});

test.each<[string, Input, string]>([
  ["long text", "é".repeat(50_000), "é".repeat(50_000)],
  ["a stream", new Blob(["of ", "two"]).stream(), "of two"],
])("stdin may be %s", async (_, stdin, text) => {
  const { process, far } = await run(1, { stdin });
  far.start();
  await until(() => far.channel(STDIN).isClosed);
  expect(far.read.toString()).toBe(text);
  far.end();
  await process.exited;
});
