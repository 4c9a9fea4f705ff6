/** Log records as lines of a terminal and of a file. */
import { expect, test } from "bun:test";
import type { Output } from "../../src/cli/host.ts";
import { logLines } from "../../src/cli/ui/log-lines.ts";
import { LEVELS } from "../../src/logs/log.ts";

const output = (isTerminal: boolean): Output => ({
  isTerminal,
  coloured: false,
  canSplice: false,
  spliceFrom: () => undefined,
  write: async () => {},
  writeAtExit: () => {},
  flushed: async () => {},
  screen: () => ({ columns: 40, write: () => {} }),
});
const message = "twenty characters or more, and as many again";
const record = { context: "web1", logger: "econtext", level: LEVELS.info, message, time: 0 };

test("what econtext says is wrapped on a terminal, and is of no context if it has none", () => {
  const lines = logLines(output(true), { ...record, context: "" }, "text").split("\n");
  expect(lines[0]).toMatch(/^[\d:]+ I econtext: twenty characters$/);
  expect(lines.slice(1)).toEqual(["  or more, and as many again", ""]);
  expect(logLines(output(false), record, "text")).toEndWith(` I web1: econtext: ${message}\n`);
});

test("what a slave has printed is not wrapped", () => {
  const printed = { ...record, logger: "stdout" };
  expect(logLines(output(true), printed, "text")).toEndWith(` I web1: stdout: ${message}\n`);
});
