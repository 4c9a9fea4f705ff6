/** What user code and its commands print and log, as it arrives here. */
import { expect } from "bun:test";
import { LEVELS } from "../../src/index.ts";
import { eventually, type Far, messages } from "./session.ts";

export function output(far: Far): void {
  const { test, everyVersion } = far;
  const words = far.output;
  /** What `work` logged, as `logger: message`; all of it was there when the call had its result. */
  const logged = async (work: () => Promise<unknown>): Promise<string[]> => {
    const { logs } = far.session();
    const from = logs.length;
    await work();
    return logs.slice(from).map((r) => `${r.logger}: ${r.message}`);
  };

  everyVersion(
    "logging: names, levels, text and time; what the level filters is not sent",
    async () => {
      const { logs, context } = far.session();
      const from = logs.length;
      const began = Date.now();
      await far.call("tasks.output.log_levels");
      const records = logs.slice(from);
      expect(records.map((r) => [r.logger, r.level, r.message])).toEqual(
        words.records.map((record) => [...record]),
      );
      for (const record of records) {
        expect(record.context).toBe(context.name);
        expect(record.time).toBeWithin(began - 1000, Date.now() + 1000);
      }
    },
  );

  test("a debug level lets details through", async () => {
    await using session = await far.connect({ logLevel: "debug" });
    await session.call("tasks.output.log_debug");
    expect(messages(session, words.loggers.fine)).toEqual(["details"]);
  });

  test("a level above info silences prints, too", async () => {
    await using session = await far.connect({ logLevel: "warning" });
    await session.call("tasks.output.say", "unheard\n");
    await session.call("tasks.output.log_levels");
    const loud = words.records.filter(([, level]) => level >= LEVELS.warning);
    expect(session.logs.map((r) => r.message)).toEqual(loud.map(([, , message]) => message));
  });

  everyVersion("a logged exception has its traceback", async () => {
    const [line = ""] = await logged(() => far.call("tasks.output.log_exception"));
    expect(line).toStartWith(words.exception.start);
    for (const text of words.exception.has) expect(line).toContain(text);
    for (const text of words.exception.hasNot) expect(line).not.toContain(text);
  });

  everyVersion("stdout and stderr, line by line, before the call's result", async () => {
    expect(
      await logged(() => far.call("tasks.output.say", "one\ntwo\n", "\n", "th", "ree\n")),
    ).toEqual(["stdout: one", "stdout: two", "stdout: ", "stdout: three"]);
    expect(await logged(() => far.call("tasks.output.complain", "oh\n"))).toEqual(["stderr: oh"]);
    const { logs } = far.session();
    expect(logs.at(-1)).toMatchObject({ level: LEVELS.info, context: far.session().context.name });
  });

  everyVersion("prints and log records keep their order", async () => {
    expect(await logged(() => far.call("tasks.output.mix"))).toEqual([
      "stdout: printed 0",
      `${words.loggers.mixed}: logged 0`,
      "stdout: printed 1",
      `${words.loggers.mixed}: logged 1`,
      "stdout: printed 2",
      `${words.loggers.mixed}: logged 2`,
    ]);
  });

  test("with many calls under way, what each prints arrives before its result", async () => {
    const { logs } = far.session();
    const from = logs.length;
    const said = await Promise.all(
      Array.from({ length: 300 }, async (_, i) => {
        const stream = i % 3 === 0 ? "complain" : "say";
        await far.call(`tasks.output.${stream}`, `call ${i}\n`);
        return logs.slice(from).some(({ message }) => message === `call ${i}`);
      }),
    );
    expect(said).not.toContain(false);
  });

  test("a line without its end arrives with what completes it", async () => {
    const lines = await logged(async () => {
      await far.call("tasks.output.say", "half a line");
      await far.call("tasks.output.say", " and the rest\n");
    });
    expect(lines).toEqual(["stdout: half a line and the rest"]);
  });

  everyVersion("what commands print, by whatever way they were started", async () => {
    const echo = String.raw`echo plain; printf 'caf\303\251\n'`;
    expect(await logged(() => far.call("tasks.output.system", echo))).toEqual([
      "stdout: plain",
      "stdout: caf\u00e9",
    ]);
    const lines = await logged(() => far.call("tasks.output.children"));
    expect(lines.sort()).toEqual(["stderr: to stderr", "stdout: to stdout"]);
  });

  everyVersion("text that is not UTF-8 arrives with its bad bytes marked", async () => {
    const data = Uint8Array.of(0x61, 0xff, 0xfe, 0x62, 0x0a);
    expect(await logged(() => far.call("tasks.output.raw", data))).toEqual([
      "stdout: a\ufffd\ufffdb",
    ]);
  });

  test("output does not mix with the stream, whatever it looks like", async () => {
    const data = new Uint8Array(5000).fill(0);
    data.set(new TextEncoder().encode("econtext/1 x\n\0\0\0"));
    await logged(() => far.call("tasks.output.raw", data));
    await logged(() => far.call("tasks.output.raw", Uint8Array.of(10)));
    expect(await far.call("length", [1, 2])).toBe(2);
  });

  test("many lines keep their order, and each is whole", async () => {
    const words = Array.from({ length: 500 }, (_, i) => `line ${i}\n`);
    const lines = await logged(() => far.call("tasks.output.say", ...words));
    expect(lines).toEqual(words.map((word) => `stdout: ${word.trim()}`));
  });

  everyVersion("threads log at once, and every record is whole", async () => {
    const lines = await logged(() => far.call("tasks.output.threads", 8, 50));
    const logger = words.loggers.thread;
    const expected = Array.from(
      { length: 400 },
      (_, i) => `${logger}: ${i % 8} ${Math.floor(i / 8)}`,
    );
    expect(lines.sort()).toEqual(expected.sort());
  });

  test("a flood is bounded, and says how much it lost", async () => {
    await using session = await far.connect();
    const length = 1000;
    const lines = () => session.logs.filter((r) => r.logger === "stdout").map((r) => r.message);
    const isHeard = async (line: string): Promise<boolean> => {
      await session.call("tasks.output.say", `${line}\n`);
      return lines().at(-1) === line;
    };
    const dropped = () =>
      lines().flatMap((line) => /^\((\d+) characters dropped/.exec(line)?.[1] ?? []);
    let count = 0;
    // What so much each second is not too much for, loses nothing: a slow machine may have to be
    // told to print more.
    while (dropped().length === 0) {
      await session.call("tasks.output.flood", 7000, length);
      count += 7000;
      expect(await eventually(() => isHeard("and then"))).toBe(true);
    }
    const kept = lines().filter((line) => line === "x".repeat(length - 1)).length;
    const lost = dropped().reduce((sum, n) => sum + Number(n), 0);
    expect(kept * length).toBeGreaterThan(3 << 20);
    expect(lost).toBeGreaterThan(0);
    // Pieces of lines are counted on both sides: nothing is lost uncounted but a few of those.
    expect(Math.abs(kept * length + lost - count * length)).toBeLessThan(600_000);
  });

  test("what was dropped last is told when the context ends", async () => {
    const [count, length] = [7000, 1000];
    const session = await far.connect();
    await session.call("tasks.output.flood", count, length);
    await session[Symbol.asyncDispose]();
    const said = session.logs.filter((r) => r.logger === "stdout").map((r) => r.message);
    const kept = said.filter((line) => line === "x".repeat(length - 1)).length;
    const dropped = said.map((line) => Number(/^\((\d+) characters dropped/.exec(line)?.[1] ?? 0));
    const lost = dropped.reduce((sum, n) => sum + n, 0);
    expect(kept * length + lost).toBeGreaterThan(count * length - 600_000);
  });
}
