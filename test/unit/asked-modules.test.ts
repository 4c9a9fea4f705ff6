/**
 * Each module of the second tier that a slave has to ask for costs a round trip: what is known to
 * be needed is sent along with the call.
 */
import { afterAll, afterEach, beforeAll, describe, expect, spyOn, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Broker, Channel, type Context } from "../../src/index.ts";
import { JavaScriptResponder } from "../../src/modules/javascript/responder.ts";
import { PythonResponder } from "../../src/modules/python/responder.ts";
import { decodeValue } from "../../src/protocol/value.ts";
import { pythonOf } from "../helpers/pythons.ts";

const TASKS = `
def values(count):
    for i in range(count):
        yield i
def send(sender):
    sender.send([1, 2])
    sender.close()
def letters():
    return {b"a"}
def fail():
    raise ValueError("as it should")
`;
const folder = mkdtempSync(join(tmpdir(), "econtext-asked-"));
const small = join(folder, "small");
const asked: unknown[] = [];
const spies = [PythonResponder, JavaScriptResponder].map(({ prototype }) => {
  const { answer } = prototype;
  return spyOn(prototype, "answer").mockImplementation(function (this: never, body: Uint8Array) {
    asked.push(decodeValue(body));
    return answer.call(this, body);
  });
});

beforeAll(async () => {
  mkdirSync(small);
  await Bun.write(join(small, "one"), "1");
  await Bun.write(join(folder, "asked_tasks.py"), TASKS);
});
afterEach(() => void asked.splice(0));
afterAll(() => {
  for (const spy of spies) spy.mockRestore();
  rmSync(folder, { recursive: true });
});

/** @returns what a fresh context asks for while it works */
async function askedBy(
  options: object,
  work: (context: Context) => Promise<unknown>,
): Promise<readonly unknown[]> {
  await using broker = new Broker({ roots: [folder] });
  const context = await broker.connect("local", options);
  await work(context);
  await context.close();
  return asked;
}

const WORK: Readonly<Record<string, (context: Context) => Promise<unknown>>> = {
  "a command": (context) => context.exec(["cat"], { stdin: "x", env: { A: "b" } }).exited,
  "putting files": (context) => context.put(small, join(folder, "there"), { recursive: true }),
  "getting files": (context) => context.get(small, join(folder, "here"), { recursive: true }),
  "writing a file": (context) => context.writeFile(join(folder, "written"), "text"),
  "reading a file": (context) => Array.fromAsync(context.readStream(join(small, "one"))),
};

const KINDS = ["2.7", "3.6", "3.13"] as const;
const interpreters: [string, object, boolean][] = [
  ["bun", { kind: "bun", bun: process.execPath }, false],
  ...KINDS.map((version): [string, object, boolean] => {
    const { python } = pythonOf(version);
    const isMissing = python === undefined;
    return [`python ${version}`, { kind: "python", python: python?.path }, isMissing];
  }),
];
describe.each(interpreters)("%s asks for no module", (_label, options, isMissing) => {
  for (const [title, work] of Object.entries(WORK)) {
    test.skipIf(isMissing)(title, async () => {
      expect(await askedBy(options, work)).toEqual([]);
    });
  }
});

const python = pythonOf("3.13").python;
describe.skipIf(python === undefined)("python", () => {
  const options = { kind: "python", python: python?.path };

  test("a result that JSON has no type for asks once", async () => {
    const work = (context: Context) => context.call("asked_tasks:letters");
    expect(await askedBy(options, work)).toEqual(["econtext.values"]);
  });

  test("a generator asks twice: for what encodes it, and for all that sends its values", async () => {
    const work = async (context: Context) => {
      const values = await context.call("asked_tasks:values", 3);
      expect(await Array.fromAsync(values as AsyncIterable<unknown>)).toEqual([0, 1, 2]);
    };
    expect(await askedBy(options, work)).toEqual(["econtext.values", "econtext.channels"]);
  });

  test("an exception asks for no file: the lines of its traceback are there", async () => {
    const work = async (context: Context) => {
      const failed = context.call("asked_tasks:fail");
      await expect(failed).rejects.toThrow("as it should");
      await failed.catch(() => {});
    };
    expect(await askedBy(options, work)).toEqual(["econtext.package_files"]);
  });

  test("a function that sends", async () => {
    const { sender, receiver } = new Channel<number[]>();
    const work = async (context: Context) => {
      const [values] = await Promise.all([
        Array.fromAsync(receiver),
        context.call("asked_tasks:send", sender),
      ]);
      expect(values).toEqual([[1, 2]]);
    };
    expect(await askedBy(options, work)).toEqual([]);
  });
});
