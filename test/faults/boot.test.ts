/**
 * Slaves that begin in a wrong way, and some that begin in an unusual but right way. Each is a real
 * child of the real launcher (puppet-slave.ts), and says by name what it does.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { EcontextError } from "../../src/index.ts";
import { Stage } from "./puppet.ts";

/** These answer a call. */
const RIGHT = ["", "garbage before the marker", "marker in pieces", "answer in pieces"];

/** The code of the error, and words of its message. */
const WRONG: Readonly<Record<string, readonly [code: string, said: RegExp]>> = {
  noise: ["ERR_BOOTSTRAP_NOISE", /more than \d+ bytes came before the marker/],
  "last words": ["ERR_BOOTSTRAP_FAILED", /ended with status 7 before it was ready.*cannot/s],
  "wrong nonce": ["ERR_BOOTSTRAP_FAILED", /status 0 before it was ready.*econtext\/1 /s],
  "another version": ["ERR_BOOTSTRAP_FAILED", /status 0 before it was ready.*econtext\/2 /s],
  "half a marker": ["ERR_BOOTSTRAP_FAILED", /status 0 before it was ready/],
  "end after the marker": ["ERR_DISCONNECT_LOST", /the far side ended \(status 3\)/],
  "half an answer": ["ERR_DISCONNECT_LOST", /the far side ended \(status 3\)/],
  "end after the answer": ["ERR_DISCONNECT_LOST", /the far side ended \(status 4\)/],
  "garbage after the marker": ["ERR_PROTOCOL_FRAME", /./],
  "answer that is no list": ["ERR_PROTOCOL_VALUE", /expected \[kind, version, pid, executable\]/],
  "answer that is too short": ["ERR_PROTOCOL_VALUE", /expected \[kind, version, pid, executable\]/],
  "answer of no value": ["ERR_PROTOCOL_VALUE", /./],
  "text for a pid": ["ERR_PROTOCOL_VALUE", /expected \[kind, version, pid, executable\]/],
  "unknown kind": ["ERR_PROTOCOL_VALUE", /expected a kind of python, node, bun, got ".*ruby"/],
  "another language": ["ERR_PROTOCOL_VALUE", /expected an interpreter of python, got bun/],
};

/** These never answer, so that a deadline ends them. */
const HANGING = [
  ...["silent", "silence after the marker", "answer of another context"],
  ...["answer to another handle", "compressed answer"],
];
const DEADLINE_MS = 3000;

/** One call each, all at the same time. */
const outcomes = new Map<string, Promise<unknown>>();
let stage: Stage;

beforeAll(() => {
  stage = new Stage();
  for (const mode of [...RIGHT, ...Object.keys(WRONG), ...HANGING]) {
    const deadline = HANGING.includes(mode) ? DEADLINE_MS : 60_000;
    const outcome = stage.puppet(mode, deadline).then(async (context) => {
      const said = await context.call("pid");
      await context.close();
      return said;
    });
    outcomes.set(
      mode,
      outcome.catch((error: unknown) => error),
    );
  }
});
afterAll(() => stage[Symbol.asyncDispose]());

describe("a slave that begins in a right way", () => {
  test.each(RIGHT)("%p", async (mode) => {
    expect(await outcomes.get(mode)).toBeNumber();
  });
});

describe("a slave that begins in a wrong way", () => {
  test.each(Object.entries(WRONG))("%s", async (mode, [code, said]) => {
    const error = (await outcomes.get(mode)) as EcontextError;
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(said)]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(error.message).not.toMatch(/\x1b/);
  });
});

describe("a slave that never answers", () => {
  test.each(HANGING)("%s", async (mode) => {
    const error = (await outcomes.get(mode)) as EcontextError;
    expect(error.code).toBe("ERR_DEADLINE_CONNECT");
    expect(error.message).toContain(`no answer within ${String(DEADLINE_MS)} ms`);
  });
});
