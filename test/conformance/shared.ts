/**
 * The context that serves all rows of a suite, one after the other. A row after which it is no use
 * fails, with the far side's last words; the rows behind it get another context.
 */
import { afterAll, afterEach, beforeAll } from "bun:test";
import { keep, marked } from "../helpers/leaks.ts";
import type { Connect, Session } from "./session.ts";

/** What a far side that is well needs for a call, on a machine that is busy. */
const ANSWER_MS = 10_000;
const LAST_RECORDS = 10;

/**
 * Inside of a `describe`.
 *
 * @param answerMs what it has for a call after each row
 * @returns the session, within its tests
 */
export function sharedSession(connect: Connect, answerMs = ANSWER_MS): () => Session {
  let open: Session | undefined;
  const start = async (): Promise<void> => {
    const session = await connect();
    open = session;
    await session.context.ready();
  };
  beforeAll(start);
  afterEach(async () => {
    const session = open;
    const failure = session === undefined ? undefined : await failureAfterRow(session, answerMs);
    if (session === undefined || failure === undefined) return;
    open = undefined;
    await end(session);
    const before = marked();
    await start();
    // It outlives the row.
    for (const pid of marked().keys()) if (!before.has(pid)) keep(pid);
    throw failure;
  });
  afterAll(() => open?.broker.close());
  return () => {
    if (open === undefined) throw new Error("there is no context");
    return open;
  };
}

/** Ends a session that may hang, and does not wait for it. All far sides are on this machine. */
async function end({ broker, context }: Session): Promise<void> {
  const { pid } = await context.ready();
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone.
  }
  await broker.close();
}

/** It must serve the next row: a call shows that. */
async function failureAfterRow(
  { callWith, logs }: Session,
  deadline: number,
): Promise<Error | undefined> {
  try {
    await callWith({ deadline }, "length", []);
    return undefined;
  } catch (error) {
    const records = logs.slice(-LAST_RECORDS).map((one) => `\n  ${one.logger}: ${one.message}`);
    return new Error(
      `after this row its context was no use: ${String(error)}\nlogged last:${records.join("")}`,
    );
  }
}
