/**
 * A Python hop raises its own limit of open files. What it starts has the limit of the account: its
 * children, and commands in every way that a command is started.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { Broker } from "../../src/index.ts";
import { pythonOf } from "../helpers/pythons.ts";
import { suite } from "../helpers/skip.ts";

setDefaultTimeout(60_000);

const SOFT_LIMIT = 64;
/** The number of the limit of open files on Linux. */
const RLIMIT_NOFILE = 7;
const ASK = ["sh", "-c", "ulimit -Sn"];

for (const version of ["2.7", "3.6", "3.13"] as const) {
  const { python, missing } = pythonOf(version);
  suite(`open files of a Python ${version}`, missing, "python", () => {
    test("the hop may have more than what it starts", async () => {
      await using broker = new Broker();
      const options = { python: python?.path ?? "" };
      const hop = await broker.connect("local", options);
      const limits = async () =>
        (await hop.call("resource.getrlimit", RLIMIT_NOFILE)) as [number, number];
      const [, hard] = await limits();
      await hop.call("resource.setrlimit", RLIMIT_NOFILE, [SOFT_LIMIT, hard]);
      for (let i = 0; i < SOFT_LIMIT / 2; i++) await hop.call("os.dup", 0);
      let child = await hop.connect("local", options);
      // The first one has the module imported that a later one needs.
      for (await child.ready(); (await limits())[0] === SOFT_LIMIT; await child.ready()) {
        child = await hop.connect("local", options);
      }
      const asked = [
        hop.exec(ASK).stdout.text(),
        hop.exec(ASK, { cwd: "/" }).stdout.text(),
        hop.exec(ASK, { tty: { columns: 80, rows: 24 } }).stdout.text(),
        child.exec(ASK).stdout.text(),
      ];
      const answers = (await Promise.all(asked)).map((text) => text.trim());
      expect(answers).toEqual(asked.map(() => String(SOFT_LIMIT)));
    });
  });
}
