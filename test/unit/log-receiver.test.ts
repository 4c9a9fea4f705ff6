/** LogReceiver: what becomes of a slave's log, and how much of it. */
import { expect, test } from "bun:test";
import { LEVELS, type LogRecord } from "../../src/logs/log.ts";
import { LogReceiver } from "../../src/logs/log-receiver.ts";
import { LIMITS } from "../../src/protocol/limits.ts";

function open(level: number = LEVELS.info) {
  const records: LogRecord[] = [];
  const logs = new LogReceiver({
    context: "web1",
    level,
    onLog: (record) => records.push(record),
    mapStack: (text) => text.replace("there.py", "/here.py"),
  });
  return { logs, records };
}

function body(...values: readonly unknown[]): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(values));
}

test("output is a record a line, a logger's text is one record", () => {
  const { logs, records } = open();
  logs.receive(body(20, "stdout", "one\ntwo\n", 1));
  logs.receive(body(30, "app", "a\nb", 2));
  expect(records).toEqual([
    { context: "web1", logger: "stdout", level: 20, message: "one", time: 1000 },
    { context: "web1", logger: "stdout", level: 20, message: "two", time: 1000 },
    { context: "web1", logger: "app", level: 30, message: "a\nb", time: 2000 },
  ]);
});

test("positions are those of the user's own source", () => {
  const { logs, records } = open();
  logs.receive(body(40, "app", "in there.py", 1));
  expect(records[0]?.message).toBe("in /here.py");
});

test.each([[[20, "stdout", "x"]], [["20", "stdout", "x", 1]], [[20, "stdout", "x", 1e300]]])(
  "a malformed message: %j",
  (values) => {
    const { logs, records } = open();
    expect(() => logs.receive(body(...values))).toThrow(
      expect.objectContaining({ code: "ERR_PROTOCOL_VALUE" }),
    );
    expect(records).toEqual([]);
  },
);

test("what a slave printed last, if records of that level are wanted", () => {
  const { logs, records } = open();
  logs.printed("stderr", "bye\n");
  expect(records).toMatchObject([{ logger: "stderr", level: LEVELS.info, message: "bye" }]);
  const quiet = open(LEVELS.warning);
  quiet.logs.printed("stderr", "bye\n");
  expect(quiet.records).toEqual([]);
});

test("too much is dropped, and how much is said with the next record", async () => {
  const { logs, records } = open();
  const line = body(20, "stdout", "x".repeat(100_000), 1);
  const times = Math.ceil((4 * LIMITS.logBurstBytes + 8 * LIMITS.logBytesPerSecond) / line.length);
  for (let i = 0; i < times; i++) logs.receive(line);
  const taken = records.filter(({ logger }) => logger === "stdout").length;
  expect(taken).toBeGreaterThan(0);
  expect(taken).toBeLessThan(times);
  const before = records.length;
  // The bucket fills again with time.
  while (records.length === before) {
    await Bun.sleep(10);
    logs.receive(body(20, "stdout", "again", 1));
  }
  expect(records[before]?.message).toMatch(/^\(\d+ bytes dropped: too much output\)$/);
  expect(records[before + 1]?.message).toBe("again");
});

test("only the first dropped messages are reported", () => {
  const { logs, records } = open();
  for (let strikes = 1; strikes <= 10; strikes++) logs.strike("a message", strikes);
  expect(records.map(({ message }) => message)).toEqual(Array(3).fill("dropped a message"));
  const quiet = open(LEVELS.error);
  quiet.logs.strike("a message", 1);
  expect(quiet.records).toEqual([]);
});

test("pieces of what was printed become whole lines, the last one at the end", () => {
  const { logs, records } = open();
  const part = (bytes: string | Uint8Array, time: number, logger = "stdout") =>
    body(20, logger, Buffer.from(bytes).toString("latin1"), time, 1);
  const said = () => records.splice(0).map(({ logger, message }) => [logger, message]);
  const snow = Buffer.from("☃\n");
  logs.receive(part("one\ntw", 1));
  expect(said()).toEqual([["stdout", "one"]]);
  logs.receive(part("other\n", 1, "stderr"));
  logs.receive(part(snow.subarray(0, 1), 2));
  logs.receive(part(Buffer.concat([snow.subarray(1), Buffer.from("\nthree \xff", "latin1")]), 3));
  expect(said()).toEqual([
    ["stderr", "other"],
    ["stdout", "tw☃"],
    ["stdout", ""],
  ]);
  // A record of whole lines ends the line that is open.
  logs.receive(body(20, "stdout", "(5 characters dropped)", 4));
  logs.receive(part("last", 5));
  logs.printed("stderr", "of a crash");
  logs.receive(part("half a snowman: ", 6));
  logs.receive(part(snow.subarray(0, 2), 7));
  logs.end();
  logs.end();
  expect(said()).toEqual([
    ["stdout", "three \ufffd"],
    ["stdout", "(5 characters dropped)"],
    ["stdout", "last"],
    ["stderr", "of a crash"],
    ["stdout", "half a snowman: \ufffd"],
  ]);
  expect(() => logs.receive(body(20, "app", "x", 1, 1))).toThrow();
  expect(() => logs.receive(body(20, "stdout", "x", 1, 1, 1))).toThrow();
});

test("a line without an end is not kept without bound", () => {
  const { logs, records } = open();
  for (let i = 0; i < 7; i++) logs.receive(body(20, "stdout", "x".repeat(100_000), 1, 1));
  expect(records.map(({ message }) => message.length)).toEqual([300_000, 300_000]);
});
