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
